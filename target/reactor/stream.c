// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Servers over stream sockets; see stream.h. A client that is one too many, or
 * that its owner does not want, is closed at once. While the process has no
 * descriptor for one, the kernel's backlog holds it: its socket would have the
 * reactor called without end.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "target/reactor/stream.h"

#define PAUSE_US	(100 * 1000)

static void client_event(void *ctx, u32 events)
{
	struct stream_client *c = ctx;

	c->server->event(c, events);
}

static void resume(void *ctx)
{
	struct stream_server *s = ctx;

	s->pause = NULL;
	if (fd_source_modify(s->source, EPOLLIN))
		log_error("%s: accepts no more: %s", s->name, strerror(errno));
}

static void pause_accepting(struct stream_server *s)
{
	static struct log_budget budget;

	log_peer(&budget, LOG_WARNING, "%s: connections have to wait: %s",
		 s->name, strerror(errno));
	if (!s->pause)
		s->pause = timer_start(s->name, resume, s, PAUSE_US);
	/* without memory for a timer it goes on trying */
	if (s->pause)
		fd_source_modify(s->source, 0);
}

static bool is_short(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOMEM ||
	       err == ENOBUFS;
}

static void server_accept(void *ctx, u32 events)
{
	static struct log_budget budget;
	struct stream_server *s = ctx;
	struct stream_client *c;
	int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0) {
		/* others are about one that has gone again */
		if (is_short(errno))
			pause_accepting(s);
		return;
	}
	c = s->nclients < s->max ? s->accept(fd) : NULL;
	if (!c) {
		log_peer(&budget, LOG_WARNING,
			 "%s: connection refused: %u of at most %u are there, or it may not come",
			 s->name, s->nclients, s->max);
		close(fd);
		return;
	}
	c->server = s;
	c->fd = fd;
	c->source = fd_source_add(s->name, fd, EPOLLIN, client_event, c);
	TAILQ_INSERT_TAIL(&s->clients, c, link);
	s->nclients++;
	if (!c->source)
		stream_close(c);
}

int stream_server_open(struct stream_server *s, int fd)
{
	TAILQ_INIT(&s->clients);
	s->nclients = 0;
	s->pause = NULL;
	s->source = fd_source_add(s->name, fd, EPOLLIN, server_accept, s);
	if (!s->source)
		return -ENOMEM;
	s->fd = fd;
	return 0;
}

void stream_server_close(struct stream_server *s)
{
	struct stream_client *c;

	if (s->fd < 0)
		return;
	while ((c = TAILQ_FIRST(&s->clients)))
		stream_close(c);
	poller_unregister(&s->pause);
	fd_source_remove(&s->source);
	close(s->fd);
	s->fd = -1;
}

void stream_close(struct stream_client *c)
{
	if (c->fd < 0)
		return;
	fd_source_remove(&c->source);
	close(c->fd);
	c->fd = -1;
	TAILQ_REMOVE(&c->server->clients, c, link);
	c->server->nclients--;
	c->server->closed(c);
}

ssize_t stream_send(struct stream_client *c, const void *bytes, size_t len)
{
	size_t sent = 0;
	ssize_t n;

	while (sent < len) {
		n = send(c->fd, (const char *)bytes + sent, len - sent,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			sent += (size_t)n;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			return -errno;
	}
	return (ssize_t)sent;
}
