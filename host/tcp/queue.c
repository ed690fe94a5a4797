// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of a queue: connecting, opening, its work, stopping. Called by the core
 * in process context; the work runs on the queue's processor, where its packets
 * are handled best, and gives way to others after a millisecond.
 */
#include <linux/cpumask.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "host/tcp/tcp.h"

/*
 * weft_tcp_wake() - let the work look at the queue; any context
 */
void weft_tcp_wake(struct weft_tcp_queue *q)
{
	queue_work_on(q->cpu, weft_tcp_wq, &q->work);
}

/* Queue n of a kind serves the nth processor, roughly */
static int nvme_tcp_choose_cpu(u16 qid)
{
	u32 n = (qid ? qid - 1 : 0) % num_online_cpus();
	int cpu;

	for_each_online_cpu(cpu)
		if (!n--)
			return cpu;
	return cpumask_first(cpu_online_mask);
}

/*
 * What the marks say about the connection's end; true: it is over. @dry: it was
 * closed already when nothing was left to be received.
 */
static bool nvme_tcp_report(struct weft_tcp_queue *q, bool dry)
{
	int err;

	if (test_bit(WEFT_TCP_FAULT, &q->marks)) {
		smp_rmb();	/* the mark, before what it tells of */
		weft_tcp_send_term(q);
		weft_tqueue_lost(&q->base, "%s%s", q->fault.fes ?
				 "protocol error of the target: " : "",
				 q->fault.why.text);
		return true;
	}
	if (!dry)
		return false;
	smp_rmb();		/* the mark, before the error of a send */
	/* a socket tells its error once, to a sender if one came first */
	err = q->tx_err ?: -q->sock->sk->sk_err;
	if (err)
		weft_tqueue_lost(&q->base, "the connection broke (%d)", err);
	else
		weft_tqueue_lost(&q->base, "the target closed the connection");
	return true;
}

/*
 * weft_tcp_work() - send what was left, receive what has come
 * A polled queue's data is left to ->poll, unless the connection is over.
 */
void weft_tcp_work(struct work_struct *work)
{
	struct weft_tcp_queue *q = container_of(work, struct weft_tcp_queue,
						work);
	u64 end = ktime_get_ns() + WEFT_TCP_WORK_US * NSEC_PER_USEC;
	bool closed;
	int bytes;

	q->count[WEFT_TCP_N_WAKEUPS]++;
	do {
		if (!test_bit(WEFT_Q_OPEN, &q->base.flags))
			return;
		if (test_bit(WEFT_TCP_TX_WANT, &q->marks))
			weft_tcp_push(q);
		bytes = 0;
		/* before: a last PDU may come together with the end */
		closed = test_bit(WEFT_TCP_CLOSED, &q->marks);
		if (!READ_ONCE(q->polled) || closed)
			weft_tcp_recv(q, &bytes);
		if (unlikely(nvme_tcp_report(q, closed && bytes <= 0)))
			return;
		/* if there is still something to send, others see to it */
		if (bytes <= 0)
			return;
		cond_resched();
	} while (ktime_get_ns() < end);
	weft_tcp_wake(q);
}

static void nvme_tcp_size_queue(struct weft_tcp_queue *q,
				const struct weft_queue_params *p)
{
	q->base.params = *p;
	q->depth = p->depth;
	q->cpu = nvme_tcp_choose_cpu(p->qid);
	/* padding in front of in-capsule data is not what a PDU has room for */
	q->room = p->capsule.icdoff ? 0 : nvme_capsule_room(&p->capsule);
	if (!p->qid)
		q->room = NVME_TCP_ADMIN_CCSZ;
}

static void nvme_tcp_reset_state(struct weft_tcp_queue *q)
{
	weft_tqueue_reset(&q->base);
	q->marks = 0;
	q->polled = false;
	q->tx_err = 0;
	q->open = false;
	q->unsent = 0;
	INIT_LIST_HEAD(&q->pending);
	memset(&q->exec, 0, sizeof(q->exec));
	memset(&q->aer, 0, sizeof(q->aer));
	memset(&q->tx, 0, sizeof(q->tx));
	INIT_LIST_HEAD(&q->tx.ended);
	memset(&q->fault, 0, sizeof(q->fault));
	q->rx_cmd = NULL;
	q->deaf = false;
	INIT_LIST_HEAD(&q->done);
	q->done_nr = 0;
}

static int nvme_tcp_alloc_memory(struct weft_tcp_queue *q,
				 struct weft_reason *why)
{
	q->tags = kvcalloc(q->depth, sizeof(*q->tags), GFP_KERNEL);
	q->exec_buf = (void *)get_zeroed_page(GFP_KERNEL);
	if (q->tags && q->exec_buf)
		return 0;
	kvfree(q->tags);
	free_page((unsigned long)q->exec_buf);
	return weft_fail(why, -ENOMEM, "queue %u: no memory for %u commands",
			 q->base.qid, q->depth);
}

static void nvme_tcp_free_memory(struct weft_tcp_queue *q)
{
	kvfree(q->tags);
	free_page((unsigned long)q->exec_buf);
}

static void nvme_tcp_set_limits(struct weft_tcp_ctrl *tc)
{
	struct weft_ctrl *ctrl = &tc->ctrl;

	ctrl->max_segments = WEFT_TCP_SEGMENTS;
	ctrl->max_transfer = WEFT_TCP_TRANSFER;
	ctrl->dma_dev_node = NUMA_NO_NODE;
	ctrl->virt_boundary = 0;
	ctrl->max_io_queues = tc->nr_queues - 1;
	ctrl->max_queue_size = WEFT_QUEUE_SIZE_MAX;
}

/* From here on exec works and the loss of the connection is reported */
static void nvme_tcp_open_queue(struct weft_tcp_queue *q)
{
	q->open = true;
	set_bit(WEFT_Q_OPEN, &q->base.flags);
	weft_tcp_sock_hook(q);
	/* what came before there was a hook */
	weft_tcp_wake(q);
}

static int nvme_tcp_connect_queue(struct weft_tcp_queue *q,
				  struct weft_reason *why)
{
	int err = nvme_tcp_alloc_memory(q, why);

	if (err)
		return err;
	err = weft_tcp_sock_connect(q, why);
	if (err)
		goto memory;
	err = weft_tcp_sock_negotiate(q, why);
	if (err)
		goto sock;
	nvme_tcp_open_queue(q);
	return 0;
sock:
	weft_tcp_sock_free(q);
memory:
	nvme_tcp_free_memory(q);
	return err;
}

/*
 * weft_tcp_alloc_queue() - &weft_transport_ops.alloc_queue
 */
int weft_tcp_alloc_queue(struct weft_ctrl *ctrl,
			 const struct weft_queue_params *p,
			 struct weft_reason *why)
{
	struct weft_tcp_ctrl *tc = to_tcp_ctrl(ctrl);
	struct weft_tcp_queue *q;
	int err;

	if (p->qid >= tc->nr_queues)
		return weft_fail(why, -EINVAL,
				 "queue %u: accepted range is 0-%u", p->qid,
				 tc->nr_queues - 1);
	q = &tc->queues[p->qid];
	nvme_tcp_size_queue(q, p);
	nvme_tcp_reset_state(q);
	err = nvme_tcp_connect_queue(q, why);
	if (err)
		return err;
	if (!p->qid)
		nvme_tcp_set_limits(tc);
	set_bit(WEFT_Q_ALLOCATED, &q->base.flags);
	weft_tqueue_show(&q->base);
	return 0;
}

/*
 * weft_tcp_start_queue() - &weft_transport_ops.start_queue
 */
int weft_tcp_start_queue(struct weft_ctrl *ctrl, u16 qid)
{
	struct weft_tcp_queue *q = &to_tcp_ctrl(ctrl)->queues[qid];

	if (!test_bit(WEFT_Q_OPEN, &q->base.flags))
		return -ECONNRESET;
	if (weft_tqueue_starts_polled(&q->base))
		WRITE_ONCE(q->polled, true);
	set_bit(WEFT_Q_LIVE, &q->base.flags);
	return 0;
}

/*
 * weft_tcp_stop_queue() - &weft_transport_ops.stop_queue
 *
 * First those who send and receive are turned out, then TCP loses what it has
 * not sent yet: nobody reads or writes a request's memory afterwards. Packets
 * that a device has in hand by then are beyond reach, as for every socket.
 */
void weft_tcp_stop_queue(struct weft_ctrl *ctrl, u16 qid)
{
	struct weft_tcp_queue *q = &to_tcp_ctrl(ctrl)->queues[qid];

	mutex_lock(&q->base.lock);
	clear_bit(WEFT_Q_LIVE, &q->base.flags);
	if (!test_and_clear_bit(WEFT_Q_OPEN, &q->base.flags))
		goto out;
	spin_lock_bh(&q->cmd_lock);
	q->open = false;
	spin_unlock_bh(&q->cmd_lock);
	weft_tcp_sock_unhook(q);
	WRITE_ONCE(q->polled, false);
	smp_mb();		/* pairs with test_and_set_bit in ->poll */
	wait_on_bit(&q->base.flags, WEFT_Q_POLLING, TASK_UNINTERRUPTIBLE);
	weft_tcp_tx_drop(q);
	cancel_work_sync(&q->work);
	weft_tcp_sock_cut(q);
	complete(&q->base.exec_done);
out:
	mutex_unlock(&q->base.lock);
}

/*
 * weft_tcp_free_queue() - &weft_transport_ops.free_queue
 */
void weft_tcp_free_queue(struct weft_ctrl *ctrl, u16 qid)
{
	struct weft_tcp_queue *q = &to_tcp_ctrl(ctrl)->queues[qid];

	down_write(&q->base.life);
	if (test_and_clear_bit(WEFT_Q_ALLOCATED, &q->base.flags)) {
		weft_tqueue_hide(&q->base);
		/* a sender may have woken it when it was stopped already */
		cancel_work_sync(&q->work);
		weft_tcp_sock_free(q);
		nvme_tcp_free_memory(q);
	}
	up_write(&q->base.life);
}
