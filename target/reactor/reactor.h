/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Reactors: one event loop per core, and all that the rooms above need to live
 * on it: messages, pollers, timers, file descriptors, io channels and
 * barriers. This is SPDK's model of threads, pollers and io channels without
 * its environment: no hugepages, no shared locks on the data path.
 *
 * One owner: whatever is created on a reactor is used and destroyed there.
 * Functions say whether they may be called from any thread; all others belong
 * to the calling reactor and check it.
 *
 * A reactor spins while its pollers find work and for at most spin_us after
 * that (spin.h), asking epoll now and then (pace.h); then it arms what can wake
 * it and sleeps in epoll until a message, a descriptor or a timer is due.
 */
#ifndef WEFT_TARGET_REACTOR_H
#define WEFT_TARGET_REACTOR_H

#include "common/platform.h"

struct reactor;
struct poller;
struct fd_source;
struct io_channel;

enum reactor_mode {
	REACTOR_BUSY,		/* never sleeps */
	REACTOR_ADAPTIVE,	/* spins, then sleeps: the default */
	REACTOR_INTERRUPT,	/* sleeps at once */
};

/**
 * struct reactor_opts - how the reactors run
 * @cores: CPU numbers, one reactor each; the first is the control reactor
 * @ncores: how many, 1 to REACTOR_MAX
 * @mode: see enum reactor_mode
 * @spin_us: how long at most an adaptive reactor polls in vain before it sleeps
 */
#define REACTOR_MAX 128
struct reactor_opts {
	const int *cores;
	unsigned int ncores;
	enum reactor_mode mode;
	unsigned int spin_us;
};

typedef void (*reactor_fn)(void *ctx);

/**
 * reactors_run() - start the reactors and run them until reactors_stop()
 * @opts: read during the call only
 * @start: first message of the control reactor
 * @ctx: its argument
 *
 * The calling thread becomes the control reactor; the others get a pinned
 * thread each. Returns after all of them have ended with nothing left on them:
 * a poller, descriptor or channel that is still there is a bug that is
 * reported on stderr and makes the call fail with -EBUSY.
 *
 * Return: 0, or a negative errno with a message on stderr.
 */
int reactors_run(const struct reactor_opts *opts, reactor_fn start, void *ctx);

/** reactors_stop() - end all loops; any thread; not from a signal handler */
void reactors_stop(void);

/** reactor_self() - the calling thread's reactor, or NULL on others */
struct reactor *reactor_self(void);
/** reactor_control() - reactor 0: RPC, connection management, configuration */
struct reactor *reactor_control(void);
unsigned int reactor_count(void);
struct reactor *reactor_get(unsigned int index);
unsigned int reactor_index(const struct reactor *r);
int reactor_core(const struct reactor *r);
/** reactor_now_us() - monotonic time as of this turn of the loop */
u64 reactor_now_us(void);

/** assert_on_reactor() - abort with a message if @r is not the caller */
void assert_on_reactor(const struct reactor *r);

/**
 * reactor_send() - run @fn on reactor @to
 *
 * Any reactor (not foreign threads). Messages between two reactors keep their
 * order; one to oneself runs on a later turn, never within the call. Cannot
 * fail: what the ring does not take is kept at the sender until it does.
 */
void reactor_send(struct reactor *to, reactor_fn fn, void *ctx);

/**
 * reactor_for_each() - run @fn on every reactor in turn, then @done here
 *
 * The barrier of configuration changes: when @done runs, every reactor has run
 * @fn. @done runs on the calling reactor.
 */
void reactor_for_each(reactor_fn fn, void *ctx, reactor_fn done);

/* Pollers and timers */

/** poller_fn - returns how much work it did; 0 means idle */
typedef int (*poller_fn)(void *ctx);

/**
 * poller_register() - call @fn on every turn, or every @period_us
 * @name: for listings; kept by pointer
 * @arm: may be NULL; called before the reactor sleeps: ask for a wake-up (for
 *       example request CQ notification) and look once more; non-zero if there
 *       is work after all. A busy poller (period 0) without @arm keeps the
 *       reactor from sleeping.
 *
 * Return: the poller, or NULL without memory. A poller may unregister itself
 * or others from within.
 */
struct poller *poller_register(const char *name, poller_fn fn, void *ctx,
			       u64 period_us, int (*arm)(void *ctx));
/** poller_unregister() - no call of it after this; *@p becomes NULL */
void poller_unregister(struct poller **p);

/**
 * timer_start() - run @fn once, @delay_us from now
 * A timer is a poller that unregisters itself before @fn runs.
 */
struct poller *timer_start(const char *name, reactor_fn fn, void *ctx,
			   u64 delay_us);

/* File descriptors */

/** fd_fn - @events are EPOLLIN and friends */
typedef void (*fd_fn)(void *ctx, u32 events);

/** fd_source_add() - watch @fd (level-triggered) on this reactor, or NULL */
struct fd_source *fd_source_add(const char *name, int fd, u32 events, fd_fn fn,
				void *ctx);
int fd_source_modify(struct fd_source *s, u32 events);
/** fd_source_remove() - no call of it after this; *@s becomes NULL */
void fd_source_remove(struct fd_source **s);

/* io devices and their per-reactor channels */

/**
 * io_device_register() - something that has state on every reactor
 * @dev: any unique pointer, the device's key
 * @create: fills @buf (ctx_size bytes, zeroed) on the calling reactor; negative
 *          errno refuses
 * @destroy: gives back what create took, on the same reactor
 *
 * Control reactor only.
 */
int io_device_register(void *dev, const char *name, size_t ctx_size,
		       int (*create)(void *dev, void *buf),
		       void (*destroy)(void *dev, void *buf));

/**
 * io_device_unregister() - no new channels; @done (control reactor) when the
 * last channel is gone
 */
void io_device_unregister(void *dev, reactor_fn done, void *ctx);

/** io_channel_get() - this reactor's channel of @dev, counted; NULL: errno */
struct io_channel *io_channel_get(void *dev);
/** io_channel_put() - destroyed on a later turn when the count is 0 */
void io_channel_put(struct io_channel *ch);
/** io_channel_ctx() - the buffer that create filled */
void *io_channel_ctx(struct io_channel *ch);
void *io_channel_dev(struct io_channel *ch);

/**
 * io_device_for_each_channel() - run @fn on each reactor that has a channel
 * @done: on the calling reactor, after all
 */
void io_device_for_each_channel(void *dev,
				void (*fn)(struct io_channel *ch, void *ctx),
				void *ctx, reactor_fn done);

/* Statistics, each one plain increments of the owner; read by messages */

/** struct reactor_stats - @fd_polls: calls of epoll, sleeping ones included */
struct reactor_stats {
	u64 turns;
	u64 fd_polls;
	u64 busy_us;
	u64 idle_us;
	u64 sleeps;
	u64 messages;
	u64 timers_fired;
};

/** reactor_stats_get() - a copy; on the reactor itself */
void reactor_stats_get(struct reactor_stats *s);

/** struct poller_info - for listings */
struct poller_info {
	const char *name;
	u64 period_us;
	u64 runs;
	u64 busy_runs;
};

/** reactor_pollers() - calls @fn for each poller of this reactor */
void reactor_pollers(void (*fn)(void *ctx, const struct poller_info *i),
		     void *ctx);
/** reactor_channels() - calls @fn for each io channel of this reactor */
void reactor_channels(void (*fn)(void *ctx, const char *dev_name,
				 unsigned int refs), void *ctx);

/* Logging: one line to stderr, prefixed with time and level; any thread */

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
void log_set_timestamps(bool on);
bool log_get_timestamps(void);

/**
 * log_at() - a line that was written in the source file @file
 * log_msg() passes its own; the room in its path is the flag that lets all
 * levels through.
 */
__printf(3, 4) void log_at(const char *file, enum log_level level,
			   const char *fmt, ...);
#define log_msg(level, ...) log_at(__FILE__, level, __VA_ARGS__)

/* Flags: rooms of the source; by number, NULL behind the last */
const char *log_flag_name(unsigned int i);
bool log_flag_get(unsigned int i);
void log_flag_set(unsigned int i, bool on);

#define log_error(...)	log_msg(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)	log_msg(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)	log_msg(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)	log_msg(LOG_INFO, __VA_ARGS__)

/**
 * log_peer() - as log_msg(), for what a peer can provoke
 * @budget: a static counter of the call site; lines over 10 a second per site
 *          are counted and told of later instead of printed
 */
struct log_budget {
	u64 window_us;
	u32 used;
	u32 dropped;
};
__printf(3, 4) void log_peer(struct log_budget *budget, enum log_level level,
			     const char *fmt, ...);

#endif
