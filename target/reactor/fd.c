// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * File descriptors of a reactor and its wait in epoll. All on the reactor's own
 * thread; the wake_fd is in the same epoll set, with a null pointer as data.
 */
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "target/reactor/internal.h"

struct fd_source {
	struct reactor *reactor;
	const char *name;
	int fd;
	fd_fn fn;
	void *ctx;
	TAILQ_ENTRY(fd_source) link;
};

int fd_init(struct reactor *r)
{
	struct epoll_event ev = { .events = EPOLLIN };

	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (r->epoll_fd < 0 ||
	    epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, r->wake_fd, &ev))
		return -errno;
	return 0;
}

struct fd_source *fd_source_add(const char *name, int fd, u32 events, fd_fn fn,
				void *ctx)
{
	struct reactor *r = reactor_here(__func__);
	struct epoll_event ev = { .events = events };
	struct fd_source *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	ev.data.ptr = s;
	if (epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &ev)) {
		int err = errno;

		free(s);
		errno = err;
		return NULL;
	}
	s->reactor = r;
	s->name = name;
	s->fd = fd;
	s->fn = fn;
	s->ctx = ctx;
	TAILQ_INSERT_TAIL(&r->fds, s, link);
	return s;
}

int fd_source_modify(struct fd_source *s, u32 events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	assert_on_reactor(s->reactor);
	if (epoll_ctl(s->reactor->epoll_fd, EPOLL_CTL_MOD, s->fd, &ev))
		return -errno;
	return 0;
}

static void fd_source_free(struct fd_source *s)
{
	struct reactor *r = s->reactor;
	int i;

	epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
	TAILQ_REMOVE(&r->fds, s, link);
	/* events of this one that are fetched and not yet handled */
	for (i = r->event_at; i < r->event_count; i++)
		if (r->events[i].data.ptr == s)
			r->events[i].events = 0;
	free(s);
}

void fd_source_remove(struct fd_source **s)
{
	if (!*s)
		return;
	assert_on_reactor((*s)->reactor);
	fd_source_free(*s);
	*s = NULL;
}

static unsigned int fd_dispatch(struct reactor *r)
{
	struct epoll_event *ev;
	unsigned int ran = 0;
	struct fd_source *s;

	for (r->event_at = 0; r->event_at < r->event_count;) {
		ev = &r->events[r->event_at++];
		s = ev->data.ptr;
		if (!s) {
			message_wake_clear(r);
		} else if (ev->events) {
			s->fn(s->ctx, ev->events);
			ran++;
		}
	}
	r->event_count = 0;
	r->event_at = 0;
	return ran;
}

static struct timespec *timespec_of(u64 us, struct timespec *ts)
{
	if (us == UINT64_MAX)
		return NULL;
	ts->tv_sec = (time_t)(us / 1000000);
	ts->tv_nsec = (long)(us % 1000000) * 1000;
	return ts;
}

unsigned int fd_wait(struct reactor *r, u64 timeout_us)
{
	struct timespec ts;
	int n;

	r->stats.fd_polls++;
	n = epoll_pwait2(r->epoll_fd, r->events, EVENT_BATCH,
			 timespec_of(timeout_us, &ts), NULL);
	if (n < 0 && errno != EINTR)
		reactor_fatal("reactor %u: epoll: %s", r->index,
			      strerror(errno));
	if (timeout_us)
		reactor_woke(r);
	r->event_count = n > 0 ? n : 0;
	r->found_asleep = timeout_us;
	r->woken = timeout_us && n > 0;
	if (n > 0)
		r->found_us = r->now_us;
	else
		pace_vain(&r->pace, r->now_us);
	return fd_dispatch(r);
}

void fd_wait_wake(struct reactor *r, u64 timeout_us)
{
	struct pollfd pfd = { .fd = r->wake_fd, .events = POLLIN };
	struct timespec ts;

	if (ppoll(&pfd, 1, timespec_of(timeout_us, &ts), NULL) > 0)
		message_wake_clear(r);
}

unsigned int fd_fini(struct reactor *r)
{
	unsigned int left = 0;
	struct fd_source *s;

	while ((s = TAILQ_FIRST(&r->fds))) {
		log_error("reactor %u: descriptor %d '%s' was left at the end",
			  r->index, s->fd, s->name);
		fd_source_free(s);
		left++;
	}
	return left;
}
