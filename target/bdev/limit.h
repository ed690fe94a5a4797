/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Rate limits: so many operations and bytes in a second, over all reactors.
 * Used by bdevs for themselves and by nvmf for hosts and namespaces.
 *
 * Each reactor has a share of the rate and a token bucket of its own, so that
 * nothing on the data path is shared; the control reactor gives the shares out
 * anew as the demand moves. An operation may start while its buckets are not
 * empty and pays afterwards: large ones are possible at any rate, and the
 * average is exact.
 */
#ifndef WEFT_TARGET_BDEV_LIMIT_H
#define WEFT_TARGET_BDEV_LIMIT_H

#include <sys/queue.h>

#include "target/reactor/reactor.h"

/** enum limit_rate - names as bdev_set_qos_limit has them; bytes, not MB */
enum limit_rate {
	LIMIT_RW_IOS,
	LIMIT_RW_BYTES,
	LIMIT_R_BYTES,
	LIMIT_W_BYTES,
	LIMIT_RATES
};

#define LIMIT_KEEP	UINT64_MAX	/* of limiter_set(): the rate as it is */

struct limiter;
struct limit_share;
TAILQ_HEAD(limit_list, limit_wait);

/**
 * struct limit_wait - embedded in what waits
 * @go: it may start now; on the reactor where it waited
 * @read: bytes that it reads; @written: that it writes
 * @list: where it is; limit.c's
 */
struct limit_wait {
	TAILQ_ENTRY(limit_wait) link;
	struct limit_list *list;
	void (*go)(struct limit_wait *w);
	u64 read;
	u64 written;
};

/** limiter_create() - without limits; control reactor; NULL without memory */
struct limiter *limiter_create(void);
/** limiter_destroy() - nothing waits and nobody asks any more; control reactor */
void limiter_destroy(struct limiter *l);

/**
 * limiter_set() - take effect at once, for those who wait too
 * @per_sec: by enum limit_rate, 0: no limit; or LIMIT_KEEP
 * Control reactor.
 */
void limiter_set(struct limiter *l, const u64 per_sec[LIMIT_RATES]);
void limiter_get(const struct limiter *l, u64 per_sec[LIMIT_RATES]);

/** limit_share_here() - the calling reactor's */
struct limit_share *limit_share_here(struct limiter *l);

/** limit_open() - nothing is limited now; some may wait that have not gone yet */
bool limit_open(const struct limit_share *s);

/**
 * limit_admit() - may an operation start now?
 * @w: filled in by the caller; when false it waits, and @w->go is called later
 */
bool limit_admit(struct limit_share *s, struct limit_wait *w);

/** limit_release() - let go all that wait here, whatever the limits are */
void limit_release(struct limit_share *s);

/**
 * limit_drain() - let go what may, at once but not more than in any turn
 * Return: nothing waits here any more.
 */
bool limit_drain(struct limit_share *s);

/** limit_cancel() - @w, which waits here and has not gone yet, will not go */
void limit_cancel(struct limit_share *s, struct limit_wait *w);

#endif
