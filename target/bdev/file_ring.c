// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A channel's io_uring: everything started in one turn goes to the kernel with
 * one call, completions are taken from shared memory by the poller. Belongs to
 * its reactor.
 *
 * Sleep: the ring's own descriptor is in the reactor's epoll set. It is
 * readable as long as there are completions, so nothing needs to be armed and
 * nothing can be missed.
 *
 * At most FILE_RING_SIZE operations are under way, each with one entry at a
 * time, and perhaps one more that cancels it: for both there is room in the
 * completion queue, which is twice as large.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "target/bdev/file.h"

static struct io_uring_sqe *ring_sqe(struct file_channel *ch)
{
	if (ch->active == FILE_RING_SIZE)
		return NULL;
	return io_uring_get_sqe(&ch->ring);
}

static void op_start(struct file_channel *ch, struct bdev_io *io,
		     struct io_uring_sqe *sqe)
{
	file_op_prepare(ch, io, sqe);
	sqe->flags |= IOSQE_FIXED_FILE;		/* fd 0: the only one */
	io_uring_sqe_set_data(sqe, io);
	ch->active++;
	ch->unsubmitted++;
	ch->counters.sqes++;
}

void file_queue_op(struct file_channel *ch, struct bdev_io *io)
{
	struct io_uring_sqe *sqe;

	/* those that wait were first */
	sqe = TAILQ_EMPTY(&ch->waiting) ? ring_sqe(ch) : NULL;
	if (sqe)
		op_start(ch, io, sqe);
	else
		file_op_wait(&ch->waiting, io);
}

bool file_ring_cancel(struct file_channel *ch, struct bdev_io *io)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ch->ring);

	if (!sqe)
		return false;
	/* if @io ends first, nothing of its address is there to be found */
	io_uring_prep_cancel(sqe, io, 0);
	io_uring_sqe_set_data(sqe, NULL);
	ch->cancelling++;
	ch->unsubmitted++;
	ch->counters.cancels++;
	return true;
}

static void waiting_start(struct file_channel *ch)
{
	struct io_uring_sqe *sqe;
	struct bdev_io *io;

	while (!TAILQ_EMPTY(&ch->waiting) && (sqe = ring_sqe(ch))) {
		io = file_op_first(&ch->waiting);
		op_start(ch, io, sqe);
	}
}

/* Returns how many the kernel took. */
static int ring_flush(struct file_channel *ch)
{
	int n;

	if (!ch->unsubmitted)
		return 0;
	n = io_uring_submit(&ch->ring);
	ch->counters.enters++;
	if (n < 0) {
		/* short of memory for a moment: the entries stay, next turn */
		if (n != -EAGAIN && n != -EBUSY && n != -EINTR) {
			log_error("bdev %s: io_uring: %s", ch->head.bdev->name,
				  strerror(-n));
			abort();
		}
		return 0;
	}
	ch->unsubmitted -= (unsigned int)n;
	return n;
}

static int ring_reap(struct file_channel *ch)
{
	struct io_uring_cqe *cqes[32];
	struct bdev_io *io[32];
	unsigned int n, i, ops = 0;
	int res[32];

	n = io_uring_peek_batch_cqe(&ch->ring, cqes, ARRAY_SIZE(cqes));
	for (i = 0; i < n; i++) {
		io[ops] = io_uring_cqe_get_data(cqes[i]);
		res[ops] = cqes[i]->res;
		/* what became of a cancelled one its own entry tells */
		ops += !!io[ops];
	}
	/* given back before anything is called: that may queue new ones */
	io_uring_cq_advance(&ch->ring, n);
	ch->active -= ops;
	ch->cancelling -= n - ops;
	for (i = 0; i < ops; i++)
		file_op_result(ch, io[i], res[i]);
	return (int)n;
}

static int ring_poll(void *ctx)
{
	struct file_channel *ch = ctx;
	int work = 0;

	if (ch->active + ch->cancelling > ch->unsubmitted)
		work += ring_reap(ch);
	waiting_start(ch);
	return work + ring_flush(ch);
}

static int ring_arm(void *ctx)
{
	const struct file_channel *ch = ctx;

	/* where the ring is full, only a completion helps, and that wakes */
	return ch->unsubmitted || (!TAILQ_EMPTY(&ch->waiting) &&
				   ch->active < FILE_RING_SIZE);
}

static void ring_ready(void *ctx, u32 events)
{
	(void)events;
	ring_poll(ctx);
}

static int ring_init(struct io_uring *ring)
{
	struct io_uring_params p = {
		/* completions in our own system calls, not by an interrupt */
		.flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
	};

	return io_uring_queue_init_params(FILE_RING_SIZE, ring, &p);
}

int file_ring_probe(struct weft_reason *why)
{
	struct io_uring ring;
	int err = ring_init(&ring);

	if (!err) {
		io_uring_queue_exit(&ring);
		return 0;
	}
	if (err == -EPERM || err == -ENOSYS)
		return weft_fail(why, err,
				 "io_uring is not allowed here: see sysctl kernel.io_uring_disabled, or the container's seccomp profile");
	return weft_fail(why, err, "io_uring cannot be set up: %s%s",
			 strerror(-err), err == -ENOMEM ?
			 ": raise the limit of locked memory (ulimit -l)" : "");
}

static int channel_watch(struct file_channel *ch)
{
	ch->source = fd_source_add("bdev_file", ch->ring.ring_fd, EPOLLIN,
				   ring_ready, ch);
	if (!ch->source)
		return -errno;
	ch->poller = poller_register("bdev_file", ring_poll, ch, 0, ring_arm);
	if (!ch->poller) {
		fd_source_remove(&ch->source);
		return -ENOMEM;
	}
	return 0;
}

int file_channel_create(struct bdev *b, void *ctx)
{
	struct file_channel *ch = ctx;
	int err;

	ch->file = (struct file_bdev *)b;
	TAILQ_INIT(&ch->waiting);
	TAILQ_INIT(&ch->bounce_waiting);
	err = ring_init(&ch->ring);
	if (err) {
		log_error("bdev %s: io_uring cannot be set up: %s", b->name,
			  strerror(-err));
		return err;
	}
	err = io_uring_register_files(&ch->ring, &ch->file->fd, 1);
	if (!err)
		err = channel_watch(ch);
	if (err) {
		log_error("bdev %s: channel: %s", b->name, strerror(-err));
		io_uring_queue_exit(&ch->ring);
	}
	return err;
}

void file_channel_destroy(struct bdev *b, void *ctx)
{
	struct file_channel *ch = ctx;

	(void)b;
	poller_unregister(&ch->poller);
	fd_source_remove(&ch->source);
	io_uring_queue_exit(&ch->ring);
	free(ch->bounce);
}
