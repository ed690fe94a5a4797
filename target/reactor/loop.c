// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The reactors' life: start, turns, sleep, end. Each runs reactor_loop() on its
 * own pinned thread; the first one on the thread that called reactors_run().
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "target/reactor/internal.h"

/*
 * The running set. Written before the threads start and after they have
 * ended; @lock keeps reactors_stop() of a foreign thread from seeing them go.
 */
static struct {
	pthread_mutex_t lock;
	struct reactor *reactors[REACTOR_MAX];
	unsigned int count;
	enum reactor_mode mode;
	int stop;		/* by __atomic_*: somebody wants the end */
	int ended;		/* by __atomic_*: leave the loop now */
} set = { .lock = PTHREAD_MUTEX_INITIALIZER };

static __thread struct reactor *self;

void reactor_fatal(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	log_error("%s", text);
	abort();
}

void *reactor_xalloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		reactor_fatal("out of memory for %zu bytes in a step that cannot fail",
			      size);
	return p;
}

struct reactor *reactor_self(void)
{
	return self;
}

struct reactor *reactor_here(const char *what)
{
	if (!self)
		reactor_fatal("%s: called outside of a reactor", what);
	return self;
}

struct reactor *reactor_control(void)
{
	return set.reactors[0];
}

unsigned int reactor_count(void)
{
	return set.count;
}

struct reactor *reactor_get(unsigned int index)
{
	return index < set.count ? set.reactors[index] : NULL;
}

unsigned int reactor_index(const struct reactor *r)
{
	return r->index;
}

int reactor_core(const struct reactor *r)
{
	return r->core;
}

void assert_on_reactor(const struct reactor *r)
{
	if (r != self)
		reactor_fatal("called on reactor %d, but belongs to reactor %d",
			      self ? (int)self->index : -1,
			      r ? (int)r->index : -1);
}

u64 reactor_clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000 + (u64)ts.tv_nsec / 1000;
}

u64 reactor_now_us(void)
{
	return self ? self->now_us : reactor_clock_us();
}

void reactor_stats_get(struct reactor_stats *s)
{
	*s = reactor_here(__func__)->stats;
}

/* Read the clock and book the time since the last reading as busy or idle. */
static void reactor_account(struct reactor *r)
{
	u64 now = reactor_clock_us();
	u64 passed = now - r->now_us;

	if (r->worked) {
		if (r->now_us != r->last_work_us)
			spin_paused(&r->spin, r->now_us - r->last_work_us);
		r->stats.busy_us += passed;
		r->last_work_us = now;
	} else {
		r->stats.idle_us += passed;
	}
	r->worked = false;
	r->now_us = now;
}

void reactor_woke(struct reactor *r)
{
	message_sleep_end(r);
	reactor_account(r);
}

/* How long may a sleep last? Timers, and peers whose ring was full, limit it. */
static u64 reactor_sleep_limit(const struct reactor *r)
{
	u64 limit = UINT64_MAX, next = timer_next_us(r);

	/* since the turn began little time has passed */
	if (next != UINT64_MAX && !r->stopping)
		limit = next > r->now_us ? next - r->now_us : 0;
	if (r->backlogged && limit > BACKLOG_NAP_US)
		limit = BACKLOG_NAP_US;
	return limit;
}

/*
 * Arming comes first: it may find work or send messages. Only then is sleep
 * announced, and after that the ring is looked at once more.
 */
static void reactor_sleep(struct reactor *r)
{
	unsigned int ran = 0;

	if (!r->stopping && !poller_arm_all(r)) {
		r->worked = true;
		return;
	}
	if (message_sleep_begin(r)) {
		r->stats.sleeps++;
		if (r->stopping)
			fd_wait_wake(r, reactor_sleep_limit(r));
		else
			ran = fd_wait(r, reactor_sleep_limit(r));
	}
	message_sleep_end(r);
	r->worked = ran;
}

static bool reactor_may_sleep(const struct reactor *r)
{
	if (r->worked)
		return false;
	if (r->stopping)
		return true;
	if (set.mode == REACTOR_BUSY || r->unarmable)
		return false;
	return r->now_us - r->last_work_us >= spin_us(&r->spin);
}

/* What the last turn has found is dealt with; what the end of a sleep has is not. */
static void reactor_settle(struct reactor *r)
{
	if (r->woken)
		return;
	if (r->found_us)
		pace_found(&r->pace, r->found_us, r->now_us, r->found_asleep);
	r->found_us = 0;
}

static void reactor_turn(struct reactor *r)
{
	unsigned int work;

	reactor_account(r);
	reactor_settle(r);
	r->stats.turns++;
	work = message_run(r);
	if (!r->stopping) {
		/* first: pollers end what events begin, in the same turn */
		if (!r->woken && pace_due(&r->pace, r->now_us) &&
		    !TAILQ_EMPTY(&r->fds))
			work += fd_wait(r, 0);
		r->woken = false;
		work += poller_run_all(r);
		work += timer_run_due(r);
	}
	r->worked = work;
	if (reactor_may_sleep(r))
		reactor_sleep(r);
}

static void reactor_loop(struct reactor *r)
{
	self = r;
	r->now_us = reactor_clock_us();
	r->last_work_us = r->now_us;
	while (!__atomic_load_n(&set.ended, __ATOMIC_ACQUIRE)) {
		if (!r->stopping && __atomic_load_n(&set.stop, __ATOMIC_RELAXED)) {
			r->stopping = true;
			if (!r->index)
				stop_begin();
		}
		reactor_turn(r);
	}
	if (channel_fini(r) + poller_fini(r) + fd_fini(r))
		r->result = -EBUSY;
	self = NULL;
}

static void *reactor_thread(void *arg)
{
	struct reactor *r = arg;
	char name[16];

	snprintf(name, sizeof(name), "reactor_%u", r->index);
	pthread_setname_np(pthread_self(), name);
	reactor_loop(r);
	return NULL;
}

void reactors_end(void)
{
	unsigned int i;

	__atomic_store_n(&set.ended, 1, __ATOMIC_RELEASE);
	for (i = 0; i < set.count; i++)
		message_wake(set.reactors[i]);
}

void reactors_stop(void)
{
	unsigned int i;

	pthread_mutex_lock(&set.lock);
	__atomic_store_n(&set.stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < set.count; i++)
		message_wake(set.reactors[i]);
	pthread_mutex_unlock(&set.lock);
}

static void reactor_free(struct reactor *r, unsigned int reactors)
{
	if (r->epoll_fd >= 0)
		close(r->epoll_fd);
	message_fini(r, reactors);
	free(r->heap);
	free(r);
}

static struct reactor *reactor_new(unsigned int index, int core,
				   unsigned int reactors, unsigned int spin_us)
{
	struct reactor *r;
	int err;

	/* its own cache lines: neighbours write to the ring's head */
	r = aligned_alloc(64, (sizeof(*r) + 63) & ~(size_t)63);
	if (!r)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->index = index;
	r->core = core;
	r->epoll_fd = -1;
	spin_init(&r->spin, spin_us);
	TAILQ_INIT(&r->pollers);
	TAILQ_INIT(&r->fds);
	TAILQ_INIT(&r->channels);
	err = message_init(r, reactors);
	if (!err)
		err = fd_init(r);
	if (err) {
		reactor_free(r, reactors);
		errno = -err;
		return NULL;
	}
	return r;
}

static int opts_check(const struct reactor_opts *opts)
{
	unsigned int i;

	if (!opts->ncores || opts->ncores > REACTOR_MAX) {
		log_error("%u cores asked for: accepted are 1 to %d",
			  opts->ncores, REACTOR_MAX);
		return -EINVAL;
	}
	for (i = 0; i < opts->ncores; i++) {
		if (opts->cores[i] < 0 || opts->cores[i] >= CPU_SETSIZE) {
			log_error("core %d: accepted are 0 to %d",
				  opts->cores[i], CPU_SETSIZE - 1);
			return -EINVAL;
		}
	}
	if (opts->mode > REACTOR_INTERRUPT) {
		log_error("reactor mode %d is not known", (int)opts->mode);
		return -EINVAL;
	}
	return 0;
}

static void set_free(void)
{
	unsigned int i, count = set.count;

	pthread_mutex_lock(&set.lock);
	set.count = 0;
	for (i = 0; i < count; i++) {
		reactor_free(set.reactors[i], count);
		set.reactors[i] = NULL;
	}
	pthread_mutex_unlock(&set.lock);
}

static int set_alloc(const struct reactor_opts *opts)
{
	struct reactor *r;
	unsigned int i;
	int err;

	set.mode = opts->mode;
	set.stop = 0;
	set.ended = 0;
	for (i = 0; i < opts->ncores; i++) {
		r = reactor_new(i, opts->cores[i], opts->ncores,
				opts->mode == REACTOR_INTERRUPT ? 0 :
							opts->spin_us);
		if (!r) {
			err = errno;
			log_error("reactor %u cannot be set up: %s", i,
				  strerror(err));
			set_free();
			return -err;
		}
		pthread_mutex_lock(&set.lock);
		set.reactors[i] = r;
		set.count = i + 1;
		pthread_mutex_unlock(&set.lock);
	}
	return 0;
}

static int core_failed(int core, int err)
{
	log_error("core %d cannot be used: %s; see taskset -p for the cores allowed",
		  core, strerror(err));
	return -err;
}

/* Pinned from its first instruction on, so that its memory is local. */
static int thread_start(struct reactor *r)
{
	pthread_attr_t attr;
	cpu_set_t cpus;
	int err;

	CPU_ZERO(&cpus);
	CPU_SET(r->core, &cpus);
	err = pthread_attr_init(&attr);
	if (err)
		return core_failed(r->core, err);
	err = pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	if (!err)
		err = pthread_create(&r->thread, &attr, reactor_thread, r);
	pthread_attr_destroy(&attr);
	return err ? core_failed(r->core, err) : 0;
}

static int threads_run(reactor_fn start, void *ctx)
{
	unsigned int i, started;
	int ret = 0;

	for (started = 1; started < set.count && !ret; started += !ret)
		ret = thread_start(set.reactors[started]);
	if (ret) {
		reactors_end();
	} else {
		self = set.reactors[0];
		reactor_send(self, start, ctx);
		reactor_loop(self);
		ret = set.reactors[0]->result;
	}
	for (i = 1; i < started; i++) {
		pthread_join(set.reactors[i]->thread, NULL);
		if (!ret)
			ret = set.reactors[i]->result;
	}
	return ret;
}

int reactors_run(const struct reactor_opts *opts, reactor_fn start, void *ctx)
{
	cpu_set_t before, cpus;
	int ret;

	if (set.count) {
		log_error("reactors are running already");
		return -EBUSY;
	}
	ret = opts_check(opts);
	if (ret)
		return ret;
	ret = set_alloc(opts);
	if (ret)
		return ret;
	CPU_ZERO(&cpus);
	CPU_SET(opts->cores[0], &cpus);
	if (sched_getaffinity(0, sizeof(before), &before) ||
	    sched_setaffinity(0, sizeof(cpus), &cpus)) {
		ret = core_failed(opts->cores[0], errno);
		set_free();
		return ret;
	}
	ret = threads_run(start, ctx);
	if (io_device_fini() && !ret)
		ret = -EBUSY;
	sched_setaffinity(0, sizeof(before), &before);
	set_free();
	return ret;
}
