/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every difference between the kernels that the host is built for, and nothing
 * else: Debian's 6.1 and 6.12, and what lies between. The rest of host/ is
 * written as for one kernel.
 *
 * What a header shows (a macro, a flag) is probed by #ifdef, because stable
 * kernels carry changes back; a changed prototype without such a trace goes by
 * the version in which mainline changed it.
 */
#ifndef WEFT_HOST_COMPAT_H
#define WEFT_HOST_COMPAT_H

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/net.h>
#include <linux/version.h>
#include <net/sock.h>

/* BLK_OPEN_READ came with blk_mode_t and the new open, release and ioctl */
#ifdef BLK_OPEN_READ
#define WEFT_HAVE_BLK_MODE 1
#define WEFT_BLK_WRITE		BLK_OPEN_WRITE
typedef blk_mode_t weft_blk_mode;
#else
#define WEFT_BLK_WRITE		FMODE_WRITE
typedef fmode_t weft_blk_mode;
#endif

/* 6.8 gave drivers of io_uring commands a header of their own; by then the
 * command's bytes were reached through the submission entry
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#include <linux/io_uring/cmd.h>
static inline const void *weft_uring_bytes(const struct io_uring_cmd *c)
{
	return io_uring_sqe_cmd(c->sqe);
}
#else
#include <linux/io_uring.h>
static inline const void *weft_uring_bytes(const struct io_uring_cmd *c)
{
	return c->cmd;
}
#endif

/* BLK_FEAT_WRITE_CACHE came with features as a part of struct queue_limits */
#ifdef BLK_FEAT_WRITE_CACHE
#define WEFT_HAVE_QUEUE_LIMITS 1
#endif

/* The callbacks of struct class: their device became const in 6.2 (devnode,
 * dev_uevent); class_register() follows.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define weft_class_device const struct device
#else
#define weft_class_device struct device
#endif

/*
 * May queue_rq of queues that share a tag set sleep? Before 6.2 each of them had
 * an SRCU of its own, which blk_mq_submit_bio() left by way of the request: when
 * that has ended, and is another queue's meanwhile, the wrong one is left, and
 * whoever quiesces either queue waits for ever.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define WEFT_SHARED_SET_BLOCKS	true
#else
#define WEFT_SHARED_SET_BLOCKS	false
#endif

/*
 * Waits for what @q was dispatching when it was quiesced. 6.2 moved the SRCU of
 * blocking queues from the queue to the tag set; others have RCU in common.
 * Return: true if that was a wait for all queues of the tag set.
 */
static inline bool weft_wait_quiesce_done(struct request_queue *q)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	blk_mq_wait_quiesce_done(q->tag_set);
	return true;
#else
	blk_mq_wait_quiesce_done(q);
	return !blk_queue_has_srcu(q);
#endif
}

/* A request queue without a disk, for admin commands; ERR_PTR on failure */
static inline struct request_queue *weft_alloc_queue(struct blk_mq_tag_set *set)
{
#ifdef WEFT_HAVE_QUEUE_LIMITS
	return blk_mq_alloc_queue(set, NULL, NULL);
#else
	return blk_mq_init_queue(set);
#endif
}

/* Likewise with a disk */
static inline struct gendisk *weft_alloc_disk(struct blk_mq_tag_set *set,
					      void *data)
{
#ifdef WEFT_HAVE_QUEUE_LIMITS
	return blk_mq_alloc_disk(set, NULL, data);
#else
	return blk_mq_alloc_disk(set, data);
#endif
}

/* A disk that hands bios on, to paths; ERR_PTR on failure */
static inline struct gendisk *weft_alloc_head_disk(void)
{
#ifdef WEFT_HAVE_QUEUE_LIMITS
	return blk_alloc_disk(NULL, NUMA_NO_NODE);
#else
	struct gendisk *disk = blk_alloc_disk(NUMA_NO_NODE);

	return disk ? disk : ERR_PTR(-ENOMEM);
#endif
}

/* Statistics of a disk without requests: @rq is a request of its path. 6.3 moved
 * the sectors from the start to the end.
 */
static inline unsigned long weft_acct_start(struct block_device *bdev,
					    struct request *rq)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	return bdev_start_io_acct(bdev, req_op(rq), jiffies);
#else
	return bdev_start_io_acct(bdev, blk_rq_sectors(rq), req_op(rq),
				  jiffies);
#endif
}

static inline void weft_acct_end(struct block_device *bdev, struct request *rq,
				 unsigned long started)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	bdev_end_io_acct(bdev, req_op(rq), blk_rq_sectors(rq), started);
#else
	bdev_end_io_acct(bdev, req_op(rq), started);
#endif
}

/**
 * struct weft_limits - what a disk's or the admin queue's limits are set from
 * @block: logical block size
 * @physical: physical block size
 * @io_min: @io_opt: bytes; 0 = leave
 * @max_bytes: of a request
 * @max_segments: of a request
 * @virt_boundary: mask, 0 = none
 * @chunk: sectors that a request must not cross, 0 = none
 * @atomic: bytes of a write that a loss of power leaves whole, 0 = unknown
 * @atomic_boundary: bytes; such a write must not cross a multiple, 0 = none
 * @discard_bytes: of a request, 0 = no discard
 * @discard_segments: ranges of a request
 * @discard_granularity: bytes
 * @zeroes_bytes: of a Write Zeroes, 0 = none
 * @write_cache: flushes are needed and FUA is known
 * @poll: the tag set has contexts for polled I/O
 * @stable_writes: pages must not change while they are written (digests)
 */
struct weft_limits {
	unsigned int block;
	unsigned int physical;
	unsigned int io_min;
	unsigned int io_opt;
	unsigned int max_bytes;
	unsigned int max_segments;
	unsigned long virt_boundary;
	unsigned int chunk;
	unsigned int atomic;
	unsigned int atomic_boundary;
	unsigned int discard_bytes;
	unsigned int discard_segments;
	unsigned int discard_granularity;
	unsigned int zeroes_bytes;
	bool write_cache;
	bool poll;
	bool stable_writes;
};

#ifdef WEFT_HAVE_QUEUE_LIMITS
static inline blk_features_t weft_features(const struct weft_limits *l)
{
	blk_features_t f = BLK_FEAT_IO_STAT | BLK_FEAT_NOWAIT;

	if (l->write_cache)
		f |= BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA;
	if (l->poll)
		f |= BLK_FEAT_POLL;
	if (l->stable_writes)
		f |= BLK_FEAT_STABLE_WRITES;
	return f;
}

/*
 * Atomic writes came with features, too. What does not go together is a target's
 * fault and not offered: the block layer would warn of it.
 */
static inline void weft_set_atomic(struct queue_limits *lim,
				   const struct weft_limits *l)
{
	unsigned int boundary = l->atomic_boundary >> SECTOR_SHIFT;
	bool fits = l->atomic && (!boundary ||
		    (is_power_of_2(boundary) && !(l->chunk % boundary) &&
		     l->atomic <= l->atomic_boundary));

	lim->atomic_write_hw_max = fits ? l->atomic : 0;
	lim->atomic_write_hw_boundary = fits ? l->atomic_boundary : 0;
	lim->atomic_write_hw_unit_min = fits ? l->block : 0;
	lim->atomic_write_hw_unit_max = fits ? rounddown_pow_of_two(l->atomic) :
					       0;
}

/* The queue is frozen by the caller. */
static inline int weft_set_limits(struct request_queue *q,
				  const struct weft_limits *l)
{
	struct queue_limits lim = queue_limits_start_update(q);

	lim.logical_block_size = l->block;
	lim.physical_block_size = l->physical;
	lim.io_min = l->io_min;
	lim.io_opt = l->io_opt;
	lim.max_hw_sectors = l->max_bytes >> SECTOR_SHIFT;
	lim.max_segments = l->max_segments;
	lim.max_segment_size = UINT_MAX;
	lim.virt_boundary_mask = l->virt_boundary;
	lim.dma_alignment = 3;
	lim.chunk_sectors = l->chunk;
	lim.max_hw_discard_sectors = l->discard_bytes >> SECTOR_SHIFT;
	lim.max_discard_segments = l->discard_segments;
	lim.discard_granularity = l->discard_granularity;
	lim.max_write_zeroes_sectors = l->zeroes_bytes >> SECTOR_SHIFT;
	lim.features = weft_features(l);
	weft_set_atomic(&lim, l);
	return queue_limits_commit_update(q, &lim);
}

/* Of a head's disk: what its queue cannot know is among the features */
static inline int weft_set_head_limits(struct request_queue *q,
				       const struct weft_limits *l)
{
	return weft_set_limits(q, l);
}
#else
static inline int weft_set_limits(struct request_queue *q,
				  const struct weft_limits *l)
{
	blk_queue_logical_block_size(q, l->block);
	blk_queue_physical_block_size(q, l->physical);
	blk_queue_io_min(q, l->io_min ? l->io_min : l->physical);
	blk_queue_io_opt(q, l->io_opt);
	blk_queue_max_hw_sectors(q, l->max_bytes >> SECTOR_SHIFT);
	blk_queue_max_segments(q, l->max_segments);
	if (l->virt_boundary)
		blk_queue_virt_boundary(q, l->virt_boundary);
	else
		blk_queue_max_segment_size(q, UINT_MAX);
	blk_queue_dma_alignment(q, 3);
	if (l->chunk)
		blk_queue_chunk_sectors(q, l->chunk);
	q->limits.discard_granularity = l->discard_granularity;
	blk_queue_max_discard_sectors(q, l->discard_bytes >> SECTOR_SHIFT);
	blk_queue_max_discard_segments(q, l->discard_segments);
	blk_queue_max_write_zeroes_sectors(q, l->zeroes_bytes >> SECTOR_SHIFT);
	/* the user may have turned it off, for as long as it is there */
	if (test_bit(QUEUE_FLAG_HW_WC, &q->queue_flags) != l->write_cache)
		blk_queue_write_cache(q, l->write_cache, l->write_cache);
	blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
	blk_queue_flag_clear(QUEUE_FLAG_ADD_RANDOM, q);
	if (l->stable_writes)
		blk_queue_flag_set(QUEUE_FLAG_STABLE_WRITES, q);
	else
		blk_queue_flag_clear(QUEUE_FLAG_STABLE_WRITES, q);
	return 0;
}

/* Of a head's disk: a request-based one has these flags by itself */
static inline int weft_set_head_limits(struct request_queue *q,
				       const struct weft_limits *l)
{
	blk_queue_flag_set(QUEUE_FLAG_NOWAIT, q);
	blk_queue_flag_set(QUEUE_FLAG_IO_STAT, q);
	if (l->poll)
		blk_queue_flag_set(QUEUE_FLAG_POLL, q);
	else
		blk_queue_flag_clear(QUEUE_FLAG_POLL, q);
	return weft_set_limits(q, l);
}
#endif

/*
 * Lists of ->queue_rqs: struct rq_list took the place of bare pointers, and
 * functions that of macros. Where it is pointers, the block layer notes only
 * requests of ->queue_rq in the table of tags, by which they are found when
 * they time out or are cancelled; the driver notes the others.
 */
#ifdef rq_list_pop
typedef struct request *weft_rq_list;

static inline void weft_rq_list_push(weft_rq_list *list, struct request *rq)
{
	rq_list_add(list, rq);
}

static inline void weft_note_tag(struct request *rq)
{
	rq->mq_hctx->tags->rqs[rq->tag] = rq;
}
#else
typedef struct rq_list weft_rq_list;

static inline void weft_rq_list_push(weft_rq_list *list, struct request *rq)
{
	rq_list_add_head(list, rq);
}

static inline void weft_note_tag(struct request *rq)
{
}
#endif

/* 6.3 gave reservations status codes of their own, and reports */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define WEFT_HAVE_PR_READ 1
#define WEFT_PR_IOERR			PR_STS_IOERR
#define WEFT_PR_RESERVATION_CONFLICT	PR_STS_RESERVATION_CONFLICT
#define WEFT_PR_PATH_FAILED		PR_STS_PATH_FAILED
#else
#define WEFT_PR_IOERR			0x2
#define WEFT_PR_RESERVATION_CONFLICT	0x18
#define WEFT_PR_PATH_FAILED		0x10000
#endif

/* Renamed in 6.5 */
#ifdef BLK_STS_RESV_CONFLICT
#define WEFT_STS_RESV_CONFLICT	BLK_STS_RESV_CONFLICT
#else
#define WEFT_STS_RESV_CONFLICT	BLK_STS_NEXUS
#endif

/**
 * weft_sock_send() - hand pieces of memory to a TCP socket, by reference
 * @bv: @nr: pieces, which may span pages; every page is sendpage_ok()
 * @bytes: in all of them
 * @more: what comes next follows at once
 *
 * One pass under the socket's lock; TCP takes references to the pages and is
 * told to push only at the end. Never waits for room. Process context.
 *
 * Return: bytes taken, maybe fewer than @bytes; -EAGAIN: none, write_space will
 * be called; another negative errno: the connection is of no use.
 */
#ifdef MSG_SENDPAGE_NOTLAST	/* before 6.5: no MSG_SPLICE_PAGES in TCP */
static inline int weft_sock_send(struct socket *sock, struct bio_vec *bv,
				 u32 nr, u32 bytes, bool more)
{
	const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	u32 sent = 0, done, len;
	int f, n = 0;

	lock_sock(sock->sk);
	for (; nr; bv++, nr--) {
		for (done = 0; done < bv->bv_len; done += n) {
			u32 at = bv->bv_offset + done;

			len = min_t(u32, bv->bv_len - done,
				    PAGE_SIZE - offset_in_page(at));
			f = flags;
			if (sent + len < bytes)
				f |= MSG_MORE | MSG_SENDPAGE_NOTLAST;
			else if (more)
				f |= MSG_MORE;
			n = kernel_sendpage_locked(sock->sk,
						   bv->bv_page + (at >> PAGE_SHIFT),
						   offset_in_page(at), len, f);
			if (n <= 0)
				goto out;
			sent += n;
		}
	}
out:
	release_sock(sock->sk);
	return sent ? sent : n;
}
#else
static inline int weft_sock_send(struct socket *sock, struct bio_vec *bv,
				 u32 nr, u32 bytes, bool more)
{
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_SPLICE_PAGES |
			     (more ? MSG_MORE : 0),
	};

	iov_iter_bvec(&msg.msg_iter, WRITE, bv, nr, bytes);
	return sock_sendmsg(sock, &msg);
}
#endif

#endif
