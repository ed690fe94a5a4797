// SPDX-License-Identifier: GPL-2.0-only
/*
 * What every transport's queue has in common: the marks of its life, the first
 * error of a connection, the waiter of the private slot, and its counters in
 * debugfs (weft/nvmeX/queueN, one "name value" a line). Called by transports.
 *
 * Counters count from the controller's creation on, over reconnects. Reading
 * takes no lock: single values are right, a set of them taken under load may be
 * a few commands apart.
 */
#include <linux/cpumask.h>
#include <linux/seq_file.h>

#include "host/core/core.h"

/*
 * weft_tqueue_init() - once, when the controller is created
 * @counts: names of @q->count, NULL at the end
 */
void weft_tqueue_init(struct weft_tqueue *q, struct weft_ctrl *ctrl, u16 qid,
		      const char *const *counts, u64 *count)
{
	q->wctrl = ctrl;
	q->qid = qid;
	q->count_names = counts;
	q->count = count;
	mutex_init(&q->lock);
	init_rwsem(&q->life);
	spin_lock_init(&q->exec_lock);
	init_completion(&q->exec_done);
}
EXPORT_SYMBOL_GPL(weft_tqueue_init);

/*
 * weft_tqueue_reset() - a new connection begins, of which nothing is known
 */
void weft_tqueue_reset(struct weft_tqueue *q)
{
	clear_bit(WEFT_Q_LOST, &q->flags);
	clear_bit(WEFT_Q_REPORTED, &q->flags);
	clear_bit(WEFT_Q_TOLD, &q->flags);
	q->exec_busy = false;
}
EXPORT_SYMBOL_GPL(weft_tqueue_reset);

/*
 * weft_tqueue_cid() - command identifier for @q's next private command
 * @tag: WEFT_TAG_SLOT or WEFT_TAG_AER
 * Context: as weft_transport_ops.exec and .submit_aer, which take turns.
 */
u16 weft_tqueue_cid(struct weft_tqueue *q, u16 tag)
{
	return weft_make_cid(++q->generation, tag);
}
EXPORT_SYMBOL_GPL(weft_tqueue_cid);

/*
 * weft_tqueue_opened() - the connection stands, its loss is reported from now
 * Return: false if it was lost before: nobody has been told.
 */
bool weft_tqueue_opened(struct weft_tqueue *q)
{
	set_bit(WEFT_Q_OPEN, &q->flags);
	smp_mb__after_atomic();		/* pairs with weft_tqueue_lost() */
	return !test_bit(WEFT_Q_LOST, &q->flags);
}
EXPORT_SYMBOL_GPL(weft_tqueue_opened);

/*
 * weft_tqueue_lost() - report @q's first error, wake who waits for its slot
 * Errors that follow the first one or our own disconnect say nothing new.
 * Context: any.
 */
void weft_tqueue_lost(struct weft_tqueue *q, const char *fmt, ...)
{
	va_list ap;

	set_bit(WEFT_Q_LOST, &q->flags);
	smp_mb__after_atomic();		/* pairs with weft_tqueue_opened() */
	if (!test_bit(WEFT_Q_OPEN, &q->flags) ||
	    test_and_set_bit(WEFT_Q_REPORTED, &q->flags))
		return;
	va_start(ap, fmt);
	vsnprintf(q->lost, sizeof(q->lost), fmt, ap);
	va_end(ap);
	smp_mb__before_atomic();	/* the words, before the mark */
	set_bit(WEFT_Q_TOLD, &q->flags);
	weft_error_recovery(q->wctrl, "queue %u: %s", q->qid, q->lost);
	complete(&q->exec_done);
}
EXPORT_SYMBOL_GPL(weft_tqueue_lost);

/*
 * weft_tqueue_answered() - the private slot's command has ended
 * The slot may have its next life at once. Context: any but hard interrupts.
 */
void weft_tqueue_answered(struct weft_tqueue *q)
{
	/* together: a wake-up that lags behind would be the next command's */
	spin_lock_bh(&q->exec_lock);
	q->exec_busy = false;
	complete(&q->exec_done);
	spin_unlock_bh(&q->exec_lock);
}
EXPORT_SYMBOL_GPL(weft_tqueue_answered);

static bool weft_tqueue_is_busy(struct weft_tqueue *q)
{
	bool busy;

	spin_lock_bh(&q->exec_lock);
	busy = q->exec_busy;
	spin_unlock_bh(&q->exec_lock);
	return busy;
}

/* Until the response, the queue's end, the time's end or a signal */
static int weft_tqueue_wait(struct weft_tqueue *q, bool interruptible,
			    unsigned long timeout)
{
	long left;

	/* an error that came before exec_done was made ready wakes nobody */
	if (test_bit(WEFT_Q_REPORTED, &q->flags))
		return -ECONNRESET;
	if (interruptible)
		left = wait_for_completion_interruptible_timeout(&q->exec_done,
								 timeout);
	else
		left = wait_for_completion_timeout(&q->exec_done, timeout);
	if (left < 0)
		return -EINTR;
	return left ? -ECONNRESET : -ETIMEDOUT;
}

static int weft_tqueue_run(struct weft_tqueue *q, struct weft_slot_cmd *cmd,
			   unsigned long timeout,
			   const struct weft_exec_ops *ops)
{
	int err;

	/* a command that timed out may still be answered: the slot is taken */
	if (weft_tqueue_is_busy(q))
		return -ECONNRESET;
	q->exec_busy = true;
	reinit_completion(&q->exec_done);
	err = ops->send(q, cmd);
	if (err) {
		q->exec_busy = false;
		return err;
	}
	err = weft_tqueue_wait(q, cmd->interruptible, timeout);
	if (weft_tqueue_is_busy(q))
		return err;
	ops->fetch(q, cmd);
	return 0;
}

/*
 * weft_tqueue_exec() - the frame of &weft_transport_ops.exec
 * The queue stays allocated meanwhile.
 * Return: 0: answered; -ECONNRESET: the queue is or went out of use;
 * -ETIMEDOUT; -EINTR, if the command may be interrupted; what @ops said.
 */
int weft_tqueue_exec(struct weft_tqueue *q, struct weft_slot_cmd *cmd,
		     unsigned long timeout, const struct weft_exec_ops *ops)
{
	int err = -ECONNRESET;

	if (cmd->len > WEFT_SLOT_DATA)
		return -EINVAL;
	memset(&cmd->cqe, 0, sizeof(cmd->cqe));
	cmd->broke = NULL;
	down_read(&q->life);
	if (test_bit(WEFT_Q_ALLOCATED, &q->flags))
		err = weft_tqueue_run(q, cmd, timeout, ops);
	if (err && test_bit_acquire(WEFT_Q_TOLD, &q->flags))
		cmd->broke = q->lost;
	up_read(&q->life);
	return err;
}
EXPORT_SYMBOL_GPL(weft_tqueue_exec);

static int counters_show(struct seq_file *s, void *unused)
{
	const struct weft_tqueue *q = s->private;
	int i;

	for (i = 0; q->count_names[i]; i++)
		seq_printf(s, "%s %llu\n", q->count_names[i],
			   READ_ONCE(q->count[i]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

/* weft_tqueue_show() - @q is allocated: show its counters */
void weft_tqueue_show(struct weft_tqueue *q)
{
	struct dentry *dir = q->wctrl->debugfs;
	char name[16];

	if (IS_ERR_OR_NULL(dir))
		return;
	snprintf(name, sizeof(name), "queue%u", q->qid);
	q->debugfs = debugfs_create_file(name, 0400, dir, q, &counters_fops);
}
EXPORT_SYMBOL_GPL(weft_tqueue_show);

/* weft_tqueue_hide() - the queue goes; readers have left afterwards */
void weft_tqueue_hide(struct weft_tqueue *q)
{
	debugfs_remove(q->debugfs);
	q->debugfs = NULL;
}
EXPORT_SYMBOL_GPL(weft_tqueue_hide);

/*
 * weft_max_io_queues() - I/O queues that the options ask for at most
 * CPUs may come online later, so possible ones count.
 */
u32 weft_max_io_queues(const struct weft_connstr *opts)
{
	u32 cpus = num_possible_cpus();
	u32 n = opts->nr_io_queues ? min_t(u32, opts->nr_io_queues, cpus) : cpus;

	if (opts->nr_write_queues)
		n += min_t(u32, opts->nr_write_queues, cpus);
	if (opts->nr_poll_queues)
		n += min_t(u32, opts->nr_poll_queues, cpus);
	return n;
}
EXPORT_SYMBOL_GPL(weft_max_io_queues);
