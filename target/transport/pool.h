/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Data buffers of one reactor, for whatever cannot be moved in place: chunks of
 * slabs, which are made when they are needed and given back when nobody uses
 * them. What a slab's memory is (registered with a device or not) is the
 * transport's business.
 *
 * A request takes all of its buffers at once. Who finds too few waits in a
 * line, and is served in the order of arrival. When there is no memory for more
 * and nobody has enough to give back, it is tried again every now and then.
 *
 * What a connection holds comes back when its host moves its data, or never. So
 * each has a share: no more than it leaves free, but for one request. Requests
 * beyond that are parked, out of the line, until others of the connection have
 * given theirs back. The one request of many such connections may still be all
 * that there is: the transports see to it that those end who do not move while
 * pool_wanted(). Everything runs on the pool's reactor.
 */
#ifndef WEFT_TARGET_TRANSPORT_POOL_H
#define WEFT_TARGET_TRANSPORT_POOL_H

#include <sys/queue.h>
#include <sys/uio.h>

#include "target/reactor/reactor.h"

struct pool_slab;

/** struct pool_mem - a slab's memory; @key: the transport's registration */
struct pool_mem {
	void *base;
	size_t len;
	void *key;
};

/**
 * struct pool_ops - where memory comes from
 * @get: @len bytes, page-aligned; 0 or negative errno
 * @put: give them back
 */
struct pool_ops {
	int (*get)(void *ctx, size_t len, struct pool_mem *m);
	void (*put)(void *ctx, struct pool_mem *m);
};

/**
 * struct pool_buf - a chunk of a slab
 * @iov: @set: when it is the first one that a user holds: all the user's
 *       pieces, and the chunks that they are
 */
struct pool_buf {
	void *addr;
	struct pool_slab *slab;
	struct iovec *iov;
	struct pool_buf **set;
	TAILQ_ENTRY(pool_buf) link;
};

/** struct pool_slab - @used: given out; @touched: since the last trim */
struct pool_slab {
	struct pool_mem mem;
	u32 used;
	u32 chunks;
	bool touched;
	struct iovec *iovs;
	struct pool_buf **sets;
	TAILQ_ENTRY(pool_slab) link;
	struct pool_buf bufs[];
};

TAILQ_HEAD(pool_users, pool_user);

/**
 * struct pool_share - of one connection
 * @claimed: buffers that its users hold or stand in the line for
 * @parked: who may not stand there yet, in their order
 * @unparking: @parked is being gone through
 */
struct pool_share {
	u32 claimed;
	bool unparking;
	struct pool_users parked;
};

enum pool_place { POOL_NOWHERE, POOL_LINE, POOL_PARKED };

/**
 * struct pool_user - who takes buffers, embedded in a request
 * @share: its connection's
 * @urgent: others of @share hold theirs until this one has run; set beforehand
 * @place: where it waits
 * @len: bytes asked for; @need: buffers for them; @nbufs: held
 * @first: the first one held
 * @ready: called once a user that has waited has its buffers; set beforehand
 */
struct pool_user {
	struct pool_share *share;
	bool urgent;
	enum pool_place place;
	u32 len;
	u32 need;
	u32 nbufs;
	struct pool_buf *first;
	void (*ready)(struct pool_user *u);
	TAILQ_ENTRY(pool_user) link;
};

/**
 * struct pool - buffers of a reactor
 * @chunk: bytes of a buffer; @pieces: most that one user may hold
 * @limit: most buffers; @total: there are; @in_use: given out
 * @serving: @waiting is being gone through
 * @waiting: the line; @seen: its first when pool_wanted() looked last, not to
 *           be used
 * @trim: timer that gives unused slabs back
 * @retry: timer that tries again to get memory; @untimed: there was none for it
 */
struct pool {
	const char *name;
	const struct pool_ops *ops;
	void *ctx;
	u32 chunk;
	u32 pieces;
	u32 limit;
	u32 total;
	u32 in_use;
	bool serving;
	bool untimed;
	struct poller *trim;
	struct poller *retry;
	TAILQ_HEAD(, pool_buf) free;
	TAILQ_HEAD(pool_slabs, pool_slab) slabs;
	struct pool_users waiting;
	const struct pool_user *seen;
};

/** pool_init() - empty; @ops and @ctx as long as the pool */
void pool_init(struct pool *p, const char *name, u32 chunk, u32 pieces,
	       u32 limit, const struct pool_ops *ops, void *ctx);
/** pool_fini() - all memory back; nobody holds buffers or waits */
void pool_fini(struct pool *p);
/** pool_share_init() - of a connection that comes */
void pool_share_init(struct pool_share *s);
/**
 * pool_take() - buffers for @len bytes out of @s, whose pieces are then
 * pool_iov()
 * Return: 0; -EAGAIN: @u waits at @u->place, and @u->ready() is called; -ENOMEM:
 * more than anybody may have.
 */
int pool_take(struct pool *p, struct pool_share *s, struct pool_user *u,
	      u32 len);
/** pool_give() - @u's buffers back, if it has any; serves who waits */
void pool_give(struct pool *p, struct pool_user *u);
/** pool_cancel() - @u waits no longer */
void pool_cancel(struct pool *p, struct pool_user *u);
/**
 * pool_wanted() - does somebody wait for what others hold?
 * That is: is the first of the line the one that it was at the last call?
 * Waiting for a moment is nothing unusual.
 */
bool pool_wanted(struct pool *p);

/**
 * pool_poll() - for the owner's poller, every turn and before the reactor sleeps
 * Return: 1: the reactor may not sleep, for nobody would wake it; else 0.
 */
int pool_poll(struct pool *p);

/** pool_iov() - @u->nbufs pieces, together @u->len bytes */
static inline struct iovec *pool_iov(const struct pool_user *u)
{
	return u->first->iov;
}

#endif
