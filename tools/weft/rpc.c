// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * JSON-RPC client of weft-target: one connection and one request per call.
 */
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tools/weft/rpc.h"

#define ANSWER_SECONDS	120	/* deleting may wait for hosts to go */
#define STOP_SECONDS	60
#define TAKE_SECONDS	5	/* for a request to be taken */
#define CHUNK		(64u << 10)
#define ANSWER_MAX	(64u << 20)

const char *rpc_socket(const struct cli_args *a)
{
	const char *path = cli_opt(a, "rpc-socket");

	if (!path)
		path = getenv("WEFT_RPC_SOCKET");
	return path && *path ? path : CLI_DEFAULT_SOCKET;
}

static int open_failed(const char *path, int err)
{
	if (err == ENOENT || err == ECONNREFUSED)
		return cli_error(CLI_MISSING,
				 "%s: no target listens there: start weft-target, or name its socket with -r PATH or WEFT_RPC_SOCKET",
				 path);
	if (err == EAGAIN)
		return cli_error(CLI_FAILED,
				 "%s: not accepted within %d s: is the target stopped or stuck?",
				 path, TAKE_SECONDS);
	return cli_error(cli_exit_of(err), "%s: %s", path, strerror(err));
}

/* connect() does not wait longer than this for the target. */
static void limit_waiting(int fd)
{
	struct timeval limit = { .tv_sec = TAKE_SECONDS };

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* The user that WEFT_RPC_USER names may answer, too. */
static bool user_named(uid_t uid)
{
	const char *name = getenv("WEFT_RPC_USER");
	struct passwd *user;
	u64 number;

	if (!name || !*name)
		return false;
	user = getpwnam(name);
	if (user)
		return user->pw_uid == uid;
	return !weft_parse_u64(name, strlen(name), &number) && number == uid;
}

/*
 * Sockets stand where everybody may make one: whoever answers learns what is
 * sent, and chooses what is read. As much as root's or one's own is trusted.
 */
static int check_peer(int fd, const char *path)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return cli_error(CLI_FAILED, "%s: who listens there: %s", path,
				 strerror(errno));
	if (!peer.uid || peer.uid == geteuid() || user_named(peer.uid))
		return CLI_OK;
	return cli_error(CLI_FAILED,
			 "%s: user %u listens there, neither root nor you: nothing is sent; if that is the target's user, say WEFT_RPC_USER=%u",
			 path, peer.uid, peer.uid);
}

static int open_socket(const char *path, int *fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int err, rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return cli_error(CLI_USAGE,
				 "%s: the path of a socket has at most %zu characters",
				 path, sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path));
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return cli_error(CLI_FAILED, "socket: %s", strerror(errno));
	limit_waiting(*fd);
	if (!connect(*fd, (struct sockaddr *)&addr, sizeof(addr))) {
		rc = check_peer(*fd, path);
		if (rc)
			close(*fd);
		return rc;
	}
	err = errno;
	close(*fd);
	return open_failed(path, err);
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Ready within the time? 0, -ETIMEDOUT or what poll() said. */
static int wait_ready(int fd, short events, int seconds)
{
	struct pollfd p = { .fd = fd, .events = events };
	long long end = now_ms() + seconds * 1000LL, left;
	int n;

	do {
		left = end - now_ms();
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : n ? -errno : -ETIMEDOUT;
}

/* -EAGAIN: for as long as it may take, the target has taken nothing. */
static int send_all(int fd, const char *s)
{
	size_t len = strlen(s);
	ssize_t n;

	while (len) {
		n = send(fd, s, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			if (wait_ready(fd, POLLOUT, TAKE_SECONDS))
				return -EAGAIN;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		s += n;
		len -= n;
	}
	return 0;
}

/**
 * struct answer - bytes that have come so far
 */
struct answer {
	char *bytes;
	size_t len;
	size_t size;
};

static int read_more(int fd, struct answer *a)
{
	char *bytes;
	ssize_t n;
	int err;

	if (a->size - a->len < CHUNK) {
		if (a->size > ANSWER_MAX)
			return -EMSGSIZE;
		a->size = 2 * a->size + CHUNK;
		bytes = realloc(a->bytes, a->size);
		if (!bytes)
			return -ENOMEM;
		a->bytes = bytes;
	}
	err = wait_ready(fd, POLLIN, ANSWER_SECONDS);
	if (err)
		return err;
	n = recv(fd, a->bytes + a->len, CHUNK, 0);
	if (n <= 0)
		return n ? -errno : -ECONNRESET;
	a->len += n;
	return 0;
}

/* An answer is one line; what ends in '}' may be one without its line end. */
static int read_answer(int fd, json_t **out)
{
	struct answer a = { NULL, 0, 0 };
	char last;
	int err;

	*out = NULL;
	do {
		err = read_more(fd, &a);
		last = err ? 0 : a.bytes[a.len - 1];
		if (last == '\n' || last == '}')
			*out = json_loadb(a.bytes, a.len, 0, NULL);
		if (!*out && last == '\n')
			err = -EBADMSG;
	} while (!err && !*out);
	free(a.bytes);
	return err;
}

static int exchange(int fd, const char *method, json_t *params,
		    json_t **answer)
{
	json_t *request;
	char *text;
	int err;

	request = json_pack("{s:s, s:i, s:s}", "jsonrpc", "2.0", "id", 1,
			    "method", method);
	if (request && params)
		json_object_set(request, "params", params);
	text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (!text)
		return -ENOMEM;
	err = send_all(fd, text);
	free(text);
	return err ? err : read_answer(fd, answer);
}

static int refused(const json_t *answer, struct rpc_error *err)
{
	const json_t *e = json_object_get(answer, "error");

	err->code = (int)json_integer_value(json_object_get(e, "code"));
	if (!err->code)
		err->code = -EBADMSG;
	snprintf(err->message, sizeof(err->message), "%s",
		 e ? rpc_str(e, "message") : "an answer without a result");
	return cli_exit_of(err->code < -1 ? err->code : -EINVAL);
}

static const char *no_answer_text(int err)
{
	switch (err) {
	case ECONNRESET:
		return "the target closed the connection";
	case EAGAIN:
		return "the target does not take the request: is it stopped or stuck?";
	case ETIMEDOUT:
		return "the target has not answered in time: is it stopped or stuck?";
	default:
		return strerror(err);
	}
}

static int call_on(int fd, const char *path, const char *method,
		   json_t *params, json_t **result, struct rpc_error *err)
{
	json_t *answer = NULL, *r;
	int rc = exchange(fd, method, params, &answer);

	if (rc)
		return cli_error(CLI_FAILED, "%s: %s: %s", path, method,
				 no_answer_text(-rc));
	r = json_object_get(answer, "result");
	rc = r ? CLI_OK : refused(answer, err);
	if (result)
		*result = json_incref(r);
	json_decref(answer);
	return rc;
}

int rpc_try(const struct cli_args *a, const char *method, json_t *params,
	    json_t **result, struct rpc_error *err)
{
	const char *path = rpc_socket(a);
	int rc, fd;

	err->code = 0;
	if (result)
		*result = NULL;
	rc = open_socket(path, &fd);
	if (!rc) {
		rc = call_on(fd, path, method, params, result, err);
		close(fd);
	}
	json_decref(params);
	return rc;
}

int rpc_call(const struct cli_args *a, const char *method, json_t *params,
	     json_t **result)
{
	struct rpc_error err;
	int rc = rpc_try(a, method, params, result, &err);

	if (rc && err.code)
		cli_error(rc, "%s: %s (code %d)", method, err.message,
			  err.code);
	return rc;
}

int rpc_show(const struct cli_args *a, int rc, json_t *result, struct table *t,
	     void (*row)(struct table *t, const json_t *x))
{
	json_t *x;
	size_t i;

	if (rc || cli_opt(a, "json")) {
		table_free(t);
		return rc ? rc : cli_print_json(result);
	}
	json_array_foreach(result, i, x)
		row(t, x);
	table_print(t);
	json_decref(result);
	return CLI_OK;
}

/* Something that becomes readable when the process at the other end is gone. */
static int peer_pidfd(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ||
	    peer.pid <= 0)
		return -1;
	return (int)syscall(SYS_pidfd_open, peer.pid, 0);
}

int rpc_stop(const struct cli_args *a)
{
	json_t *params = json_pack("{s:s}", "sig_name", "SIGTERM");
	const char *path = rpc_socket(a);
	struct rpc_error err = { 0 };
	int rc, fd, peer;

	rc = open_socket(path, &fd);
	if (rc)
		goto out;
	peer = peer_pidfd(fd);
	rc = call_on(fd, path, "spdk_kill_instance", params, NULL, &err);
	if (rc && err.code)
		cli_error(rc, "spdk_kill_instance: %s", err.message);
	/* of a process in another container only the connection is seen */
	if (!rc && wait_ready(peer >= 0 ? peer : fd, POLLIN, STOP_SECONDS))
		rc = cli_error(CLI_FAILED,
			       "the target was told to stop, but has not within %d s",
			       STOP_SECONDS);
	if (peer >= 0)
		close(peer);
	close(fd);
out:
	json_decref(params);
	return rc;
}

void rpc_options(const struct cli_args *a, json_t *params)
{
	const struct cli_opt *o;
	const char *given;
	json_t *v;

	for (o = a->cmd->opts; o && o->name; o++) {
		given = cli_opt(a, o->name);
		if (!o->rpc || !given)
			continue;
		if (o->kind == CLI_FLAG)
			v = json_true();
		else if (o->kind == CLI_TEXT)
			v = cli_json_text(given);
		else if (o->kind == CLI_SWITCH)
			v = json_boolean(!strcmp(given, "on"));
		else
			v = json_integer((json_int_t)cli_number(a, o->name, 0));
		json_object_set_new(params, o->rpc, v);
	}
}

const char *rpc_str(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

u64 rpc_num(const json_t *j, const char *key)
{
	return (u64)json_integer_value(json_object_get(j, key));
}

bool rpc_flag(const json_t *j, const char *key)
{
	return json_is_true(json_object_get(j, key));
}
