/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The file module's own: a device (file.c) and its channels (file_ring.c,
 * file_op.c). Tests read the counters.
 */
#ifndef WEFT_TARGET_BDEV_FILE_H
#define WEFT_TARGET_BDEV_FILE_H

#include <liburing.h>

#include "target/bdev/internal.h"

#define FILE_RING_SIZE		256	/* operations under way per channel */
#define FILE_BOUNCE_SIZE	(1u << 20)
#define FILE_ZERO_SIZE		(64u << 10)

/**
 * struct file_bdev - fixed after creation, but for the size in bdev.blocks
 * @mem_align: @len_align: what O_DIRECT asks of addresses and lengths; 1
 *             without it
 * @can_punch: holes can be punched (told by a probe)
 * @lost: a sync has failed; written by any reactor, once
 */
struct file_bdev {
	struct bdev bdev;
	int fd;
	int lock_fd;
	char *filename;
	const char *method;
	bool direct;
	bool readonly;
	bool is_block;
	bool size_given;	/* block_size was, so a saved configuration says so */
	bool can_punch;
	bool lost;
	u32 mem_align;
	u32 len_align;
};

/** struct file_counters - what a channel has asked of the kernel */
struct file_counters {
	u64 enters;		/* io_uring_enter calls to submit */
	u64 sqes;
	u64 syncs;		/* fdatasync */
	u64 dsync_writes;
	u64 bounced;		/* pieces copied through the bounce buffer */
	u64 zero_writes;	/* pieces of zeroes written where fallocate could not */
	u64 continued;		/* short transfers that went on */
	u64 cancels;		/* the kernel was asked to end an operation */
};

/**
 * struct file_channel - one reactor's ring
 * @active: operations in the ring; @cancelling: entries that cancel some
 * @unsubmitted: entries of both that the kernel does not have yet
 * @waiting: not yet started, because the ring is full
 * @bounce: aligned memory, made when first needed
 * @bounce_owner: the operation that uses it; others wait in @bounce_waiting
 * @no_zero_range: the file system has refused it once
 */
struct file_channel {
	struct bdev_channel head;
	struct file_bdev *file;
	struct io_uring ring;
	struct poller *poller;
	struct fd_source *source;
	unsigned int active;
	unsigned int cancelling;
	unsigned int unsubmitted;
	TAILQ_HEAD(file_queue, bdev_io) waiting;
	u8 *bounce;
	struct bdev_io *bounce_owner;
	struct file_queue bounce_waiting;
	bool no_zero_range;
	struct file_counters counters;
};

/* file_ring.c */

int file_channel_create(struct bdev *b, void *ctx);
void file_channel_destroy(struct bdev *b, void *ctx);
/** file_queue_op() - its next step into the ring, now or when there is room */
void file_queue_op(struct file_channel *ch, struct bdev_io *io);
/** file_ring_cancel() - ask the kernel to end @io; false: no room to ask */
bool file_ring_cancel(struct file_channel *ch, struct bdev_io *io);
/** file_ring_probe() - can rings be had at all? negative errno with reason */
int file_ring_probe(struct weft_reason *why);

/* file_op.c */

void file_submit(struct io_channel *ch, struct bdev_io *io);
/** file_op_wait() - into a queue of the channel, from where it can be aborted */
void file_op_wait(struct file_queue *queue, struct bdev_io *io);
/** file_op_first() - out of it with the one that waits longest, or NULL */
struct bdev_io *file_op_first(struct file_queue *queue);
void file_take_back(struct io_channel *ch, struct bdev_io *io);
bool file_cancel(struct io_channel *ch, struct bdev_io *io);
/** file_op_prepare() - write the next step of @io into @sqe */
void file_op_prepare(struct file_channel *ch, struct bdev_io *io,
		     struct io_uring_sqe *sqe);
/** file_op_result() - the step ended with @res; goes on or completes */
void file_op_result(struct file_channel *ch, struct bdev_io *io, int res);

#endif
