/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What the files of this room share: the reactor itself and the steps of its
 * turn. Nothing outside target/reactor/ includes this.
 *
 * Every field of struct reactor belongs to its own thread, except those under
 * "shared" at the top, which senders use as message.c describes.
 */
#ifndef WEFT_TARGET_REACTOR_INTERNAL_H
#define WEFT_TARGET_REACTOR_INTERNAL_H

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include <ck_ring.h>

#include "target/reactor/pace.h"
#include "target/reactor/spin.h"
#include "target/reactor/reactor.h"

#define MESSAGE_RING_SIZE	4096	/* slots of each reactor; power of 2 */
#define MESSAGE_BATCH		128	/* from the ring, in one turn */
#define EVENT_BATCH		64	/* from epoll, in one turn */
#define BACKLOG_NAP_US		100	/* longest sleep while a peer's ring is full */

struct message {
	reactor_fn fn;
	void *ctx;
	bool counted;		/* false: the stop protocol's own, see stop.c */
};

/* A queue that grows and keeps its memory; for one thread. */
struct message_fifo {
	struct message *slots;
	size_t head;
	size_t count;
	size_t size;		/* 0 or a power of 2 */
};

TAILQ_HEAD(poller_list, poller);
TAILQ_HEAD(fd_source_list, fd_source);
TAILQ_HEAD(io_channel_list, io_channel);

struct reactor {
	/* shared */
	ck_ring_t ring;
	struct message *slots;
	int wake_fd;
	int asleep;		/* only by __atomic_*, see message.c */

	/* fixed before the thread runs */
	unsigned int index;
	int core;
	int epoll_fd;
	pthread_t thread;
	int result;		/* of the thread, read after it was joined */

	/* the turn */
	bool stopping;		/* messages only from now on */
	bool worked;		/* something was done since the last accounting */
	u64 now_us;
	u64 last_work_us;
	struct spin spin;
	struct pace pace;
	u64 found_us;		/* events in this turn, since then; 0: none */
	bool found_asleep;	/* not asked for in a turn: waited for in a sleep */
	bool woken;		/* by them, and no turn has been since */
	struct reactor_stats stats;

	/* message.c */
	struct message_fifo local;	/* to itself */
	struct message_fifo *backlog;	/* to each other one, by index */
	unsigned int backlogged;	/* how many of them are not empty */
	u64 sent;
	u64 received;

	/* poller.c */
	struct poller_list pollers;	/* period 0 */
	unsigned int unarmable;		/* those without arm */
	struct poller *running;
	struct poller *next;		/* where the walk over pollers goes on */
	struct poller **heap;		/* timed, next to expire first */
	size_t heap_count;
	size_t heap_size;
	u64 poller_seq;

	/* fd.c */
	struct fd_source_list fds;
	struct epoll_event events[EVENT_BATCH];
	int event_count;
	int event_at;

	/* channel.c */
	struct io_channel_list channels;
};

/* loop.c */

/** reactor_here() - the calling reactor; aborts on any other thread */
struct reactor *reactor_here(const char *what);
/** reactor_clock_us() - monotonic time now */
u64 reactor_clock_us(void);
/** reactor_xalloc() - zeroed memory, or the end: for what cannot fail */
void *reactor_xalloc(size_t size);
/** reactor_woke() - after a sleep, before anything else: the clock is stale */
void reactor_woke(struct reactor *r);
/** reactors_end() - all loops leave; from stop.c when nothing is left to do */
void reactors_end(void);
__printf(1, 2) __attribute__((noreturn)) void reactor_fatal(const char *fmt, ...);

/* message.c */

int message_init(struct reactor *r, unsigned int reactors);
void message_fini(struct reactor *r, unsigned int reactors);
/** message_send() - as reactor_send(); @counted see stop.c */
void message_send(struct reactor *to, reactor_fn fn, void *ctx, bool counted);
/** message_run() - one turn's batch; how many ran */
unsigned int message_run(struct reactor *r);
/** message_sleep_begin() - announce sleep; false: there are messages */
bool message_sleep_begin(struct reactor *r);
void message_sleep_end(struct reactor *r);
/** message_wake() - end the sleep of @r; any thread */
void message_wake(struct reactor *r);
/** message_wake_clear() - take what message_wake() left in the wake_fd */
void message_wake_clear(struct reactor *r);

/* poller.c */

unsigned int poller_run_all(struct reactor *r);
unsigned int timer_run_due(struct reactor *r);
/** poller_arm_all() - false: one found work, or one cannot be armed */
bool poller_arm_all(struct reactor *r);
/** timer_next_us() - when the next one expires; UINT64_MAX without any */
u64 timer_next_us(const struct reactor *r);
/** poller_fini() - report and free what was left; how many */
unsigned int poller_fini(struct reactor *r);

/* fd.c */

int fd_init(struct reactor *r);
/**
 * fd_wait() - dispatch what is ready
 * @timeout_us: how long to wait for the first, UINT64_MAX for ever
 * Return: how many handlers ran; the wake-up itself is none.
 */
unsigned int fd_wait(struct reactor *r, u64 timeout_us);
/** fd_wait_wake() - wait for message_wake() alone */
void fd_wait_wake(struct reactor *r, u64 timeout_us);
unsigned int fd_fini(struct reactor *r);

/* channel.c */

unsigned int channel_fini(struct reactor *r);
/** io_device_fini() - report and free devices that are still registered */
unsigned int io_device_fini(void);

/* stop.c */

/** stop_begin() - start the search for the end; on the control reactor */
void stop_begin(void);

#endif
