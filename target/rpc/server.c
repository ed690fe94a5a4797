// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The UNIX socket of the JSON-RPC server: clients, framing, output.
 *
 * Requests are JSON texts one after another, with or without line breaks. A
 * client's requests are served in order, one at a time; clients do not wait
 * for each other, and none can make the reactor wait: sockets are
 * non-blocking, input and output of a client are bounded.
 */
#include <ctype.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <stdlib.h>
#include <unistd.h>

#include "target/reactor/stream.h"
#include "target/rpc/dispatch.h"

#define RPC_MAX_INPUT	(8u << 20)
#define RPC_MAX_OUTPUT	(32u << 20)
#define RPC_MAX_CLIENTS	64
#define READ_CHUNK	(64u << 10)

struct buffer {
	char *bytes;
	size_t len;
	size_t size;
};

/**
 * struct client - one connection
 * @busy: a request is under way; the next is looked at when it has ended
 * @serving: client_serve() is on the stack and looks at the next by itself
 * @tried: so much of the input holds no whole request
 * @closing: what comes is dropped; once output is written and the client has
 *           read it and closed, the socket goes. Closing first would take the
 *           last answer away from a client that is still sending
 * @ended: the client sends no more; it goes when it has got its answers
 */
struct client {
	struct stream_client s;
	struct buffer in;
	struct buffer out;
	size_t tried;
	bool busy;
	bool serving;
	bool closing;
	bool ended;
};

static void client_serve(struct client *c);

static bool buffer_reserve(struct buffer *b, size_t more, size_t limit)
{
	size_t size = b->size ? b->size : 4096;
	char *bytes;

	if (b->len + more > limit)
		return false;
	while (size < b->len + more)
		size *= 2;
	if (size == b->size)
		return true;
	bytes = realloc(b->bytes, size);
	if (!bytes)
		return false;
	b->bytes = bytes;
	b->size = size;
	return true;
}

static void buffer_consume(struct buffer *b, size_t n)
{
	b->len -= n;
	memmove(b->bytes, b->bytes + n, b->len);
}

/* The last one to let go of a closed client frees it. */
static void client_release(struct client *c)
{
	if (c->s.fd >= 0 || c->busy || c->serving)
		return;
	free(c->in.bytes);
	free(c->out.bytes);
	free(c);
}

static void client_closed(struct stream_client *s)
{
	client_release((struct client *)s);
}

/* Returns false when the client is gone. */
static bool client_flush(struct client *c)
{
	ssize_t n = stream_send(&c->s, c->out.bytes, c->out.len);

	if (n < 0) {
		stream_close(&c->s);
		return false;
	}
	if (n)
		buffer_consume(&c->out, (size_t)n);
	if (!c->out.len && c->ended) {
		stream_close(&c->s);
		return false;
	}
	if (!c->out.len && c->closing)
		shutdown(c->s.fd, SHUT_WR);
	fd_source_modify(c->s.source, (c->busy || c->ended ? 0 : EPOLLIN) |
				    (c->out.len ? EPOLLOUT : 0));
	return true;
}

static bool client_send(struct client *c, json_t *response)
{
	char *text = json_dumps(response, JSON_COMPACT);
	size_t n = text ? strlen(text) : 0;
	bool ok = text && buffer_reserve(&c->out, n + 1, RPC_MAX_OUTPUT);

	if (ok) {
		memcpy(c->out.bytes + c->out.len, text, n);
		c->out.bytes[c->out.len + n] = '\n';
		c->out.len += n + 1;
	} else {
		log_warn("rpc: a client does not read its answers; closing it");
	}
	free(text);
	return ok;
}

/* A request, or a batch, has been answered; NULL: there is no answer. */
static void client_finished(void *ctx, json_t *response)
{
	struct client *c = ctx;

	c->busy = false;
	if (c->s.fd < 0)
		client_release(c);
	else if (response && !client_send(c, response))
		stream_close(&c->s);
	else if (!c->serving && client_flush(c))
		client_serve(c);
}

/* Answer once more, then close: what follows cannot be understood. */
static void client_refuse(struct client *c, int code, const char *message)
{
	json_t *r = dispatch_refusal(code, message);

	c->closing = true;
	c->in.len = 0;
	c->tried = 0;
	if (!client_send(c, r))
		c->out.len = 0;
	json_decref(r);
}

/* strchr() finds the terminator too */
static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/*
 * Does the input end in the middle of a literal, a number, an escape or a UTF-8
 * character? The parser calls these invalid, though their rest may be coming.
 */
static bool ends_within_token(const char *s, size_t len)
{
	static const char *const literals[] = { "true", "false", "null" };
	const char *end = s + len, *tail = end;
	size_t i, n;

	if (end[-1] & 0x80)
		return true;
	while (tail > s && end - tail < 8 &&
	       (isalnum((unsigned char)tail[-1]) ||
		is_one_of(tail[-1], "+-.\\")))
		tail--;
	n = end - tail;
	for (i = 0; i < ARRAY_SIZE(literals); i++)
		if (n && !strncmp(literals[i], tail, n))
			return true;
	return n && (isdigit((unsigned char)*tail) || *tail == '-' ||
		     memchr(tail, '\\', n));
}

static bool may_continue(const json_error_t *err, const char *s, size_t len)
{
	if (json_error_code(err) == json_error_premature_end_of_input)
		return true;
	return (size_t)err->position + 8 >= len && ends_within_token(s, len);
}

/* One that is not whole is looked at again when what may end it has come. */
static bool may_be_whole(const struct client *c)
{
	const char *fresh = c->in.bytes + c->tried;
	size_t n = c->in.len - c->tried;

	return !c->tried || memchr(fresh, '}', n) || memchr(fresh, ']', n);
}

/* The next request of the input, or NULL: more has to come, or refused. */
static json_t *client_request(struct client *c)
{
	size_t blanks = 0;
	json_error_t err;
	char words[256];
	json_t *request;

	if (!may_be_whole(c))
		return NULL;
	while (blanks < c->in.len && is_one_of(c->in.bytes[blanks], " \t\r\n"))
		blanks++;
	buffer_consume(&c->in, blanks);
	if (!c->in.len)
		return NULL;
	c->tried = c->in.len;
	request = json_loadb(c->in.bytes, c->in.len, JSON_DISABLE_EOF_CHECK |
			     JSON_REJECT_DUPLICATES, &err);
	if (request) {
		buffer_consume(&c->in, err.position);
		c->tried = 0;
	} else if (!may_continue(&err, c->in.bytes, c->in.len) ||
		   !is_one_of(c->in.bytes[0], "{[")) {
		snprintf(words, sizeof(words), "Parse error: %s (byte %d)",
			 err.text, err.position);
		client_refuse(c, RPC_PARSE_ERROR, words);
	}
	return request;
}

/* Serve what has come; methods that end at once do not deepen the stack. */
static void client_serve(struct client *c)
{
	json_t *request;

	c->serving = true;
	while (c->s.fd >= 0 && !c->busy && !c->closing) {
		request = client_request(c);
		if (!request)
			break;
		c->busy = true;
		dispatch(request, client_finished, c);
		json_decref(request);
	}
	if (c->s.fd >= 0)
		client_flush(c);
	c->serving = false;
	client_release(c);
}

/* Returns false when the client is gone. */
static bool client_read(struct client *c)
{
	ssize_t n;

	if (!buffer_reserve(&c->in, READ_CHUNK, RPC_MAX_INPUT + READ_CHUNK) ||
	    c->in.len > RPC_MAX_INPUT) {
		client_refuse(c, RPC_INVALID_REQUEST,
			      "request is longer than 8 MiB");
		return true;
	}
	n = recv(c->s.fd, c->in.bytes + c->in.len, READ_CHUNK, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n < 0 || (!n && !c->out.len)) {
		stream_close(&c->s);
		return false;
	}
	c->ended = !n;
	if (!c->closing)
		c->in.len += n;
	return true;
}

static void client_event(struct stream_client *s, u32 events)
{
	struct client *c = (struct client *)s;

	if ((events & EPOLLOUT) && !client_flush(c))
		return;
	if (events & EPOLLIN) {
		if (client_read(c))
			client_serve(c);
	} else if (events & (EPOLLHUP | EPOLLERR)) {
		stream_close(&c->s);
	}
}

/* The mode keeps others out; this keeps out those who got the descriptor. */
static bool peer_allowed(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) &&
	       (cred.uid == geteuid() || cred.uid == 0);
}

static struct stream_client *client_new(int fd)
{
	struct client *c = peer_allowed(fd) ? calloc(1, sizeof(*c)) : NULL;

	return c ? &c->s : NULL;
}

static struct stream_server server = {
	.name = "rpc",
	.max = RPC_MAX_CLIENTS,
	.accept = client_new,
	.event = client_event,
	.closed = client_closed,
	.fd = -1,
};

/* The socket's file */
static char server_path[sizeof(((struct sockaddr_un *)0)->sun_path)];

/* Does a daemon answer behind an existing socket file? */
static bool socket_alive(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool alive = false;

	if (fd >= 0) {
		alive = !connect(fd, (const void *)addr, sizeof(*addr));
		close(fd);
	}
	return alive;
}

static int make_socket(const struct sockaddr_un *addr, struct weft_reason *why)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stat st;

	if (fd < 0)
		return weft_fail(why, -errno, "socket: %s", strerror(errno));
	if (!lstat(addr->sun_path, &st) && S_ISSOCK(st.st_mode)) {
		if (socket_alive(addr)) {
			close(fd);
			return weft_fail(why, -EADDRINUSE,
					 "%s: another daemon answers there; stop it or choose another path with -r",
					 addr->sun_path);
		}
		unlink(addr->sun_path);
	}
	/* On Linux the new file takes the socket's own mode, without a gap. */
	if (fchmod(fd, 0600) || bind(fd, (const void *)addr, sizeof(*addr)) ||
	    listen(fd, SOMAXCONN)) {
		int err = -errno;

		close(fd);
		return weft_fail(why, err, "%s: %s", addr->sun_path,
				 strerror(-err));
	}
	return fd;
}

int rpc_server_check(const char *path, struct weft_reason *why)
{
	size_t len = strlen(path);

	if (len && len < sizeof(server_path))
		return 0;
	return weft_fail(why, -EINVAL,
			 "--rpc-socket %.120s: 1 to %zu characters are accepted",
			 path, sizeof(server_path) - 1);
}

int rpc_server_start(const char *path, struct weft_reason *why)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, err;

	err = rpc_server_check(path, why);
	if (err)
		return err;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = make_socket(&addr, why);
	if (fd < 0)
		return fd;
	if (stream_server_open(&server, fd)) {
		close(fd);
		unlink(path);
		return weft_fail(why, -ENOMEM, "%s: no memory", path);
	}
	memcpy(server_path, addr.sun_path, sizeof(server_path));
	return 0;
}

void rpc_server_stop(void)
{
	if (server.fd < 0)
		return;
	stream_server_close(&server);
	unlink(server_path);
}
