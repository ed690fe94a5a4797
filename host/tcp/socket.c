// SPDX-License-Identifier: GPL-2.0-only
/*
 * A queue's socket: made, connected, ICReq against ICResp, its callbacks, its
 * end. Set-up runs in the caller's process context with limits of its own. The
 * callbacks run in softirq; all they do is to leave marks and wake the work.
 */
#include <linux/delay.h>
#include <linux/netdevice.h>
#include <linux/sched/mm.h>
#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/tcp_states.h>

#include "host/tcp/tcp.h"

#ifdef CONFIG_DEBUG_LOCK_ALLOC
/*
 * Locks of these sockets are taken on the way of I/O, those of users' sockets
 * around page faults: lockdep must not take them for the same.
 */
static struct lock_class_key nvme_tcp_sk_key[2], nvme_tcp_slock_key[2];

static void nvme_tcp_own_lock_class(struct sock *sk)
{
	if (WARN_ON_ONCE(!sock_allow_reclassification(sk)))
		return;
	if (sk->sk_family == AF_INET)
		sock_lock_init_class_and_name(sk, "slock-AF_INET-WEFT",
					      &nvme_tcp_slock_key[0],
					      "sk_lock-AF_INET-WEFT",
					      &nvme_tcp_sk_key[0]);
	else
		sock_lock_init_class_and_name(sk, "slock-AF_INET6-WEFT",
					      &nvme_tcp_slock_key[1],
					      "sk_lock-AF_INET6-WEFT",
					      &nvme_tcp_sk_key[1]);
}
#else
static void nvme_tcp_own_lock_class(struct sock *sk) { }
#endif

/*
 * The network's switch for sockets that memory may be waiting for is turned for
 * the module's life, by a socket that does nothing else. To turn it takes the
 * lock of CPU hotplug; and a CPU that goes offline waits, with that lock held,
 * for requests that may only end when a queue has been connected or stopped.
 */
static struct socket *nvme_tcp_switch;

int weft_tcp_socks_init(void)
{
	int err = sock_create_kern(&init_net, AF_INET, SOCK_STREAM, IPPROTO_TCP,
				   &nvme_tcp_switch);

	if (!err)
		sk_set_memalloc(nvme_tcp_switch->sk);
	return err;
}

void weft_tcp_socks_exit(void)
{
	sk_clear_memalloc(nvme_tcp_switch->sk);
	sock_release(nvme_tcp_switch);
}

/* "traddr=...,trsvcid=...: queue N: ", then the rest */
static __printf(4, 5) int nvme_tcp_refused(struct weft_tcp_queue *q,
					   struct weft_reason *why, int err,
					const char *fmt, ...)
{
	const struct weft_connstr *o = q->ctrl->ctrl.opts;
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return weft_fail(why, err, "traddr=%s,trsvcid=%s: queue %u: %s",
			 o->traddr, o->trsvcid, q->base.qid, text);
}

static void nvme_tcp_set_tos(struct socket *sock, int tos)
{
	if (sock->sk->sk_family == AF_INET)
		ip_sock_set_tos(sock->sk, tos);
	else
		sock->ops->setsockopt(sock, SOL_IPV6, IPV6_TCLASS,
				      KERNEL_SOCKPTR(&tos), sizeof(tos));
}

static void nvme_tcp_set_options(struct weft_tcp_queue *q)
{
	const struct weft_connstr *o = q->ctrl->ctrl.opts;
	struct sock *sk = q->sock->sk;

	nvme_tcp_own_lock_class(sk);
	tcp_sock_set_nodelay(sk);
	/* what is not sent when a queue is stopped must never be */
	sock_no_linger(sk);
	sock_set_sndtimeo(sk, READ_ONCE(weft_tcp_connect_timeout));
	if (READ_ONCE(weft_tcp_so_priority) > 0)
		sock_set_priority(sk, READ_ONCE(weft_tcp_so_priority));
	if (o->tos >= 0)
		nvme_tcp_set_tos(q->sock, o->tos);
#ifdef CONFIG_NET_RX_BUSY_POLL
	/* ->poll looks at the device itself; once, it is called in a loop */
	if (weft_tqueue_is_poll(&q->base))
		sk->sk_ll_usec = 1;
#endif
	/* memory may be waiting for the I/O that goes over this socket */
	sk->sk_allocation = GFP_ATOMIC | __GFP_MEMALLOC;
	sock_set_flag(sk, SOCK_MEMALLOC);
	/* whose task may be in the middle of a send of its own then */
	sk->sk_use_task_frag = false;
}

static int nvme_tcp_bind(struct weft_tcp_queue *q, struct weft_reason *why)
{
	const struct weft_connstr *o = q->ctrl->ctrl.opts;
	struct weft_ip *ip = &q->ctrl->ip;
	struct net_device *dev;
	int err;

	if (weft_connstr_given(o, WEFT_OPT_HOST_IFACE)) {
		dev = dev_get_by_name(&init_net, o->host_iface);
		err = dev ? sock_bindtoindex(q->sock->sk, dev->ifindex, true) :
			    -ENODEV;
		dev_put(dev);
		if (err)
			return weft_fail(why, err,
					 "host_iface=%s: the connection cannot be bound to it (%d)",
					 o->host_iface, err);
	}
	if (!ip->src.ss_family)
		return 0;
	err = kernel_bind(q->sock, (struct sockaddr *)&ip->src,
			  sizeof(ip->src));
	if (err)
		return weft_fail(why, err,
				 "host_traddr=%s: must be an address of this host (%d)",
				 o->host_traddr, err);
	return 0;
}

static const struct {
	int err;
	const char *words;
} nvme_tcp_connect_errors[] = {
	{ -ECONNREFUSED,  "connection refused: nothing listens there" },
	{ -ENETUNREACH,	  "there is no route to that network" },
	{ -EHOSTUNREACH,  "that address does not answer" },
	{ -EADDRNOTAVAIL, "no local address or port to connect from" },
	{ -ECONNRESET,	  "the target reset the connection" },
	{ -EINTR,	  "interrupted by a signal" },
};

static int nvme_tcp_broken_off(struct weft_tcp_queue *q,
			       struct weft_reason *why)
{
	return nvme_tcp_refused(q, why, -ECONNRESET,
				"the controller is being deleted");
}

static int nvme_tcp_connect_failed(struct weft_tcp_queue *q, int err,
				   struct weft_reason *why)
{
	int i;

	if (READ_ONCE(q->ctrl->broken_off))
		return nvme_tcp_broken_off(q, why);
	if (err == -EINPROGRESS || err == -ETIMEDOUT || err == -EAGAIN)
		return nvme_tcp_refused(q, why, -ETIMEDOUT,
				     "no answer within %u s",
				     weft_tcp_connect_timeout);
	if (err == -ERESTARTSYS)
		err = -EINTR;
	for (i = 0; i < ARRAY_SIZE(nvme_tcp_connect_errors); i++)
		if (nvme_tcp_connect_errors[i].err == err)
			return nvme_tcp_refused(q, why, err, "%s",
					     nvme_tcp_connect_errors[i].words);
	return nvme_tcp_refused(q, why, err, "cannot be connected (%d)", err);
}

/* Until the target has agreed, weft_tcp_break_off() ends what @q waits for */
static int nvme_tcp_wait_begin(struct weft_tcp_queue *q,
			       struct weft_reason *why)
{
	struct weft_tcp_ctrl *tc = q->ctrl;

	mutex_lock(&tc->wait_lock);
	q->waits = !tc->broken_off;
	mutex_unlock(&tc->wait_lock);
	return q->waits ? 0 : nvme_tcp_broken_off(q, why);
}

static void nvme_tcp_wait_end(struct weft_tcp_queue *q)
{
	mutex_lock(&q->ctrl->wait_lock);
	q->waits = false;
	mutex_unlock(&q->ctrl->wait_lock);
}

/* Wakes who waits for a socket to connect or to receive. Was there anybody? */
static bool nvme_tcp_shut_waits(struct weft_tcp_ctrl *tc)
{
	bool any = false;
	u32 i;

	mutex_lock(&tc->wait_lock);
	tc->broken_off = true;
	for (i = 0; i < tc->nr_queues; i++) {
		if (!tc->queues[i].waits)
			continue;
		kernel_sock_shutdown(tc->queues[i].sock, SHUT_RDWR);
		any = true;
	}
	mutex_unlock(&tc->wait_lock);
	return any;
}

/*
 * weft_tcp_break_off() - &weft_transport_ops.break_off
 * A socket whose connect is just about to be called takes no notice: again.
 */
void weft_tcp_break_off(struct weft_ctrl *ctrl)
{
	while (nvme_tcp_shut_waits(to_tcp_ctrl(ctrl)))
		msleep(10);
}

/*
 * weft_tcp_sock_connect() - a connected socket for @q
 * Return: 0 with q->sock, or a negative errno with nothing left.
 */
int weft_tcp_sock_connect(struct weft_tcp_queue *q, struct weft_reason *why)
{
	struct weft_ip *ip = &q->ctrl->ip;
	int err;

	err = sock_create_kern(&init_net, ip->addr.ss_family, SOCK_STREAM,
			       IPPROTO_TCP, &q->sock);
	if (err)
		return weft_fail(why, err, "queue %u: no socket (%d)",
				 q->base.qid, err);
	nvme_tcp_set_options(q);
	err = nvme_tcp_bind(q, why);
	if (err)
		goto free;
	err = nvme_tcp_wait_begin(q, why);
	if (err)
		goto free;
	err = kernel_connect(q->sock, (struct sockaddr *)&ip->addr,
			     sizeof(ip->addr), 0);
	if (!err)
		return 0;
	err = nvme_tcp_connect_failed(q, err, why);
free:
	weft_tcp_sock_free(q);
	return err;
}

static int nvme_tcp_send_icreq(struct weft_tcp_queue *q,
			       const struct nvme_tcp_ic *ask)
{
	struct nvme_tcp_icreq req;
	struct kvec iov = { .iov_base = &req, .iov_len = sizeof(req) };
	struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };
	int n;

	nvme_tcp_icreq_encode(&req, ask);
	n = kernel_sendmsg(q->sock, &msg, &iov, 1, sizeof(req));
	return n < 0 ? n : n == sizeof(req) ? 0 : -ECONNRESET;
}

/* One PDU before there is an agreement, in its time */
static int nvme_tcp_recv_first(struct weft_tcp_queue *q,
			       struct weft_reason *why)
{
	unsigned int seconds = READ_ONCE(weft_tcp_icresp_timeout);
	unsigned long end = jiffies + seconds * HZ;
	enum nvme_tcp_rx_event ev = NVME_TCP_RX_MORE;
	u8 buf[sizeof(union nvme_tcp_pdu)];
	struct msghdr msg;
	struct kvec iov;
	int err;
	u32 n;

	while (ev == NVME_TCP_RX_MORE) {
		if (nvme_tcp_rx_want(&q->rx, &n) != NVME_TCP_RX_HDR)
			break;
		iov = (struct kvec) { .iov_base = buf,
				      .iov_len = min_t(u32, n, sizeof(buf)) };
		msg = (struct msghdr) { };
		q->sock->sk->sk_rcvtimeo = max_t(long, end - jiffies, 1);
		err = kernel_recvmsg(q->sock, &msg, &iov, 1, iov.iov_len, 0);
		if (err == -EAGAIN || (err > 0 && time_after(jiffies, end)))
			return nvme_tcp_refused(q, why, -ETIMEDOUT,
					     "no ICResp within %u s", seconds);
		if (!err && !READ_ONCE(q->ctrl->broken_off))
			return nvme_tcp_refused(q, why, -ECONNRESET,
					     "the target closed the connection instead of sending an ICResp");
		if (err <= 0)
			return nvme_tcp_connect_failed(q, err, why);
		nvme_tcp_rx_hdr(&q->rx, buf, err, &ev);
	}
	q->sock->sk->sk_rcvtimeo = MAX_SCHEDULE_TIMEOUT;
	return 0;
}

/* What came must be an ICResp with what was asked for */
static int nvme_tcp_judge(struct weft_tcp_queue *q,
			  const struct nvme_tcp_ic *ask,
			  struct weft_reason *why)
{
	const struct nvme_tcp_term *t = &q->rx.pdu.term;
	struct nvme_tcp_fault *f = &q->fault;
	u8 missing;

	if (nvme_tcp_rx_want(&q->rx, &(u32){ 0 }) == NVME_TCP_RX_DEAD) {
		if (q->rx.pdu.hdr.type == NVME_TCP_C2H_TERM && !q->rx.fault.fes)
			return nvme_tcp_refused(q, why, -EPROTO,
				"the target refuses the ICReq: %s (status %u, at %u)",
				nvme_tcp_fes_name(le16_to_cpu(t->fes)),
				le16_to_cpu(t->fes), le32_to_cpu(t->fei));
		*f = q->rx.fault;
		return nvme_tcp_refused(q, why, -EPROTO, "%s", f->why.text);
	}
	if (nvme_tcp_icresp_decode(&q->rx.pdu.icresp, ask, &q->ic, f))
		return nvme_tcp_refused(q, why, -EPROTO, "%s", f->why.text);
	missing = ask->dgst & ~q->ic.dgst;
	if (missing)
		return nvme_tcp_refused(q, why, -EOPNOTSUPP,
			"the target does not offer %s: connect without",
			missing & NVME_TCP_DGST_HDR ? "hdr_digest" :
						      "data_digest");
	return 0;
}

/*
 * weft_tcp_sock_term() - tell the target what q->fault says, if it is to be told
 * Nobody else sends.
 */
void weft_tcp_sock_term(struct weft_tcp_queue *q)
{
	struct kvec iov = { .iov_base = q->tx.term };
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };

	iov.iov_len = nvme_tcp_rx_term(&q->rx, &q->fault, q->tx.term);
	if (iov.iov_len)
		kernel_sendmsg(q->sock, &msg, &iov, 1, iov.iov_len);
}

/*
 * weft_tcp_sock_negotiate() - ICReq, ICResp; q->ic is what is agreed on
 */
int weft_tcp_sock_negotiate(struct weft_tcp_queue *q, struct weft_reason *why)
{
	const struct weft_connstr *o = q->ctrl->ctrl.opts;
	const struct nvme_tcp_ic ask = {
		.dgst = (o->hdr_digest ? NVME_TCP_DGST_HDR : 0) |
			(o->data_digest ? NVME_TCP_DGST_DATA : 0),
		.maxr2t = READ_ONCE(weft_tcp_max_r2t),
	};
	int err = nvme_tcp_send_icreq(q, &ask);

	if (err)
		return nvme_tcp_connect_failed(q, err, why);
	nvme_tcp_rx_init(&q->rx, NVME_TCP_HOST);
	err = nvme_tcp_recv_first(q, why);
	if (err)
		return err;
	err = nvme_tcp_judge(q, &ask, why);
	if (err) {
		weft_tcp_sock_term(q);
		return err;
	}
	nvme_tcp_rx_negotiated(&q->rx, q->ic.dgst, ask.pda, WEFT_TCP_TRANSFER);
	nvme_tcp_tx_init(&q->layout, q->ic.dgst, q->ic.pda);
	nvme_tcp_wait_end(q);
	return 0;
}

static void nvme_tcp_data_ready(struct sock *sk)
{
	struct weft_tcp_queue *q;

	read_lock_bh(&sk->sk_callback_lock);
	q = sk->sk_user_data;
	if (likely(q) && !READ_ONCE(q->polled))
		weft_tcp_wake(q);
	read_unlock_bh(&sk->sk_callback_lock);
}

static void nvme_tcp_write_space(struct sock *sk)
{
	struct weft_tcp_queue *q;

	read_lock_bh(&sk->sk_callback_lock);
	q = sk->sk_user_data;
	if (likely(q && sk_stream_is_writeable(sk))) {
		clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		clear_bit(WEFT_TCP_TX_FULL, &q->marks);
		set_bit(WEFT_TCP_TX_WANT, &q->marks);
		weft_tcp_wake(q);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static void nvme_tcp_state_change(struct sock *sk)
{
	struct weft_tcp_queue *q;

	read_lock_bh(&sk->sk_callback_lock);
	q = sk->sk_user_data;
	if (likely(q)) {
		if (sk->sk_state != TCP_ESTABLISHED) {
			set_bit(WEFT_TCP_CLOSED, &q->marks);
			weft_tcp_wake(q);
		}
		q->state_change(sk);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

/*
 * weft_tcp_sock_hook() - from here on packets and changes wake the work
 */
void weft_tcp_sock_hook(struct weft_tcp_queue *q)
{
	struct sock *sk = q->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = q;
	q->data_ready = sk->sk_data_ready;
	q->write_space = sk->sk_write_space;
	q->state_change = sk->sk_state_change;
	sk->sk_data_ready = nvme_tcp_data_ready;
	sk->sk_write_space = nvme_tcp_write_space;
	sk->sk_state_change = nvme_tcp_state_change;
	/* what changed before */
	if (sk->sk_state != TCP_ESTABLISHED)
		set_bit(WEFT_TCP_CLOSED, &q->marks);
	write_unlock_bh(&sk->sk_callback_lock);
}

/*
 * weft_tcp_sock_unhook() - no callback touches @q when it returns
 */
void weft_tcp_sock_unhook(struct weft_tcp_queue *q)
{
	struct sock *sk = q->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = q->data_ready;
	sk->sk_write_space = q->write_space;
	sk->sk_state_change = q->state_change;
	sk->sk_user_data = NULL;
	write_unlock_bh(&sk->sk_callback_lock);
}

/*
 * weft_tcp_sock_cut() - end the connection, and forget what TCP has not sent
 * A socket that was only shut down would go on sending pages that are given
 * back to their owners now. TCP allocates its farewell as for any process, and
 * must not wait for memory: that may be waiting for the I/O of this queue.
 */
void weft_tcp_sock_cut(struct weft_tcp_queue *q)
{
	unsigned int flags = memalloc_noreclaim_save();
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	kernel_sock_shutdown(q->sock, SHUT_RDWR);
	kernel_connect(q->sock, &none, sizeof(none), 0);
	memalloc_noreclaim_restore(flags);
}

/*
 * weft_tcp_sock_free() - the socket goes
 */
void weft_tcp_sock_free(struct weft_tcp_queue *q)
{
	unsigned int flags = memalloc_noreclaim_save();
	struct sock *sk = q->sock->sk;

	nvme_tcp_wait_end(q);
	/* its accounts are touched by packets that still come */
	lock_sock(sk);
	sock_reset_flag(sk, SOCK_MEMALLOC);
	sk->sk_allocation &= ~__GFP_MEMALLOC;
	/* it may have taken more than its share of receive memory */
	sk_mem_reclaim(sk);
	release_sock(sk);
	sock_release(q->sock);
	q->sock = NULL;
	memalloc_noreclaim_restore(flags);
}
