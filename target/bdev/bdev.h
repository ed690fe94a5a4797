/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Block devices: what a namespace stands on. A bdev belongs to a module
 * (malloc, null, file; passthru, split, delay and error on top of others), is
 * found by name, opened by descriptors, and used on each reactor through an io
 * channel.
 *
 * Management (create, delete, open, close, resize) happens on the control
 * reactor. I/O is submitted and completed on one and the same reactor; the
 * struct bdev_io belongs to the caller and allocates nothing.
 */
#ifndef WEFT_TARGET_BDEV_H
#define WEFT_TARGET_BDEV_H

#include <sys/queue.h>
#include <sys/uio.h>

#include "common/names.h"
#include "common/status.h"
#include "common/text.h"
#include "target/bdev/limit.h"
#include "target/reactor/reactor.h"

struct bdev;
struct bdev_desc;
struct bdev_io;

enum bdev_io_type {
	BDEV_READ,
	BDEV_WRITE,
	BDEV_FLUSH,
	BDEV_UNMAP,		/* reads as zeroes afterwards only if told so */
	BDEV_WRITE_ZEROES,
	BDEV_IO_TYPES
};

/**
 * typedef bdev_done - a bdev_io has finished
 * @err: 0, or -EIO, -ENOSPC, -ENODEV (device removed), -EROFS ...
 */
typedef void (*bdev_done)(struct bdev_io *io, int err);

/**
 * struct bdev_io - one operation
 * @desc: @channel: who and through what
 * @iov: the caller's; must live until @done
 * @lba: @blocks: in the device's blocks; checked against its size on submit
 * @fua: a write is on stable storage before @done
 * @done: called on the submitting reactor, possibly within bdev_submit()
 * @status: of one that ends with -EIO: what its device says in NVMe's terms,
 *          a type and a code without retry hints; 0: nothing more than that
 * @ctx: the caller's
 * @link: for the module's queues
 * @start_us: set on submit
 * @wait: for rate limits: nvmf's before it submits, then the bdev layer's
 * @limited: waits there, within the bdev layer
 * @held: its module keeps it back and can take it out again
 * @below: what a stacked bdev has made of it, while that is under way
 * @module: scratch for the module
 */
struct bdev_io {
	struct bdev_desc *desc;
	struct io_channel *channel;
	enum bdev_io_type type;
	bool fua;
	struct iovec *iov;
	int iovcnt;
	u64 lba;
	u64 blocks;
	bdev_done done;
	void *ctx;
	nvme_status status;
	TAILQ_ENTRY(bdev_io) link;
	u64 start_us;
	struct limit_wait wait;
	struct limit_share *limited;
	bool held;
	struct bdev_io *below;
	u64 module[12];
};

/** struct bdev_stats - per channel, moved to the bdev on demand */
struct bdev_stats {
	u64 ops[BDEV_IO_TYPES];
	u64 bytes[BDEV_IO_TYPES];
	u64 latency_us[BDEV_IO_TYPES];
	u64 max_latency_us[BDEV_IO_TYPES];
	u64 min_latency_us[BDEV_IO_TYPES];	/* 0 while there are no ops */
	u64 extremes_of[BDEV_IO_TYPES];		/* ops since both began anew */
	u64 errors;
};

/**
 * struct bdev_fns - what a module implements
 * @channel_size: bytes of its channel context, which starts with struct
 *                bdev_channel
 * @channel_create: fills a zeroed context on the calling reactor, negative
 *                  errno refuses; may be NULL
 * @channel_destroy: gives back what create took, on the same reactor; no I/O
 *                   is under way; may be NULL
 * @destruct: give back everything; last call; no channel is left
 * @submit: start @io (range and support are checked); ends in
 *          bdev_io_complete(), also for errors
 * @end_held: complete what the module holds back on purpose on this channel;
 *            on its reactor; from now on bdev_may_hold() is false; may be NULL
 * @take_back: out of the module's queue with an @io that it holds back (whose
 *             held is set); for modules that do
 * @cancel: ask the device to end an @io that it works on; true: it was asked,
 *          and @io ends as it has decided, with -ECANCELED if it did as told;
 *          false: there is no way. May be NULL
 * @supports: can it do this type?
 * @info_json: module's own members for bdev_get_bdevs "driver_specific", as
 *          one JSON object text into @t; may be NULL
 * @config_json: the module's create call as {"method":…,"params":{…}} text;
 *          what save_config emits to have this bdev again
 */
struct bdev_fns {
	size_t channel_size;
	int (*channel_create)(struct bdev *b, void *ctx);
	void (*channel_destroy)(struct bdev *b, void *ctx);
	void (*destruct)(struct bdev *b);
	void (*submit)(struct io_channel *ch, struct bdev_io *io);
	void (*end_held)(struct bdev *b, void *ctx);
	void (*take_back)(struct io_channel *ch, struct bdev_io *io);
	bool (*cancel)(struct io_channel *ch, struct bdev_io *io);
	bool (*supports)(const struct bdev *b, enum bdev_io_type type);
	void (*info_json)(const struct bdev *b, struct weft_text *t);
	void (*config_json)(const struct bdev *b, struct weft_text *t);
};

/**
 * struct bdev_hints - what a device likes, in blocks (0: nothing to tell), and
 * the size of its physical blocks in bytes (0: as its blocks)
 */
struct bdev_hints {
	u32 physical_block_size;
	u32 write_granularity;
	u32 write_alignment;
	u32 unmap_granularity;
	u32 unmap_alignment;
};

/**
 * struct bdev - a block device, embedded in the module's own structure
 * @product: "Malloc disk", "Null disk", "AIO disk" …: SPDK's product names
 * @ram: whole device in memory that may be read and written in place, or NULL
 * @write_cache: volatile until flushed
 * @unmap_zeroes: unmapped blocks read as zeroes
 * @optimal_blocks: preferred I/O size, 0 = none
 */
struct bdev {
	char name[64];
	const char *product;
	u8 uuid[WEFT_UUID_BYTES];
	u32 block_size;
	u64 blocks;
	bool write_cache;
	bool unmap_zeroes;
	u32 optimal_blocks;
	struct bdev_hints hints;
	void *ram;
	const struct bdev_fns *fns;
	/* the bdev layer's own */
	bool removing;
	bool going;
	unsigned int opens;
	TAILQ_HEAD(, bdev_desc) descs;
	TAILQ_ENTRY(bdev) link;
	TAILQ_HEAD(, bdev_removed) removed;
	struct bdev_stats counted;
	struct bdev_histogram *histogram;
	struct bdev_sampling *sampling;
	struct limiter *limiter;
};

/* Modules */

/**
 * bdev_register() - make a filled-in bdev known; control reactor
 * Name, sizes and uuid are checked; channels can be had from now on.
 * Return: 0, -EEXIST (name or uuid), -EINVAL, -ENOMEM; with reason. After a
 * failure the bdev is the caller's again and destruct is not called.
 */
int bdev_register(struct bdev *b, struct weft_reason *why);

/** struct bdev_channel - head of every module's channel context */
struct bdev_channel {
	struct bdev *bdev;
	struct bdev_stats stats;	/* since they were moved to the bdev */
	struct bdev_stats total;	/* of those that were moved */
	struct bdev_histogram *histogram;
	struct limit_share *limit;
	u32 under_way;
};

/** bdev_io_complete() - by the module, on the submitting reactor */
void bdev_io_complete(struct bdev_io *io, int err);

/** bdev_notify_resize() - @b now has @blocks; tells every opener */
void bdev_notify_resize(struct bdev *b, u64 blocks);

/**
 * bdev_may_hold() - may a module keep operations back on purpose?
 * Not any more when the bdev is being removed or the daemon stops: what is held
 * then has to end.
 */
bool bdev_may_hold(const struct bdev *b);

/* Users */

enum bdev_event { BDEV_EVENT_REMOVE, BDEV_EVENT_RESIZE };
typedef void (*bdev_event_fn)(void *ctx, struct bdev *b, enum bdev_event ev);

/** bdev_find() - by name or by uuid in text form; also one being removed */
struct bdev *bdev_find(const char *name);
/** bdev_first() / bdev_next() - walk all, in order of creation */
struct bdev *bdev_first(void);
struct bdev *bdev_next(struct bdev *b);
/** bdev_leaving() - is it, or what it stands on, being removed? */
bool bdev_leaving(const struct bdev *b);

/**
 * bdev_open() - start using a bdev
 * @claim: exclusive writer; a second claim is refused with -EBUSY
 * @event: told of removal (close soon) and resize; may be NULL
 */
int bdev_open(const char *name, bool claim, const char *who,
	      bdev_event_fn event, void *ctx, struct bdev_desc **desc,
	      struct weft_reason *why);
/** bdev_close() - no I/O of it may be under way, its channels put */
void bdev_close(struct bdev_desc *desc);
struct bdev *bdev_desc_bdev(const struct bdev_desc *desc);

/**
 * bdev_unregister() - remove a bdev: openers get BDEV_EVENT_REMOVE; when all
 * have closed, the module destructs it and @done runs (control reactor)
 *
 * New I/O and opens fail from now on. May be called again while removal is
 * under way: every @done runs. Nothing is called back within the call.
 */
void bdev_unregister(struct bdev *b, reactor_fn done, void *ctx);

/**
 * bdev_end_held() - let go of everything that modules keep back on purpose
 * Control reactor. @ending: nothing is held from now on; false: holding is
 * allowed again.
 */
void bdev_end_held(bool ending);

/** bdev_channel_get() - this reactor's channel; io_channel_put() returns it */
struct io_channel *bdev_channel_get(struct bdev_desc *desc);

/**
 * bdev_submit() - start an operation
 * Fields desc to ctx are filled in. Out of range, unsupported or removed ends
 * in @done with -ERANGE, -EOPNOTSUPP, -ENODEV like everything else. The iov of
 * a read or write holds exactly the bytes of its blocks, or it is -EINVAL.
 * Nothing to do (0 blocks) succeeds; a flush is always of the whole device.
 */
void bdev_submit(struct bdev_io *io);

/** bdev_limit_waits() - operations of this reactor that had to wait for a limit */
u64 bdev_limit_waits(void);

/**
 * enum bdev_aborting - what bdev_abort() could do
 * @BDEV_ABORT_NOT: a device works on it; it ends as always
 * @BDEV_ABORT_ASKED: so it does, but the device was asked to end it, and
 *                    whether it did its @done tells: with -ECANCELED
 * @BDEV_ABORT_DONE: its @done was called, with -ECANCELED
 */
enum bdev_aborting { BDEV_ABORT_NOT, BDEV_ABORT_ASKED, BDEV_ABORT_DONE };

/**
 * bdev_abort() - end an operation, if it can be
 * @io: submitted, and not ended
 * Of a write that was aborted any part may have been done.
 */
enum bdev_aborting bdev_abort(struct bdev_io *io);

/**
 * bdev_take_back() - end an operation that no device works on yet
 * @io: submitted, and not ended
 *
 * Return: true: it waited for a limit, or was held on purpose, and its @done was
 * called, with -ECANCELED.
 */
bool bdev_take_back(struct bdev_io *io);

/**
 * bdev_hurry() - let go an operation that waits for the limit of a bdev
 * @io: submitted, and not ended; it may end within the call
 *
 * Return: false if it does not wait for one.
 */
bool bdev_hurry(struct bdev_io *io);

/** bdev_claimed() - has an opener claimed it? */
bool bdev_claimed(const struct bdev *b);

bool bdev_supports(const struct bdev *b, enum bdev_io_type type);

/** enum bdev_stats_reset - what begins anew after a collection */
enum bdev_stats_reset {
	BDEV_RESET_NONE,
	BDEV_RESET_ALL,
	BDEV_RESET_MAXMIN,
	BDEV_RESET_ERROR,
};

/**
 * bdev_stats_collect() - sum over all channels, then @done with the sum
 * @channel: called before, for each channel with what it has counted itself;
 *           on the control reactor, by reactor; may be NULL
 * Control reactor; the bdev stays until @done has run. Channels that are gone
 * are in the sum.
 */
void bdev_stats_collect(struct bdev *b, enum bdev_stats_reset reset,
			void (*channel)(void *ctx, unsigned int reactor,
					const struct bdev_stats *s),
			void (*done)(void *ctx, const struct bdev_stats *s),
			void *ctx);

/**
 * struct bdev_histogram - latencies counted in buckets; see histogram.c
 * @type: enum bdev_io_type, or -1: all
 */
struct bdev_histogram {
	int type;
	u32 granularity;
	u32 first_range;
	u32 last_range;
	u64 counts[];
};

/**
 * bdev_histogram_enable() - count from now on, from zero
 * @type: enum bdev_io_type, or -1: all
 * @granularity: 2 to this many buckets for each doubling
 * @min_us: @max_us: what is told apart
 * Return: 0, then @done runs; or a negative errno with reason. Control reactor.
 */
int bdev_histogram_enable(struct bdev *b, int type, u32 granularity,
			  u64 min_us, u64 max_us, reactor_fn done, void *ctx,
			  struct weft_reason *why);
int bdev_histogram_disable(struct bdev *b, reactor_fn done, void *ctx);
/** bdev_histogram_is() - is one enabled that was asked for like this? */
bool bdev_histogram_is(const struct bdev *b, int type, u32 granularity,
		       u64 min_us, u64 max_us);
/**
 * bdev_histogram_collect() - @done with a copy
 * With NULL when not enabled, or without memory.
 */
int bdev_histogram_collect(struct bdev *b,
			   void (*done)(void *ctx,
					const struct bdev_histogram *h),
			   void *ctx);
/** bdev_histogram_floor() - smallest latency of a bucket, in us */
u64 bdev_histogram_floor(const struct bdev_histogram *h, size_t bucket);
size_t bdev_histogram_buckets(const struct bdev_histogram *h);

/** bdev_set_limits() - see limit.h; reads and writes only; control reactor */
int bdev_set_limits(struct bdev *b, const u64 per_sec[LIMIT_RATES],
		    struct weft_reason *why);
void bdev_get_limits(const struct bdev *b, u64 per_sec[LIMIT_RATES]);

/** struct bdev_queue - queue depth as sampled every @period_us */
struct bdev_queue {
	u64 period_us;
	u64 depth;
	u64 io_time_us;		/* while something was under way */
	u64 weighted_us;	/* the same, times how much */
};

/** bdev_set_sampling() - 0: stop; control reactor */
int bdev_set_sampling(struct bdev *b, u64 period_us, struct weft_reason *why);
/** bdev_get_queue() - false: it is not sampled */
bool bdev_get_queue(const struct bdev *b, struct bdev_queue *q);

/** bdev_on_change() - one watcher that is told of bdevs that come, go, resize */
enum bdev_change { BDEV_ADDED, BDEV_REMOVED, BDEV_RESIZED };
void bdev_on_change(void (*fn)(const struct bdev *b, enum bdev_change what));

/* Constructors of the modules; control reactor. @uuid NULL: a random one. */

/** bdev_malloc_create() - RAM disk; name NULL: "MallocN" */
int bdev_malloc_create(const char *name, const u8 *uuid, u64 blocks,
		       u32 block_size, struct bdev **out,
		       struct weft_reason *why);
/** bdev_null_create() - reads zeroes, swallows writes */
int bdev_null_create(const char *name, const u8 *uuid, u64 blocks,
		     u32 block_size, struct bdev **out,
		     struct weft_reason *why);

/**
 * struct bdev_file_opts - a regular file or block device through io_uring
 * @block_size: 0: the device's own, or 512 for a file
 * @direct: O_DIRECT where the file system has it; where not, the page cache,
 *          with a notice in the log (flush and FUA reach the disk either way)
 * @readonly: refuse writes
 * @method: the RPC that made it ("bdev_aio_create", "bdev_uring_create"), so
 *          that a saved configuration names the same
 */
struct bdev_file_opts {
	const char *name;
	const char *filename;
	const u8 *uuid;
	u32 block_size;
	bool direct;
	bool readonly;
	const char *method;
};
int bdev_file_create(const struct bdev_file_opts *opts, struct bdev **out,
		     struct weft_reason *why);
/**
 * bdev_file_difference() - what a file bdev has otherwise: "filename",
 * "readonly", or NULL; of others NULL
 */
const char *bdev_file_difference(const struct bdev *b, const char *filename,
				 bool readonly);
/** bdev_file_rescan() - look at the file's size again; tells openers */
int bdev_file_rescan(struct bdev *b, struct weft_reason *why);

/*
 * Bdevs on top of another one, which they claim. They follow its size and go
 * when it goes. @base: its name or uuid; @uuid NULL: a random one.
 */

/** bdev_passthru_create() - the same under another name; RAM stays in place */
int bdev_passthru_create(const char *base, const char *name, const u8 *uuid,
			 struct bdev **out, struct weft_reason *why);

/**
 * bdev_split_create() - @count parts of equal size, named @base + "p" + number
 * @blocks: of each part; 0: as many as fit
 * @may_shrink: make of them what the base has room for, as if it had shrunk
 *              since; otherwise it must have room for all
 * RAM stays in place. When the base shrinks, parts shrink or go with it.
 */
int bdev_split_create(const char *base, u32 count, u64 blocks, bool may_shrink,
		      struct weft_reason *why);
/** bdev_split_get() - what the split of @part was asked for; @blocks of each */
void bdev_split_get(const struct bdev *part, u32 *count, u64 *blocks);
/** bdev_split_find() - part @i of @base, or NULL */
struct bdev *bdev_split_find(const char *base, u32 i);

/** enum bdev_latency - what a delay bdev distinguishes */
enum bdev_latency {
	BDEV_AVG_READ,
	BDEV_P99_READ,
	BDEV_AVG_WRITE,
	BDEV_P99_WRITE,
	BDEV_LATENCIES
};
#define BDEV_LATENCY_MAX_US	3600000000ull	/* an hour */
extern const char *const bdev_latency_names[BDEV_LATENCIES];

/**
 * bdev_delay_create() - reads and writes take at least this long
 * @latency_us: by enum bdev_latency; one operation in a hundred of each
 *              channel takes the p99 latency
 */
int bdev_delay_create(const char *base, const char *name, const u8 *uuid,
		      const u64 latency_us[BDEV_LATENCIES], struct bdev **out,
		      struct weft_reason *why);
/** bdev_delay_set() - for operations that end from now on */
int bdev_delay_set(struct bdev *b, enum bdev_latency which, u64 latency_us,
		   struct weft_reason *why);
/** bdev_delay_get() - as set */
u64 bdev_delay_get(const struct bdev *b, enum bdev_latency which);

/** enum bdev_fault - what an error bdev does instead of the right thing */
enum bdev_fault {
	BDEV_FAULT_NONE,
	BDEV_FAULT_FAILURE,	/* -EIO, with a status if one is given */
	BDEV_FAULT_NOMEM,	/* -ENOMEM */
	BDEV_FAULT_PENDING,	/* held until bdev_error_resume() or the end */
	BDEV_FAULT_CORRUPT,	/* succeeds with one byte changed */
};

/**
 * struct bdev_injection - faults for operations to come
 * @num: of how many operations, over all reactors
 * @queue_depth: only while at least that many others are under way on the
 *               reactor
 * @corrupt_offset: byte in the data; operations that are shorter are spared
 * @corrupt_value: xored into it
 * @status: of a failure, as in struct bdev_io
 */
struct bdev_injection {
	enum bdev_fault fault;
	u32 num;
	u32 queue_depth;
	u64 corrupt_offset;
	u8 corrupt_value;
	nvme_status status;
};

/** bdev_error_create() - injects faults when told to; named "EE_" + @base */
int bdev_error_create(const char *base, const u8 *uuid, struct bdev **out,
		      struct weft_reason *why);
/** bdev_error_inject() - @type: BDEV_READ, BDEV_WRITE, BDEV_UNMAP, BDEV_FLUSH */
int bdev_error_inject(struct bdev *b, enum bdev_io_type type,
		      const struct bdev_injection *in, struct weft_reason *why);
/** bdev_error_resume() - no more are held, and those that are go on */
int bdev_error_resume(struct bdev *b, struct weft_reason *why);

/** bdev_base() - what @b stands on, or NULL */
struct bdev *bdev_base(const struct bdev *b);

#endif
