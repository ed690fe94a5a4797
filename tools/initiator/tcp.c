// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * NVMe/TCP of the initiator: sockets and their life. See tcp.h.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/initiator/address.h"
#include "tools/initiator/tcp.h"

#define RING_MIN	16
#define RING_MAX	256
#define SCRATCH_MIN	(16u << 10)
#define SCRATCH_MAX	(256u << 10)
#define SCRATCH_SLOT	4224u		/* a small read's data and headers */

/* --- sockets ----------------------------------------------------------------- */

static int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) ? -errno : 0;
}

static int set_options(int fd, int family, const struct weft_connstr *c,
		       struct weft_reason *why)
{
	int err = set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);

	if (err)
		return weft_fail(why, err, "TCP_NODELAY: %s", strerror(-err));
	if (weft_connstr_given(c, WEFT_OPT_TOS))
		err = family == AF_INET6 ?
		      set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, c->tos) :
		      set_int(fd, IPPROTO_IP, IP_TOS, c->tos);
	if (err)
		return weft_fail(why, err, "tos=%d: %s", c->tos,
				 strerror(-err));
	if (weft_connstr_given(c, WEFT_OPT_HOST_IFACE) &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, c->host_iface,
		       (socklen_t)strlen(c->host_iface)))
		return weft_fail(why, -errno, "host_iface=%s: %s",
				 c->host_iface, strerror(errno));
	return 0;
}

static int dial_to(const struct weft_connstr *c, const struct ini_addresses *a,
		   int *fd, struct weft_reason *why)
{
	int err;

	*fd = socket(a->to->ai_family,
		     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return weft_fail(why, -errno, "no socket (%s)",
				 strerror(errno));
	err = set_options(*fd, a->to->ai_family, c, why);
	if (err)
		return err;
	if (a->from && bind(*fd, a->from->ai_addr, a->from->ai_addrlen))
		return weft_fail(why, -errno, "host_traddr=%s: %s",
				 c->host_traddr, strerror(errno));
	if (connect(*fd, a->to->ai_addr, a->to->ai_addrlen) &&
	    errno != EINPROGRESS)
		return weft_fail(why, -errno, "traddr=%s,trsvcid=%s: %s",
				 c->traddr, c->trsvcid, strerror(errno));
	return 0;
}

static int dial(const struct weft_connstr *c, int *fd, struct weft_reason *why)
{
	struct ini_addresses a;
	int err = ini_addresses_get(c, &a, why);

	if (err)
		return err;
	err = dial_to(c, &a, fd, why);
	ini_addresses_put(&a);
	return err;
}

static int get_socket(struct tcp_queue *t, struct weft_reason *why)
{
	const struct ini_opts *o = &t->q->ctrlr->opts;
	int flags;

	if (!o->dial)
		return dial(&o->conn, &t->fd, why);
	t->fd = o->dial(o->ctx, t->q->qid);
	if (t->fd < 0)
		return weft_fail(why, t->fd, "queue %u: no connection (%s)",
				 t->q->qid, strerror(-t->fd));
	flags = fcntl(t->fd, F_GETFL);
	if (flags < 0 || fcntl(t->fd, F_SETFL, flags | O_NONBLOCK))
		return weft_fail(why, -errno, "queue %u: %s", t->q->qid,
				 strerror(errno));
	return 0;
}

static void check_connected(struct tcp_queue *t)
{
	const struct weft_connstr *c = &t->q->ctrlr->opts.conn;
	struct pollfd p = { .fd = t->fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int err = 0;

	if (poll(&p, 1, 0) <= 0)
		return;
	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (err) {
		ini_queue_fail(t->q, -err, "traddr=%s,trsvcid=%s: %s",
			       c->traddr, c->trsvcid, strerror(err));
		return;
	}
	t->state = TCP_NEGOTIATING;
	t->q->work++;
	tcp_send_icreq(t);
}

/* --- operations ---------------------------------------------------------------- */

static void tcp_close(struct ini_queue *q)
{
	struct tcp_queue *t = q->transport;

	if (!t)
		return;
	if (t->fd >= 0)
		close(t->fd);
	free(t->ring);
	free(t->scratch);
	free(t);
	q->transport = NULL;
}

static u32 clamp(u32 v, u32 lo, u32 hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static int tcp_open(struct ini_queue *q, struct weft_reason *why)
{
	const struct ini_opts *o = &q->ctrlr->opts;
	struct tcp_queue *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return weft_fail(why, -ENOMEM, "out of memory");
	q->transport = t;
	t->q = q;
	t->fd = -1;
	TAILQ_INIT(&t->todo);
	t->ring_size = RING_MIN;
	while (t->ring_size < q->nslots && t->ring_size < RING_MAX)
		t->ring_size *= 2;
	t->ring = calloc(t->ring_size, sizeof(*t->ring));
	t->scratch_size = clamp(q->nslots * SCRATCH_SLOT, SCRATCH_MIN,
				SCRATCH_MAX);
	t->scratch = malloc(t->scratch_size);
	if (!t->ring || !t->scratch)
		return weft_fail(why, -ENOMEM, "out of memory");
	t->asked.pda = o->hpda;
	t->asked.maxr2t = o->maxr2t;
	t->asked.dgst = (o->conn.hdr_digest ? NVME_TCP_DGST_HDR : 0) |
			(o->conn.data_digest ? NVME_TCP_DGST_DATA : 0);
	nvme_tcp_rx_init(&t->rx, NVME_TCP_HOST);
	nvme_tcp_tx_init(&t->tx, 0, 0);
	err = get_socket(t, why);
	if (err)
		return err;
	if (o->dial) {
		t->state = TCP_NEGOTIATING;
		tcp_send_icreq(t);
	}
	return 0;
}

static void tcp_poll(struct ini_queue *q)
{
	struct tcp_queue *t = q->transport;

	if (t->state == TCP_CONNECTING)
		check_connected(t);
	else
		tcp_receive(t);
}

static int tcp_fds(const struct ini_queue *q, struct ini_fd fds[INI_FDS_MAX])
{
	const struct tcp_queue *t = q->transport;
	bool out = t->state == TCP_CONNECTING || t->blocked;

	fds[0].fd = t->fd;
	fds[0].events = (short)(POLLIN | (out ? POLLOUT : 0));
	return 1;
}

static bool tcp_arm(struct ini_queue *q)
{
	const struct tcp_queue *t = q->transport;

	return t->blocked || (TAILQ_EMPTY(&t->todo) && t->head == t->tail);
}

const struct ini_transport_ops ini_tcp_ops = {
	.name = "tcp",
	.required = WEFT_OPT_BIT(WEFT_OPT_TRADDR),
	.allowed = WEFT_OPT_BIT(WEFT_OPT_TRADDR) |
		   WEFT_OPT_BIT(WEFT_OPT_TRSVCID) |
		   WEFT_OPT_BIT(WEFT_OPT_HOST_TRADDR) |
		   WEFT_OPT_BIT(WEFT_OPT_HOST_IFACE) |
		   WEFT_OPT_BIT(WEFT_OPT_RECONNECT_DELAY) |
		   WEFT_OPT_BIT(WEFT_OPT_CTRL_LOSS_TMO) |
		   WEFT_OPT_BIT(WEFT_OPT_HDR_DIGEST) |
		   WEFT_OPT_BIT(WEFT_OPT_DATA_DIGEST) |
		   WEFT_OPT_BIT(WEFT_OPT_TOS),
	.req_size = sizeof(struct tcp_req),
	.max_data = UINT32_MAX,
	.open = tcp_open,
	.poll = tcp_poll,
	.submit = tcp_submit,
	.flush = tcp_flush,
	.close = tcp_close,
	.fds = tcp_fds,
	.arm = tcp_arm,
};
