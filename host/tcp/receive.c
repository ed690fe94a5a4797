// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving: the socket's bytes through the PDU receiver of common/, payload
 * from the packet straight into the request's pages, its digest on the way.
 *
 * A pass runs under the socket's lock and ends its commands when it has let go
 * of it. The work passes as the lock's owner; ->poll takes its spinlock only,
 * because it must not sleep (io_uring calls it in an RCU read section), and
 * leaves if there is an owner.
 *
 * Nothing that a target sends is trusted. Headers are checked by the receiver,
 * transfers by the state machines of common/tcp_conn.h; a command is found by
 * its tag only if all 16 bits of its identifier, its generation among them, are
 * those in flight. Else the queue is deaf from then on, and the work tells the
 * target (TermReq) and starts recovery.
 */
#include <linux/highmem.h>
#include <net/busy_poll.h>
#include <net/tcp.h>

#include "host/tcp/tcp.h"

static void nvme_tcp_deaf(struct weft_tcp_queue *q)
{
	q->deaf = true;
	q->rx_cmd = NULL;
	smp_mb__before_atomic();	/* q->fault, before the mark */
	set_bit(WEFT_TCP_FAULT, &q->marks);
	weft_tcp_wake(q);
}

/* Under cmd_lock: the command in flight that has @cid */
static struct weft_tcp_cmd *nvme_tcp_find(struct weft_tcp_queue *q, u16 cid)
{
	struct weft_tcp_cmd *cmd = NULL;
	u16 tag = weft_cid_tag(cid);

	if (tag == WEFT_TAG_SLOT)
		cmd = &q->exec;
	else if (tag == WEFT_TAG_AER && !q->base.qid)
		cmd = &q->aer;
	else if (tag < q->depth)
		cmd = q->tags[tag];
	/* what was not sent cannot be answered */
	if (!cmd || !cmd->active || !cmd->sent || cmd->responded ||
	    cmd->cid != cid)
		return NULL;
	return cmd;
}

/*
 * weft_tcp_end_if_over() - is there nothing more to come for @cmd?
 * If so it is not in flight any more and goes to @done. Under cmd_lock.
 */
bool weft_tcp_end_if_over(struct weft_tcp_queue *q, struct weft_tcp_cmd *cmd,
			  struct list_head *done)
{
	lockdep_assert_held(&q->cmd_lock);
	if (!cmd->responded || cmd->tx_busy)
		return false;
	if (cmd->rq)
		q->tags[cmd->rq->tag] = NULL;
	cmd->active = false;
	list_add_tail(&cmd->link, done);
	return true;
}

static void nvme_tcp_complete_batch(struct io_comp_batch *iob)
{
	weft_complete_batch(iob, NULL);
}

static void nvme_tcp_finish_into(struct weft_tcp_queue *q,
				 struct list_head *done,
				 struct io_comp_batch *iob)
{
	struct weft_tcp_cmd *cmd, *next;

	list_for_each_entry_safe(cmd, next, done, link) {
		/* its memory may have its next life as soon as it has ended */
		if (cmd->rq)
			weft_end_rq(cmd->rq, cmd->status, cmd->result, iob,
				    nvme_tcp_complete_batch);
		else if (cmd == &q->exec)
			weft_tqueue_answered(&q->base);
		else
			weft_complete_aer(&q->ctrl->ctrl, cmd->status,
					  lower_32_bits(cmd->result));
	}
}

/*
 * weft_tcp_finish() - end the commands of @done; no lock is held
 */
void weft_tcp_finish(struct weft_tcp_queue *q, struct list_head *done)
{
	DEFINE_IO_COMP_BATCH(iob);

	nvme_tcp_finish_into(q, done, &iob);
	if (iob.complete)
		iob.complete(&iob);
}

/* A success must have moved all data; who moves less and says so breaks I/O */
static int nvme_tcp_check_moved(const struct weft_tcp_cmd *cmd,
				struct nvme_tcp_fault *f)
{
	u32 moved = cmd->len;

	if (!cmd->strict || weft_cqe_status(cmd->status))
		return 0;
	if (cmd->r2t)
		moved = cmd->give.asked;
	else if (cmd->dir == NVME_XFER_CTRL_TO_HOST)
		moved = cmd->take.got;
	if (moved == cmd->len)
		return 0;
	return nvme_tcp_fail(f, NVME_TCP_FES_PDU_SEQ, 0,
			     "success after %u of %u bytes", moved, cmd->len);
}

/* Under cmd_lock: @cmd has its answer */
static int nvme_tcp_answered(struct weft_tcp_queue *q,
			     struct weft_tcp_cmd *cmd, u16 status, u64 result)
{
	int err;

	cmd->status = status;
	cmd->result = result;
	err = nvme_tcp_check_moved(cmd, &q->fault);
	if (err)
		return err;
	if (unlikely(cmd->bad_digest) && !weft_cqe_status(status))
		cmd->status = NVME_SC_TRANSIENT_TRANSPORT << 1;
	cmd->responded = true;
	if (weft_tcp_end_if_over(q, cmd, &q->done))
		q->done_nr++;
	return 0;
}

static int nvme_tcp_no_command(struct weft_tcp_queue *q, const char *pdu,
			       u32 offset, u16 cid)
{
	return nvme_tcp_fail(&q->fault, NVME_TCP_FES_INVALID_HDR, offset,
			     "%s for no command in flight (command identifier %#x)",
			     pdu, cid);
}

static int nvme_tcp_response(struct weft_tcp_queue *q)
{
	const struct nvme_cqe *cqe = &q->rx.pdu.rsp.cqe;
	u16 cid = le16_to_cpu(cqe->cid);
	struct weft_tcp_cmd *cmd;
	int err;

	q->count[WEFT_TCP_N_RESPONSES]++;
	spin_lock_bh(&q->cmd_lock);
	cmd = nvme_tcp_find(q, cid);
	err = cmd ? nvme_tcp_answered(q, cmd, le16_to_cpu(cqe->status),
				      le64_to_cpu(cqe->result)) :
		    nvme_tcp_no_command(q, "response",
					offsetof(struct nvme_tcp_rsp, cqe.cid),
					cid);
	spin_unlock_bh(&q->cmd_lock);
	return err;
}

static int nvme_tcp_r2t(struct weft_tcp_queue *q)
{
	const struct nvme_tcp_r2t *r = &q->rx.pdu.r2t;
	u16 cid = le16_to_cpu(r->cccid);
	struct weft_tcp_cmd *cmd;
	int err;

	q->count[WEFT_TCP_N_R2TS]++;
	spin_lock_bh(&q->cmd_lock);
	cmd = nvme_tcp_find(q, cid);
	if (!cmd || !cmd->r2t)
		err = nvme_tcp_no_command(q, "R2T",
					  offsetof(struct nvme_tcp_r2t, cccid),
					  cid);
	else
		err = nvme_tcp_give_r2t(&cmd->give, r, &q->fault);
	/* if it is in a batch, the sender sees what is due after it */
	if (!err && !cmd->tx_busy) {
		cmd->tx_busy = true;
		list_add_tail(&cmd->link, &q->pending);
	}
	spin_unlock_bh(&q->cmd_lock);
	if (err)
		return err;
	set_bit(WEFT_TCP_TX_WANT, &q->marks);
	weft_tcp_wake(q);
	return 0;
}

/* Payload of a C2HData follows: where does it go? */
static int nvme_tcp_data_begin(struct weft_tcp_queue *q)
{
	const struct nvme_tcp_data *d = &q->rx.pdu.data;
	u16 cid = le16_to_cpu(d->cccid);
	struct weft_tcp_cmd *cmd;
	int err;

	spin_lock_bh(&q->cmd_lock);
	cmd = nvme_tcp_find(q, cid);
	if (!cmd || cmd->dir != NVME_XFER_CTRL_TO_HOST)
		err = nvme_tcp_no_command(q, "data",
					  offsetof(struct nvme_tcp_data, cccid),
					  cid);
	else
		err = nvme_tcp_take_c2h(&cmd->take, d, &q->rx_success,
					&q->fault);
	spin_unlock_bh(&q->cmd_lock);
	q->rx_cmd = err ? NULL : cmd;
	return err;
}

static int nvme_tcp_data_end(struct weft_tcp_queue *q, bool damaged)
{
	struct weft_tcp_cmd *cmd = q->rx_cmd;
	int err = 0;

	q->rx_cmd = NULL;
	if (unlikely(damaged)) {
		q->count[WEFT_TCP_N_BAD_DDGST]++;
		cmd->bad_digest = true;
	}
	if (!q->rx_success)
		return 0;
	q->count[WEFT_TCP_N_SUCCESSES]++;
	spin_lock_bh(&q->cmd_lock);
	err = nvme_tcp_answered(q, cmd, 0, 0);
	spin_unlock_bh(&q->cmd_lock);
	return err;
}

static int nvme_tcp_term(struct weft_tcp_queue *q)
{
	const struct nvme_tcp_term *t = &q->rx.pdu.term;
	u16 fes = le16_to_cpu(t->fes);

	/* a TermReq is not answered by one */
	return nvme_tcp_fail(&q->fault, 0, 0,
			     "the target ends the connection: %s (status %u, at %u)",
			     nvme_tcp_fes_name(fes), fes, le32_to_cpu(t->fei));
}

static int nvme_tcp_pdu_end(struct weft_tcp_queue *q, bool damaged)
{
	q->count[WEFT_TCP_N_RX_PDUS]++;
	switch (q->rx.pdu.hdr.type) {
	case NVME_TCP_RSP:
		return nvme_tcp_response(q);
	case NVME_TCP_R2T:
		return nvme_tcp_r2t(q);
	case NVME_TCP_C2H_DATA:
		return nvme_tcp_data_end(q, damaged);
	case NVME_TCP_C2H_TERM:
		return nvme_tcp_term(q);
	default:
		return nvme_tcp_fail(&q->fault, NVME_TCP_FES_PDU_SEQ, 0,
				     "PDU of type %#x out of place",
				     q->rx.pdu.hdr.type);
	}
}

static void nvme_tcp_event(struct weft_tcp_queue *q,
			   enum nvme_tcp_rx_event ev)
{
	int err = 0;

	switch (ev) {
	case NVME_TCP_RX_MORE:
		break;
	case NVME_TCP_RX_PDU:
		err = nvme_tcp_data_begin(q);
		break;
	case NVME_TCP_RX_END:
	case NVME_TCP_RX_BAD_DDGST:
		err = nvme_tcp_pdu_end(q, ev == NVME_TCP_RX_BAD_DDGST);
		break;
	case NVME_TCP_RX_FAULT:
		q->fault = q->rx.fault;
		err = -EPROTO;
		break;
	}
	if (unlikely(err))
		nvme_tcp_deaf(q);
}

/* @len bytes of payload to where they belong; take_c2h has seen that they fit */
static u32 nvme_tcp_place(struct weft_tcp_queue *q, const u8 *p, u32 len)
{
	struct bio_vec bv;
	u32 done = 0, n;

	while (done < len &&
	       weft_tcp_next_piece(&q->rx_cmd->cur, len - done, &bv)) {
		while (bv.bv_len) {
			n = min_t(u32, bv.bv_len,
				  PAGE_SIZE - offset_in_page(bv.bv_offset));
			memcpy_to_page(bv.bv_page +
				       (bv.bv_offset >> PAGE_SHIFT),
				       offset_in_page(bv.bv_offset), p + done,
				       n);
			bv.bv_offset += n;
			bv.bv_len -= n;
			done += n;
		}
	}
	return done;
}

/* All of the @len bytes, unless the queue goes deaf */
static void nvme_tcp_feed(struct weft_tcp_queue *q, const u8 *p, u32 len)
{
	struct nvme_tcp_rx *rx = &q->rx;
	enum nvme_tcp_rx_event ev;
	u32 n;

	while (len && !q->deaf) {
		switch (nvme_tcp_rx_want(rx, &n)) {
		case NVME_TCP_RX_HDR:
			n = nvme_tcp_rx_hdr(rx, p, len, &ev);
			break;
		case NVME_TCP_RX_DATA:
			n = nvme_tcp_place(q, p, min(n, len));
			if (WARN_ON_ONCE(!n)) {
				nvme_tcp_deaf(q);
				return;
			}
			nvme_tcp_rx_data(rx, p, n, &ev);
			break;
		case NVME_TCP_RX_DDGST:
			n = nvme_tcp_rx_ddgst(rx, p, len, &ev);
			break;
		case NVME_TCP_RX_DEAD:
			return;
		}
		p += n;
		len -= n;
		nvme_tcp_event(q, ev);
	}
}

/* One packet, or what is left of it */
static int nvme_tcp_actor(read_descriptor_t *desc, struct sk_buff *skb,
			  unsigned int offset, size_t len)
{
	struct weft_tcp_queue *q = desc->arg.data;
	unsigned int done = 0, n;
	struct skb_seq_state st;
	const u8 *p;

	skb_prepare_seq_read(skb, offset, offset + len, &st);
	while ((n = skb_seq_read(done, &p, &st))) {
		nvme_tcp_feed(q, p, n);
		done += n;
	}
	desc->count -= min_t(size_t, desc->count, len);
	q->count[WEFT_TCP_N_RX_BYTES] += len;
	return len;
}

/* Under the socket's lock. Returns bytes; what they ended is in q->done. */
static int nvme_tcp_pass(struct weft_tcp_queue *q)
{
	read_descriptor_t desc = {
		.arg.data = q,
		.count = WEFT_TCP_RX_BYTES,
	};

	q->count[WEFT_TCP_N_RECVS]++;
	return q->sock->ops->read_sock(q->sock->sk, &desc, nvme_tcp_actor);
}

static u32 nvme_tcp_take_done(struct weft_tcp_queue *q, struct list_head *done)
{
	u32 n = q->done_nr;

	list_splice_init(&q->done, done);
	q->done_nr = 0;
	return n;
}

/*
 * weft_tcp_recv() - one pass by the work
 * @bytes: received, or a negative errno
 * Return: commands that it ended.
 */
u32 weft_tcp_recv(struct weft_tcp_queue *q, int *bytes)
{
	LIST_HEAD(done);
	u32 n;

	lock_sock(q->sock->sk);
	*bytes = nvme_tcp_pass(q);
	n = nvme_tcp_take_done(q, &done);
	release_sock(q->sock->sk);
	weft_tcp_finish(q, &done);
	return n;
}

/* One pass that does not sleep, if nobody owns the socket at the moment */
static u32 nvme_tcp_recv_atomic(struct weft_tcp_queue *q,
				struct io_comp_batch *iob)
{
	struct sock *sk = q->sock->sk;
	LIST_HEAD(done);
	u32 n = 0;

	local_bh_disable();
	bh_lock_sock(sk);
	if (!sock_owned_by_user_nocheck(sk)) {
		nvme_tcp_pass(q);
		n = nvme_tcp_take_done(q, &done);
	}
	bh_unlock_sock(sk);
	local_bh_enable();
	/* polled bios are freed only where bottom halves are on */
	nvme_tcp_finish_into(q, &done, iob);
	return n;
}

/*
 * weft_tcp_poll() - &blk_mq_ops.poll: one pass, unless another task is at it
 */
int weft_tcp_poll(struct blk_mq_hw_ctx *hctx, struct io_comp_batch *iob)
{
	struct weft_tcp_queue *q = hctx->driver_data;
	struct sock *sk;
	int n = 0;

	if (!READ_ONCE(q->polled) ||
	    test_and_set_bit(WEFT_Q_POLLING, &q->base.flags))
		return 0;
	/* again: who ends polling clears the one and waits for the other */
	if (READ_ONCE(q->polled)) {
		sk = q->sock->sk;
		if (skb_queue_empty_lockless(&sk->sk_receive_queue) &&
		    sk_can_busy_loop(sk))
			sk_busy_loop(sk, true);
		n = nvme_tcp_recv_atomic(q, iob);
	}
	clear_and_wake_up_bit(WEFT_Q_POLLING, &q->base.flags);
	return n;
}
