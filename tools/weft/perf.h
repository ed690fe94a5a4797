/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * `weft perf`: one job, its controllers on the main thread, its I/O queues
 * dealt out to worker threads. perf.c runs the job, perf_worker.c the queues,
 * perf_data.c knows what is in the blocks, perf_loop.c sleeps, perf_hist.c counts
 * latencies, perf_report.c adds up and prints.
 */
#ifndef WEFT_TOOLS_PERF_H
#define WEFT_TOOLS_PERF_H

#include <pthread.h>
#include <stdatomic.h>

#include "tools/initiator/initiator.h"
#include "tools/weft/cli.h"

enum perf_verify { PERF_NO_VERIFY, PERF_VERIFY_CRC, PERF_VERIFY_PATTERN };

/* Log-linear: 32 steps in each power of two, so 3 % of the value */
#define PERF_HIST_STEPS		32
#define PERF_HIST_SIZE		(60 * PERF_HIST_STEPS)

struct perf_hist {
	u64 n;
	u64 sum;
	u64 min;
	u64 max;
	u64 bucket[PERF_HIST_SIZE];
};

/* perf_hist.c */

/** perf_hist_add() - one latency in ns */
void perf_hist_add(struct perf_hist *h, u64 ns);
void perf_hist_merge(struct perf_hist *to, const struct perf_hist *from);
/** perf_hist_at() - the value that @permyriad of 10,000 do not exceed, or up to 1/32 more */
u64 perf_hist_at(const struct perf_hist *h, u32 permyriad);

/**
 * struct perf_job - what is to be done
 * @read_percent: 100 read, 0 write, else mixed
 * @bs: bytes of one I/O; @block: of the namespace's blocks
 * @range: bytes of the namespace in use
 * @count: I/Os in all, or 0; @seconds: time, or 0
 * @repair: broken connections are made again
 * @try_at: @give_up: ns, of the repair that goes on; 0: at once; none
 */
struct perf_job {
	const struct cli_args *a;
	struct ini_opts opts;
	const char *pattern;
	u32 read_percent;
	bool random;
	u32 bs;
	u32 block;
	u32 depth;
	u32 nctrlrs;
	u32 nqueues;
	u32 nthreads;
	u32 nsid;
	u64 range;
	u64 count;
	u64 seconds;
	enum perf_verify verify;
	u64 seed;
	u32 spin;
	bool repair;
	u64 try_at;
	u64 give_up;
	struct ini_ctrlr **ctrlrs;
	struct perf_queue *queues;
	struct perf_worker *workers;
	/* the main thread tells, the workers look */
	_Atomic bool go;	/* everything is connected */
	_Atomic bool stop;	/* there is no repair */
	_Atomic u64 end;	/* ns */
	_Atomic u32 repairs;	/* so far */
	/* and the other way */
	_Atomic u32 ready;	/* workers whose queues are connected */
	_Atomic u32 parked;	/* workers that wait for a repair */
	_Atomic u32 running;	/* workers that have not ended */
	_Atomic bool broken;	/* a connection failed */
	_Atomic u64 ios;	/* done, for the progress line */
	u64 started;
	u64 told_at;
	u64 told_ios;
};

/**
 * struct perf_io - one I/O slot with its buffer
 * @slot: place in the queue's region, in units of bs
 * @check: what comes is compared with @gen (0: with any)
 */
struct perf_io {
	struct perf_queue *q;
	u8 *buf;
	u64 slot;
	u64 since;
	u32 gen;
	bool read;
	bool check;
	struct perf_io *next;
};

/**
 * struct perf_queue - an I/O queue and its part of the namespace
 * @first: first block of its region; @nslots: I/Os that fit there
 * @gen: number of the last write
 * @gens: that of the last one to each slot, when verifying; 0: not written, or
 *        in vain, so that nobody knows what is there
 * @busy: slots with an I/O in flight, when verifying
 * @idle: I/O slots that wait; @again: those to repeat after a repair
 * @quota: I/Os it has to do, or UINT64_MAX
 */
struct perf_queue {
	struct perf_worker *w;
	struct perf_job *job;
	struct ini_ctrlr *ctrlr;
	struct ini_queue *q;
	u16 qid;
	u64 first;
	u64 nslots;
	u64 next;
	u64 rng;
	u32 gen;
	u32 *gens;
	u8 *busy;
	u8 *memory;
	struct perf_io *ios;
	struct perf_io *idle;
	struct perf_io *again;
	u32 depth;
	bool reading_back;
	u64 readback;
	u64 quota;
	u64 issued;
	u64 done[2];		/* writes, reads */
	u64 errors;
	nvme_status first_error;
	u64 checked;		/* bytes verified */
	u64 mismatches;
};

struct perf_worker {
	struct perf_job *job;
	pthread_t thread;
	u32 index;
	struct perf_loop *loop;
	u32 flying;
	bool lost;		/* a command was not answered */
	bool answered;		/* one was, since the last repair */
	bool counted;		/* in job->ready */
	bool finished;		/* nothing is left to do */
	u64 stopped;		/* ns, when its I/O was over */
	struct perf_hist hist[2];
	int rc;
	char reason[WEFT_REASON_MAX];
};

/* perf_data.c */

/** perf_random() - next number of a xorshift generator; @state is never 0 */
u64 perf_random(u64 *state);
/** perf_remember() - before the first I/O of a queue that is verified */
void perf_remember(struct perf_queue *q);
/** perf_prepare() - choose what @io does next; false: nothing is left to do */
bool perf_prepare(struct perf_queue *q, struct perf_io *io);
/** perf_check() - is what a read brought right? Says on stderr what is not */
void perf_check(struct perf_queue *q, const struct perf_io *io);
/** perf_landed() - an I/O has succeeded or not: its slot is free again */
void perf_landed(struct perf_queue *q, const struct perf_io *io, bool good);
/** perf_lba() - first block of an I/O */
u64 perf_lba(const struct perf_queue *q, const struct perf_io *io);

/* perf_worker.c */
void *perf_worker_run(void *worker);
void perf_worker_free(struct perf_worker *w);

/* perf_loop.c: polls what has work, sleeps on the rest */
struct perf_loop;
struct perf_loop *perf_loop_new(u32 max, u32 spin);
void perf_loop_free(struct perf_loop *l);
/** perf_loop_add() - exactly one of @c and @q */
void perf_loop_add(struct perf_loop *l, struct ini_ctrlr *c,
		   struct ini_queue *q);
/** perf_loop_clear() - forget all; before they are closed or destroyed */
void perf_loop_clear(struct perf_loop *l);
/**
 * perf_loop_wake() - after commands were submitted between turns: they leave in
 * a poll, and nothing comes that would end the sleep before it
 */
void perf_loop_wake(struct perf_loop *l);
/** perf_loop_turn() - poll, and sleep for at most @ms if there is no work */
void perf_loop_turn(struct perf_loop *l, int ms);

/* perf_report.c */

/** perf_progress() - a line on the terminal, every second; it has no end */
void perf_progress(struct perf_job *job, u64 now);
/** perf_progress_end() - the end of that line, if there is one */
void perf_progress_end(const struct perf_job *job);
int perf_report(struct perf_job *job);

#endif
