// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Addresses that connections are accepted at. Control reactor only. When the
 * process has no descriptors left, or too many connections have not said
 * anything yet, accepting pauses; the kernel's backlog holds who comes
 * meanwhile.
 */
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "target/transport/address.h"
#include "target/transport/tcp/tcp.h"

/* Connections taken per turn: others want the control reactor too */
#define ACCEPT_BATCH	16
#define PAUSE_US	(100 * 1000)

static void set_option(int fd, int level, int option, int value,
		       const char *name)
{
	static struct log_budget budget;

	if (setsockopt(fd, level, option, &value, sizeof(value)))
		log_peer(&budget, LOG_WARNING, "tcp: %s=%d: %s", name, value,
			 strerror(errno));
}

static void tune(const struct nvmf_transport_opts *o, int fd)
{
	/* what leaves is gathered by ourselves */
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
	if (o->sock_priority)
		set_option(fd, SOL_SOCKET, SO_PRIORITY, (int)o->sock_priority,
			   "sock_priority");
	if (o->ack_timeout)
		set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
			   (int)o->ack_timeout, "ack_timeout");
}

static void peer_text(const struct sockaddr_storage *ss, socklen_t len,
		      char addr[64], char port[6])
{
	if (!getnameinfo((const struct sockaddr *)ss, len, addr, 64, port, 6,
			 NI_NUMERICHOST | NI_NUMERICSERV))
		return;
	snprintf(addr, 64, "unknown");
	snprintf(port, 6, "0");
}

static void local_text(int fd, char addr[64])
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) ||
	    getnameinfo((const struct sockaddr *)&ss, len, addr, 64, NULL, 0,
			NI_NUMERICHOST))
		*addr = 0;
}

static void resume(void *ctx)
{
	struct tcp_listener *l = ctx;

	l->pause = NULL;
	if (fd_source_modify(l->src, EPOLLIN))
		log_error("tcp: %s:%s: accepts no more: %s", l->trid.traddr,
			  l->trid.trsvcid, strerror(errno));
}

static void pause_accepting(struct tcp_listener *l, const char *why)
{
	static struct log_budget budget;

	log_peer(&budget, LOG_WARNING, "tcp: %s:%s: connections have to wait: %s",
		 l->trid.traddr, l->trid.trsvcid, why);
	/* one that could not silence the socket is still running */
	if (!l->pause)
		l->pause = timer_start("tcp-accept", resume, l, PAUSE_US);
	/* without memory for a timer the listener goes on trying */
	if (l->pause)
		fd_source_modify(l->src, 0);
}

/* False: no more of them now. */
static bool accept_one(struct tcp_listener *l)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char addr[64], port[6], local[64];
	int fd;

	if (!tcp_hello_room(l->t)) {
		pause_accepting(l, "too many have not said anything yet");
		return false;
	}
	fd = accept4(l->fd, (struct sockaddr *)&ss, &len,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		/* others are about a connection that has gone again */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS)
			pause_accepting(l, strerror(errno));
		return errno != EAGAIN && !l->pause;
	}
	if ((u32)fd >= l->t->max_fd && !tcp_hello_yield(l->t)) {
		close(fd);
		pause_accepting(l, "few descriptors are left");
		return false;
	}
	tune(&l->t->base.opts, fd);
	peer_text(&ss, len, addr, port);
	local_text(fd, local);
	tcp_hello_start(l, fd, addr, port, local);
	return true;
}

static void listener_ready(void *ctx, u32 events)
{
	int n;

	(void)events;
	for (n = 0; n < ACCEPT_BATCH && accept_one(ctx); n++)
		;
}

static int open_socket(struct tcp_listener *l, const struct addrinfo *ai)
{
	int on = 1;

	l->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK |
		       SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return errno;
	/* a restarted daemon has the port again at once */
	if (setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    (ai->ai_family == AF_INET6 &&
	     setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on))) ||
	    bind(l->fd, ai->ai_addr, ai->ai_addrlen) ||
	    listen(l->fd, (int)l->t->base.opts.acceptor_backlog))
		goto close;
	l->src = fd_source_add("tcp-listen", l->fd, EPOLLIN, listener_ready, l);
	if (l->src)
		return 0;
close:
	on = errno;
	close(l->fd);
	return on;
}

int tcp_listen(struct nvmf_transport *base, const struct nvmf_trid *trid,
	       struct weft_reason *why)
{
	struct tcp_transport *t = to_transport(base);
	struct tcp_listener *l = calloc(1, sizeof(*l));
	struct addrinfo *ai;
	int err;

	if (!l)
		return weft_fail(why, -ENOMEM, "no memory for a listener");
	l->t = t;
	l->trid = *trid;
	err = transport_resolve(trid, &ai, why);
	if (err)
		goto free;
	err = open_socket(l, ai);
	freeaddrinfo(ai);
	if (err) {
		err = transport_listen_failed(trid, err,
					      ": no interface has this address",
					      why);
		goto free;
	}
	TAILQ_INSERT_TAIL(&t->listeners, l, link);
	return 0;
free:
	free(l);
	return err;
}

static void listener_free(struct tcp_listener *l)
{
	struct tcp_transport *t = l->t;

	TAILQ_REMOVE(&t->listeners, l, link);
	poller_unregister(&l->pause);
	fd_source_remove(&l->src);
	close(l->fd);
	tcp_hello_drop(t, &l->trid);
	free(l);
}

void tcp_stop_listen(struct nvmf_transport *base, const struct nvmf_trid *trid)
{
	struct tcp_transport *t = to_transport(base);
	struct tcp_listener *l;

	TAILQ_FOREACH(l, &t->listeners, link) {
		if (nvmf_trid_equal(&l->trid, trid)) {
			listener_free(l);
			return;
		}
	}
}

void tcp_listeners_free(struct tcp_transport *t)
{
	struct tcp_listener *l;

	while ((l = TAILQ_FIRST(&t->listeners)))
		listener_free(l);
}
