// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A connection's first bytes, on the control reactor: ICReq, our ICResp, and
 * the header of the first command. That is the Connect, if the host keeps to
 * the protocol; it says whether this will be an admin or an I/O queue, so that
 * queues of each kind can be spread over the reactors. With it the connection
 * moves to the reactor that owns it from then on.
 *
 * No byte is read beyond that header: the rest is the new owner's. A host that
 * does not get so far in TCP_HELLO_US is turned away, and earlier if there are
 * so many of them that others would have to wait.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "target/transport/tcp/tcp.h"

#define TICK_US		(500 * 1000)
#define MAX_FIRST	256

static void forget(struct tcp_conn *c)
{
	struct tcp_transport *t = c->t;

	fd_source_remove(&c->src);
	TAILQ_REMOVE(&t->hellos, c, link);
	if (!--t->nhellos)
		poller_unregister(&t->tick);
}

static void drop(struct tcp_conn *c)
{
	forget(c);
	close(c->fd);
	free(c);
}

void tcp_hello_drop(struct tcp_transport *t, const struct nvmf_trid *trid)
{
	struct tcp_conn *c, *next;

	for (c = TAILQ_FIRST(&t->hellos); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!trid || nvmf_trid_equal(&c->base.listen, trid))
			drop(c);
	}
}

/* Its TermReq goes out if it can; the control reactor's group sees it off. */
static void refuse(struct tcp_conn *c, const struct nvme_tcp_fault *f)
{
	static struct log_budget budget;
	struct nvmf_group *g = nvmf_group_self();
	u8 term[NVME_TCP_HDR_ROOM];
	u32 n = nvme_tcp_rx_term(&c->rx, f, term);

	log_peer(&budget, LOG_WARNING, "tcp: %s:%s: connection refused: %s: %s",
		 c->base.peer, c->base.peer_port, nvme_tcp_fes_name(f->fes),
		 f->why.text);
	forget(c);
	if (n && g && send(c->fd, term, n, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		tcp_linger(g->transport_group[NVMF_TRTYPE_TCP], c->fd);
	else
		close(c->fd);
	free(c);
}

/* Return: false if the connection is gone. */
static bool answer(struct tcp_conn *c)
{
	const struct nvmf_transport_opts *o = &c->base.opts;
	struct nvme_tcp_icresp resp;
	struct nvme_tcp_fault f;
	struct nvme_tcp_ic ic;
	u8 hpda;

	if (nvme_tcp_icreq_decode(&c->rx.pdu.icreq, &ic, &f)) {
		refuse(c, &f);
		return false;
	}
	c->maxr2t = ic.maxr2t;
	hpda = ic.pda;
	ic.pda = 0;
	ic.maxh2cdata = o->max_io_size;
	nvme_tcp_icresp_encode(&resp, &ic);
	/* nothing was sent before: there is room, or nobody is there */
	if (send(c->fd, &resp, sizeof(resp), MSG_DONTWAIT | MSG_NOSIGNAL) !=
	    sizeof(resp)) {
		drop(c);
		return false;
	}
	nvme_tcp_rx_negotiated(&c->rx, ic.dgst, ic.pda, o->max_io_size);
	c->rx.max_capsule = NVME_TCP_ADMIN_CCSZ;
	if (o->in_capsule_data_size > NVME_TCP_ADMIN_CCSZ)
		c->rx.max_capsule = o->in_capsule_data_size;
	nvme_tcp_tx_init(&c->tx, ic.dgst, hpda);
	return true;
}

/* An I/O queue's Connect names it; whatever else it is, nvmf will say. */
static bool is_admin(const struct nvme_tcp_cmd *pdu)
{
	union nvme_cmd cmd = pdu->cmd;

	return cmd.sqe.opcode == NVME_OPC_FABRICS &&
	       cmd.fabrics.fctype == NVMF_FC_CONNECT && !cmd.connect.qid;
}

static void move(struct tcp_conn *c, enum nvme_tcp_rx_event ev)
{
	struct nvmf_qpair *q = &c->base;

	c->first = ev;
	q->admin = is_admin(&c->rx.pdu.cmd);
	q->group = nvmf_group_choose(q->transport, q->admin);
	if (!q->group) {
		drop(c);
		return;
	}
	forget(c);
	reactor_send(q->group->reactor, tcp_conn_start, c);
}

/* Return: whether the connection is still here and may have more. */
static bool handle(struct tcp_conn *c, enum nvme_tcp_rx_event ev)
{
	struct nvme_tcp_fault f;

	if (ev == NVME_TCP_RX_MORE)
		return true;
	if (ev == NVME_TCP_RX_FAULT) {
		refuse(c, &c->rx.fault);
		return false;
	}
	switch (c->rx.pdu.hdr.type) {
	case NVME_TCP_ICREQ:
		return answer(c);
	case NVME_TCP_CMD:
		move(c, ev);
		break;
	case NVME_TCP_H2C_DATA:
		nvme_tcp_fail_field(&f, struct nvme_tcp_data, ttag,
				    "H2CData before any command");
		refuse(c, &f);
		break;
	default:
		/* a TermReq */
		drop(c);
	}
	return false;
}

static bool read_some(struct tcp_conn *c)
{
	enum nvme_tcp_rx_event ev;
	u8 bytes[MAX_FIRST];
	ssize_t n;
	u32 want;

	if (nvme_tcp_rx_want(&c->rx, &want) != NVME_TCP_RX_HDR) {
		drop(c);
		return false;
	}
	if (want > sizeof(bytes))
		want = sizeof(bytes);
	n = recv(c->fd, bytes, want, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		drop(c);
		return false;
	}
	nvme_tcp_rx_hdr(&c->rx, bytes, (u32)n, &ev);
	return handle(c, ev);
}

static void hello_event(void *ctx, u32 events)
{
	(void)events;
	while (read_some(ctx))
		;
}

static void drop_silent(struct tcp_conn *c, u64 now)
{
	static struct log_budget budget;

	log_peer(&budget, LOG_WARNING, "tcp: %s:%s: closed, because no Connect command came in %llu s",
		 c->base.peer, c->base.peer_port,
		 (unsigned long long)((now - c->since_us) / 1000000));
	drop(c);
}

static bool may_yield(const struct tcp_transport *t, u64 now)
{
	const struct tcp_conn *oldest = TAILQ_FIRST(&t->hellos);

	return oldest && now - oldest->since_us >= TCP_HELLO_MIN_US;
}

bool tcp_hello_room(const struct tcp_transport *t)
{
	return t->nhellos < TCP_HELLOS_MAX ||
	       may_yield(t, reactor_now_us());
}

bool tcp_hello_yield(struct tcp_transport *t)
{
	u64 now = reactor_now_us();

	if (!may_yield(t, now))
		return false;
	drop_silent(TAILQ_FIRST(&t->hellos), now);
	return true;
}

static int tick(void *ctx)
{
	struct tcp_transport *t = ctx;
	u64 now = reactor_now_us();
	struct tcp_conn *c, *next;

	for (c = TAILQ_FIRST(&t->hellos); c; c = next) {
		next = TAILQ_NEXT(c, link);
		/* in the order of their arrival */
		if (now - c->since_us < TCP_HELLO_US)
			break;
		drop_silent(c, now);
	}
	return 0;
}

/* Events of it, and the clock that limits its time; both or neither */
static bool watch(struct tcp_conn *c)
{
	struct tcp_transport *t = c->t;

	c->src = fd_source_add("tcp-hello", c->fd, EPOLLIN, hello_event, c);
	if (!c->src)
		return false;
	if (!t->tick)
		t->tick = poller_register("tcp_hello", tick, t, TICK_US, NULL);
	if (!t->tick)
		fd_source_remove(&c->src);
	return t->tick;
}

void tcp_hello_start(struct tcp_listener *l, int fd, const char *peer,
		     const char *port, const char *local)
{
	struct tcp_transport *t = l->t;
	struct tcp_conn *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return;
	}
	c->t = t;
	c->fd = fd;
	c->state = TCP_CONN_HELLO;
	c->since_us = reactor_now_us();
	nvmf_qpair_init(&c->base, &t->base);
	c->base.listen = l->trid;
	snprintf(c->base.peer, sizeof(c->base.peer), "%s", peer);
	snprintf(c->base.peer_port, sizeof(c->base.peer_port), "%s", port);
	snprintf(c->base.local, sizeof(c->base.local), "%s", local);
	nvme_tcp_rx_init(&c->rx, NVME_TCP_CTRL);
	if (!watch(c)) {
		close(fd);
		free(c);
		return;
	}
	if (t->nhellos >= TCP_HELLOS_MAX)
		tcp_hello_yield(t);
	TAILQ_INSERT_TAIL(&t->hellos, c, link);
	t->nhellos++;
}
