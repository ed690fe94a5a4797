/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What the files of I/O commands share: checks, one bdev operation, scratch
 * memory, locks of block ranges, uncorrectable blocks. All of it runs on the
 * queue pair's reactor unless it says otherwise.
 */
#ifndef WEFT_TARGET_NVMF_IO_H
#define WEFT_TARGET_NVMF_IO_H

#include "common/ranges.h"
#include "target/nvmf/internal.h"

#define NVMF_IO_ALIGN		4096
#define NVMF_SCRATCH_BYTES	(4u << 20)	/* per poll group */
#define NVMF_COPY_BYTES		(1u << 20)	/* of one Copy */
#define NVMF_COPY_RANGES	128
#define NVMF_WZSL_UNIT		4096ull	/* what WZSL counts in: MPSMIN */
#define NVMF_DMRL		255	/* the largest that can be told */

/* Checks; each notes the offending field (io.c) */

/** nvmf_io_take_ns() - hold the namespace until nvmf_request_done() */
nvme_status nvmf_io_take_ns(struct nvmf_request *req);
/** nvmf_io_take_range() - and its SLBA and NLB are within the namespace */
nvme_status nvmf_io_take_range(struct nvmf_request *req);
/** nvmf_io_rw_parse() - and the data fits the largest transfer */
nvme_status nvmf_io_rw_parse(struct nvmf_request *req);
/** nvmf_io_writable() - @st, or that the namespace is write protected */
nvme_status nvmf_io_writable(struct nvmf_request *req, nvme_status st);
/** nvmf_io_readable() - no block of it is uncorrectable */
nvme_status nvmf_io_readable(const struct nvmf_request *req, u64 lba,
			     u64 blocks);
/** nvmf_io_copy_limits() - MSSRL, MCL and MSRC of a namespace */
void nvmf_io_copy_limits(u32 block_size, struct nvme_copy_limits *l);

/* One operation (io.c) */

void nvmf_io_submit(struct nvmf_request *req, enum bdev_io_type type,
		    struct iovec *iov, int iovcnt, u64 lba, u64 blocks,
		    bdev_done done);
/** nvmf_io_ended() - the request of a finished operation */
struct nvmf_request *nvmf_io_ended(struct bdev_io *io);
nvme_status nvmf_io_status(const struct nvmf_request *req, int err);
/** nvmf_io_written() - blocks have new content: then @next */
void nvmf_io_written(struct nvmf_request *req, u64 lba, u64 blocks,
		     void (*next)(struct nvmf_request *req));
/** nvmf_io_succeed() - a @next that completes with success */
void nvmf_io_succeed(struct nvmf_request *req);

/* Scratch memory: limited per poll group, so that its users queue (scratch.c) */

/** nvmf_scratch_get() - @got when req->scratch holds @bytes, now or later */
void nvmf_scratch_get(struct nvmf_request *req, size_t bytes,
		      void (*got)(struct nvmf_request *req));
void nvmf_scratch_put(struct nvmf_request *req);
/** nvmf_scratch_abort() - end @req, if it waits for memory */
bool nvmf_scratch_abort(struct nvmf_request *req);

/* Waiting for active requests (fence.c) */

/** nvmf_wait_begin() - within the call if there is nothing to wait for */
void nvmf_wait_begin(struct nvmf_group *g, struct nvmf_wait *w);
/** nvmf_wait_ended() - an active request ends; its namespace is still held */
void nvmf_wait_ended(struct nvmf_group_core *core,
		     const struct nvmf_request *req);

/** nvmf_fence_alloc() - what nvmf_fence_run() needs; free() if it is not run */
struct nvmf_fence *nvmf_fence_alloc(void);
/**
 * nvmf_fence_run() - a change on all reactors, and the end of what it forbids
 * @apply: on each reactor; from then on it lets no request that matches become
 *         active
 * @done: on the control reactor, when no active request matches any more
 * Frees @f. Control reactor.
 */
void nvmf_fence_run(struct nvmf_fence *f, reactor_fn apply,
		    bool (*match)(void *ctx, const struct nvmf_request *req),
		    reactor_fn done, void *ctx);

/** nvmf_ana_admit() - does the path's state allow it? (ana.c) */
nvme_status nvmf_ana_admit(const struct nvmf_request *req);
/** nvmf_io_admit() - may it touch its namespace now? (io.c) */
nvme_status nvmf_io_admit(const struct nvmf_request *req);
/** nvmf_io_interrupted() - why a command of several steps ends here, or 0 */
nvme_status nvmf_io_interrupted(const struct nvmf_request *req);
/**
 * nvmf_io_forced() - @next, of a command that looks at blocks; with FUA, when
 * what was written before is on the medium (NVM command set, Read)
 */
void nvmf_io_forced(struct nvmf_request *req,
		    void (*next)(struct nvmf_request *req));

/* Locks of block ranges, exclusive on all reactors (lock.c) */

/**
 * struct nvmf_lock_part - a lock on one poll group
 * @nsch: NULL: not installed, or the namespace has left
 */
struct nvmf_lock_part {
	struct nvmf_lock *lock;
	struct nvmf_ns_channel *nsch;
	struct nvmf_wait wait;
	TAILQ_ENTRY(nvmf_lock_part) link;
};

/**
 * nvmf_lock_take() - no other command touches the blocks until the release
 * @req: holds the namespace; its lba and blocks are the range
 * @granted: on the calling reactor, once every active command that touches
 *           the range has ended, on all reactors
 *
 * Return: NULL without memory.
 */
struct nvmf_lock *nvmf_lock_take(struct nvmf_request *req,
				 reactor_fn granted, void *ctx);
/** nvmf_lock_release() - before the request ends */
void nvmf_lock_release(struct nvmf_lock *l);
/** nvmf_lock_holds() - @req waits for a lock from now on; else it may go on */
bool nvmf_lock_holds(struct nvmf_request *req);
/** nvmf_lock_abort() - take @req out of those that wait, if it does */
bool nvmf_lock_abort(struct nvmf_request *req);
/** nvmf_lock_leave() - the namespace leaves this poll group */
void nvmf_lock_leave(struct nvmf_ns_channel *nsch);

/* Fused operations (fused.c) */

/**
 * nvmf_fused_start() - a command arrives that is fused, or follows a first half
 * @st: what its checks have said
 * Return: true if it is taken care of.
 */
bool nvmf_fused_start(struct nvmf_request *req, nvme_status st);
/** nvmf_fused_alone() - no more commands come: end a first half that waits */
void nvmf_fused_alone(struct nvmf_qpair *q);
/** nvmf_fused_fetching() - does the transport have this first half? */
static inline bool nvmf_fused_fetching(const struct nvmf_request *first)
{
	return first->begun && !first->ready;
}
/** nvmf_fused_bytes() - largest pair: both must fit where one transfer does */
static inline u32 nvmf_fused_bytes(const struct nvmf_transport_opts *o)
{
	return o->max_io_size / 2;
}
/** nvmf_fused_execute() - the data of one half is there */
void nvmf_fused_execute(struct nvmf_request *req);
/** nvmf_fused_broken() - one half ends: so does the other, if it did not yet */
void nvmf_fused_broken(struct nvmf_request *req);

/* Uncorrectable blocks (bad.c) */

/**
 * nvmf_bad_change() - on all poll groups, then req->next
 * @mark: or clear. The status is in req->early
 */
void nvmf_bad_change(struct nvmf_request *req, bool mark, u64 lba, u64 blocks);

/* Rows of the command table that have files of their own */
nvme_status nvmf_copy_parse(struct nvmf_request *req);
void nvmf_copy_execute(struct nvmf_request *req);
/** nvmf_copy_bytes() - what its list of sources asks for, if not too much */
u64 nvmf_copy_bytes(const struct nvmf_request *req);
nvme_status nvmf_dsm_parse(struct nvmf_request *req);
void nvmf_dsm_execute(struct nvmf_request *req);
nvme_status nvmf_write_zeroes_parse(struct nvmf_request *req);
void nvmf_write_zeroes_execute(struct nvmf_request *req);
void nvmf_compare_execute(struct nvmf_request *req);
void nvmf_verify_execute(struct nvmf_request *req);
nvme_status nvmf_write_uncorrectable_parse(struct nvmf_request *req);
void nvmf_write_uncorrectable_execute(struct nvmf_request *req);
/** nvmf_compare() - data and blocks; @next with the status in req->early */
void nvmf_compare(struct nvmf_request *req,
		  void (*next)(struct nvmf_request *req));

#endif
