// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The running configuration kept in a file, so that the daemon comes back with
 * it: --state FILE.
 *
 * After calls that may have changed something the configuration is put
 * together, and if it differs from what the file has, written: to a new file
 * beside it, fsync, rename over the old one, fsync of the folder. So the file is
 * whole at every moment, an old or a new one. Changes that come close together
 * are written once.
 *
 * Disks may be slow, and this is the control reactor: a thread of its own
 * writes, one file at a time, and tells by an eventfd.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/rpc/rpc.h"
#include "target/rpc/state.h"

#define DEBOUNCE_US	100000
#define RETRY_US	5000000
#define MAX_WAITING	16

/**
 * struct state - the one of this daemon
 * @dirty: a call may have changed something since the last look
 * @kept: text that the file has; @writing: that it is to have, the thread's
 * @waiting: calls of state_sync
 * @err: of the last write; set by the thread before it tells
 */
static struct {
	char *path;
	char *temp;
	char *kept;
	char *writing;
	bool dirty;
	int err;
	int event;
	struct fd_source *source;
	struct poller *timer;
	pthread_t thread;
	struct rpc_call *waiting[MAX_WAITING];
	unsigned int nwaiting;
	reactor_fn stopped;
	void *stopped_ctx;
} state = { .event = -1 };

int state_load(const char *path, json_t **config, struct weft_reason *why)
{
	struct stat st;

	*config = NULL;
	if (stat(path, &st)) {
		if (errno == ENOENT)
			return 0;
		return weft_fail(why, -errno, "--state %s: %s", path,
				 strerror(errno));
	}
	if (!S_ISREG(st.st_mode))
		return weft_fail(why, -EINVAL,
				 "--state %s: is no regular file; accepted is one, or a name for one",
				 path);
	*config = rpc_config_load(path, why);
	return *config ? 0 : -EINVAL;
}

/* Writing, on the thread */

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);
	ssize_t n;

	while (left) {
		n = write(fd, text, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		left -= (size_t)n;
	}
	return fsync(fd) ? -errno : 0;
}

static int sync_folder(void)
{
	char *copy = strdup(state.path);
	int fd, err = 0;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		err = -errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	return err;
}

static int write_file(const char *text)
{
	int fd, err;

	fd = open(state.temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text);
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(state.temp, state.path))
		err = -errno;
	if (err) {
		unlink(state.temp);
		return err;
	}
	return sync_folder();
}

static void *write_thread(void *arg)
{
	u64 one = 1;

	(void)arg;
	state.err = write_file(state.writing);
	/* an eventfd with room for 2^64 of them does not refuse one */
	if (write(state.event, &one, sizeof(one)) < 0)
		state.err = -errno;
	return NULL;
}

/* Deciding, on the control reactor */

static void look(void);

static void time_to_look(void *ctx)
{
	(void)ctx;
	state.timer = NULL;	/* it has gone off */
	look();
}

static void look_later(u64 us)
{
	if (!state.timer)
		state.timer = timer_start("state", time_to_look, NULL, us);
}

/* Who asks out of an answer waits for another write, and begins it. */
static void answer_waiting(int err)
{
	struct rpc_call *calls[MAX_WAITING];
	unsigned int n = state.nwaiting;

	memcpy(calls, state.waiting, sizeof(calls));
	state.nwaiting = 0;
	while (n--) {
		if (err)
			rpc_fail(calls[n], err, "--state %s: %s", state.path,
				 strerror(-err));
		else
			rpc_reply(calls[n], json_true());
	}
}

static void state_end(void)
{
	reactor_fn done = state.stopped;

	fd_source_remove(&state.source);
	poller_unregister(&state.timer);
	if (state.event >= 0)
		close(state.event);
	state.event = -1;
	free(state.path);
	free(state.temp);
	free(state.kept);
	state.path = state.temp = state.kept = NULL;
	state.stopped = NULL;
	if (done)
		reactor_send(reactor_self(), done, state.stopped_ctx);
}

/* Everything is in the file, or cannot be brought there. */
static void settled(void)
{
	int err = state.err;

	answer_waiting(err);
	if (state.stopped)
		state_end();
	else if (err)
		look_later(RETRY_US);
}

static void written(void *ctx, u32 events)
{
	u64 count;

	(void)ctx;
	(void)events;
	if (read(state.event, &count, sizeof(count)) != sizeof(count))
		return;
	pthread_join(state.thread, NULL);
	if (state.err) {
		log_error("--state %s cannot be written: %s; what has changed since is lost with a restart",
			  state.path, strerror(-state.err));
		state.dirty = true;
		free(state.writing);
	} else {
		free(state.kept);
		state.kept = state.writing;
	}
	state.writing = NULL;
	if (state.dirty && !state.err)
		look();
	else
		settled();
}

static void look(void)
{
	json_t *config;
	char *text;
	int err;

	poller_unregister(&state.timer);
	if (state.writing)
		return;			/* written() looks again */
	state.dirty = false;
	config = rpc_saved_config();
	text = json_dumps(config, JSON_INDENT(1));
	json_decref(config);
	if (text && state.kept && !strcmp(text, state.kept)) {
		free(text);
		state.err = 0;
		settled();
		return;
	}
	state.writing = text;
	/* not into state.err: the thread may have set that already */
	err = text ? pthread_create(&state.thread, NULL, write_thread, NULL) :
		     ENOMEM;
	if (!err)
		return;
	state.err = -err;
	free(text);
	state.writing = NULL;
	state.dirty = true;
	settled();
}

static bool only_asks(const char *method)
{
	return strstr(method, "_get_") || !strcmp(method, "save_config") ||
	       !strcmp(method, "state_sync");
}

static void called(const char *method)
{
	if (!state.path || only_asks(method))
		return;
	state.dirty = true;
	if (!state.writing)
		look_later(DEBOUNCE_US);
}

/*
 * What @path leads to: a link stays, and its file is replaced. One that leads
 * to no file yet gets one for the time that it takes to ask for its name.
 */
static char *followed(const char *path)
{
	char *real = realpath(path, NULL), c;
	int fd;

	if (real || readlink(path, &c, 1) < 0)
		return real ? real : strdup(path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return strdup(path);
	real = realpath(path, NULL);
	close(fd);
	if (real)
		unlink(real);
	return real;
}

int state_start(const char *path, struct weft_reason *why)
{
	size_t size;

	state.path = followed(path);
	size = state.path ? strlen(state.path) + sizeof(".new") : 0;
	state.temp = size ? malloc(size) : NULL;
	if (!state.temp)
		return weft_fail(why, -ENOMEM, "--state %s: no memory", path);
	snprintf(state.temp, size, "%s.new", state.path);
	state.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (state.event >= 0)
		state.source = fd_source_add("state", state.event, EPOLLIN,
					     written, NULL);
	if (!state.source)
		return weft_fail(why, -errno, "--state %s: %s", path,
				 strerror(errno));
	rpc_on_success(called);
	look();
	return 0;
}

void state_stop(reactor_fn done, void *ctx)
{
	state.stopped = done;
	state.stopped_ctx = ctx;
	if (!state.source) {
		state_end();
		return;
	}
	rpc_on_success(NULL);
	state.dirty = true;
	look();
}

static void sync_state(struct rpc_call *call, const void *params)
{
	(void)params;
	if (!state.path)
		rpc_fail(call, -EINVAL,
			 "no configuration is kept: start the daemon with --state FILE");
	else if (state.nwaiting == MAX_WAITING)
		rpc_fail(call, -EBUSY, "too many calls wait already");
	else {
		state.waiting[state.nwaiting++] = call;
		state.dirty = true;
		look();
	}
}

static const struct rpc_method state_methods[] = {
	{ "state_sync", RPC_RUNTIME, NULL, 0, NULL, sync_state, NULL,
	  "Answer when the state file (--state) has everything" },
};
RPC_METHODS(state_methods)
