// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Messages between reactors: one multi-producer ring per receiver. What a full
 * ring does not take waits in the sender's backlog, in order; what one sends
 * to oneself never sees the ring.
 *
 * Waking: a receiver that wants to sleep sets asleep, then looks at its ring;
 * a sender fills the ring, then looks at asleep. Each does a store and then a
 * load of the other's word, so both need a full fence in between: without it
 * both loads may come first, the sender sees a waking receiver, the receiver
 * an empty ring, and the message sleeps in the ring. With the fences at least
 * one of them sees the other.
 *
 * A sender that finds asleep set clears it before it writes the eventfd: the
 * rest of a burst then costs no system calls. Whoever clears it owes the
 * write, so a receiver in epoll with asleep clear always has one coming.
 */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <ck_pr.h>

#include "target/reactor/internal.h"

/* The ring orders memory in assembly, which ThreadSanitizer cannot see. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define ring_filled(ring)	__tsan_release(ring)
#define ring_taken(ring)	__tsan_acquire(ring)
#else
#define ring_filled(ring)	((void)(ring))
#define ring_taken(ring)	((void)(ring))
#endif

CK_RING_PROTOTYPE(message, message)

static void fifo_grow(struct message_fifo *f)
{
	size_t size = f->size ? f->size * 2 : 64, i;
	struct message *slots = reactor_xalloc(size * sizeof(*slots));

	for (i = 0; i < f->count; i++)
		slots[i] = f->slots[(f->head + i) & (f->size - 1)];
	free(f->slots);
	f->slots = slots;
	f->size = size;
	f->head = 0;
}

static void fifo_push(struct message_fifo *f, const struct message *m)
{
	if (f->count == f->size)
		fifo_grow(f);
	f->slots[(f->head + f->count++) & (f->size - 1)] = *m;
}

static struct message *fifo_first(const struct message_fifo *f)
{
	return &f->slots[f->head];
}

static void fifo_drop_first(struct message_fifo *f)
{
	f->head = (f->head + 1) & (f->size - 1);
	f->count--;
}

int message_init(struct reactor *r, unsigned int reactors)
{
	r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->wake_fd < 0)
		return -errno;
	r->slots = calloc(MESSAGE_RING_SIZE, sizeof(*r->slots));
	r->backlog = calloc(reactors, sizeof(*r->backlog));
	if (!r->slots || !r->backlog)
		return -ENOMEM;
	ck_ring_init(&r->ring, MESSAGE_RING_SIZE);
	return 0;
}

void message_fini(struct reactor *r, unsigned int reactors)
{
	unsigned int i;

	for (i = 0; r->backlog && i < reactors; i++)
		free(r->backlog[i].slots);
	free(r->backlog);
	free(r->local.slots);
	free(r->slots);
	if (r->wake_fd >= 0)
		close(r->wake_fd);
}

void message_wake(struct reactor *r)
{
	u64 one = 1;

	/* fails only when the counter is full, and then it wakes anyway */
	if (write(r->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		reactor_fatal("reactor %u cannot be woken: %s", r->index,
			      strerror(errno));
}

void message_wake_clear(struct reactor *r)
{
	u64 count;

	if (read(r->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		reactor_fatal("reactor %u: eventfd: %s", r->index,
			      strerror(errno));
}

static bool message_enqueue(struct reactor *to, struct message *m)
{
	ring_filled(&to->ring);
	return ck_ring_enqueue_mpsc_message(&to->ring, to->slots, m);
}

static void message_wake_if_asleep(struct reactor *to)
{
	/* the sender's half of the pairing in this file's head */
	ck_pr_fence_memory();
	if (__atomic_load_n(&to->asleep, __ATOMIC_RELAXED)) {
		__atomic_store_n(&to->asleep, 0, __ATOMIC_RELAXED);
		message_wake(to);
	}
}

void message_send(struct reactor *to, reactor_fn fn, void *ctx, bool counted)
{
	struct reactor *r = reactor_here("reactor_send");
	struct message m = { .fn = fn, .ctx = ctx, .counted = counted };
	struct message_fifo *backlog = &r->backlog[to->index];

	r->sent += counted;
	if (to == r) {
		fifo_push(&r->local, &m);
		return;
	}
	if (!backlog->count && message_enqueue(to, &m)) {
		message_wake_if_asleep(to);
		return;
	}
	r->backlogged += !backlog->count;
	fifo_push(backlog, &m);
}

void reactor_send(struct reactor *to, reactor_fn fn, void *ctx)
{
	message_send(to, fn, ctx, true);
}

static void backlog_flush(struct reactor *r)
{
	struct message_fifo *backlog;
	struct reactor *to;
	unsigned int i;
	bool moved;

	for (i = 0; i < reactor_count(); i++) {
		backlog = &r->backlog[i];
		to = reactor_get(i);
		moved = false;
		while (backlog->count &&
		       message_enqueue(to, fifo_first(backlog))) {
			fifo_drop_first(backlog);
			r->backlogged -= !backlog->count;
			moved = true;
		}
		if (moved)
			message_wake_if_asleep(to);
	}
}

static void message_deliver(struct reactor *r, const struct message *m)
{
	r->received += m->counted;
	r->stats.messages += m->counted;
	m->fn(m->ctx);
}

unsigned int message_run(struct reactor *r)
{
	size_t local = r->local.count;	/* later ones belong to the next turn */
	unsigned int ran = 0;
	struct message m;

	if (r->backlogged)
		backlog_flush(r);
	while (ran < MESSAGE_BATCH &&
	       ck_ring_dequeue_mpsc_message(&r->ring, r->slots, &m)) {
		ring_taken(&r->ring);
		message_deliver(r, &m);
		ran++;
	}
	for (; local; local--, ran++) {
		m = *fifo_first(&r->local);
		fifo_drop_first(&r->local);
		message_deliver(r, &m);
	}
	return ran;
}

bool message_sleep_begin(struct reactor *r)
{
	__atomic_store_n(&r->asleep, 1, __ATOMIC_RELAXED);
	/* the receiver's half of the pairing in this file's head */
	ck_pr_fence_memory();
	return !r->local.count && !ck_ring_size(&r->ring);
}

void message_sleep_end(struct reactor *r)
{
	__atomic_store_n(&r->asleep, 0, __ATOMIC_RELAXED);
}
