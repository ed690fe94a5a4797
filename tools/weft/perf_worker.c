// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A worker of `weft perf`: its queues' connections, and I/O on them until time
 * or count is over, then reading back. When a connection breaks, all workers
 * stop and wait for the main thread to repair the controllers.
 */
#include <sys/mman.h>

#include "tools/weft/perf.h"
#include "tools/weft/remote.h"

#define TURN_MS		20
#define GO_MS		1		/* the clock runs, and nothing wakes us */
#define REST_NS		1000000
#define TELL_EVERY	64		/* turns between looks at the counters */

static void fail(struct perf_worker *w, int rc, const char *why)
{
	if (!w->rc) {
		w->rc = rc;
		snprintf(w->reason, sizeof(w->reason), "%s", why);
	}
	atomic_store(&w->job->broken, true);
}

#define FOR_QUEUES(w, q) \
	for (q = &(w)->job->queues[(w)->index]; \
	     q < &(w)->job->queues[(w)->job->nqueues]; \
	     q += (w)->job->nthreads)

/* --- memory ------------------------------------------------------------------------ */

static size_t memory_size(const struct perf_queue *q)
{
	return (size_t)q->depth * q->job->bs;
}

static bool get_memory(struct perf_queue *q)
{
	struct perf_job *job = q->job;
	u64 *p;
	size_t i;

	q->depth = ini_queue_depth(q->q) < job->depth ?
		   ini_queue_depth(q->q) : job->depth;
	q->memory = mmap(NULL, memory_size(q), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (q->memory == MAP_FAILED) {
		q->memory = NULL;
		return false;
	}
	q->ios = cli_alloc(q->depth * sizeof(*q->ios));
	for (i = 0; i < q->depth; i++) {
		q->ios[i].q = q;
		q->ios[i].buf = q->memory + i * job->bs;
		q->ios[i].next = q->idle;
		q->idle = &q->ios[i];
	}
	if (job->read_percent == 100)
		return true;
	for (p = (u64 *)q->memory, i = 0; i < memory_size(q) / 8; i++)
		p[i] = perf_random(&q->rng);
	return true;
}

static void drop_memory(struct perf_queue *q)
{
	if (q->memory)
		munmap(q->memory, memory_size(q));
	free(q->ios);
	q->memory = NULL;
	q->ios = NULL;
}

/* --- I/O ----------------------------------------------------------------------------- */

static void ended(void *ctx, nvme_status status, u64 result);

static bool may_start(const struct perf_queue *q)
{
	const struct perf_job *job = q->job;

	return !atomic_load_explicit(&job->broken, memory_order_relaxed) &&
	       (q->reading_back ||
		ini_now() < atomic_load_explicit(&job->end,
						 memory_order_relaxed));
}

static void start(struct perf_queue *q, struct perf_io *io)
{
	struct perf_job *job = q->job;
	u64 lba = perf_lba(q, io);
	u32 blocks = job->bs / job->block;
	int err;

	io->since = ini_now();
	err = io->read ?
	      ini_read(q->q, job->nsid, lba, blocks, 0, io->buf, job->bs,
		       ended, io) :
	      ini_write(q->q, job->nsid, lba, blocks, 0, io->buf, job->bs,
			ended, io);
	if (!err) {
		q->w->flying++;
		return;
	}
	/* the connection has just broken */
	q->w->lost = true;
	io->next = q->again;
	q->again = io;
}

static void start_next(struct perf_queue *q, struct perf_io *io)
{
	if (may_start(q) && perf_prepare(q, io)) {
		start(q, io);
		return;
	}
	io->next = q->idle;
	q->idle = io;
}

static void start_all(struct perf_queue *q)
{
	struct perf_io *io, *list = q->again;

	for (q->again = NULL; (io = list);) {
		list = io->next;
		start(q, io);
	}
	list = q->idle;
	for (q->idle = NULL; (io = list);) {
		list = io->next;
		start_next(q, io);
	}
}

static void count_error(struct perf_queue *q, nvme_status status)
{
	if (!q->errors++)
		q->first_error = status;
}

static void ended(void *ctx, nvme_status status, u64 result)
{
	struct perf_io *io = ctx;
	struct perf_queue *q = io->q;

	(void)result;
	q->w->flying--;
	if (nvme_status_code(status) == NVME_SC_HOST_ABORTED_CMD) {
		q->w->lost = true;
		io->next = q->again;
		q->again = io;
		return;
	}
	q->w->answered = true;
	perf_landed(q, io, !status);
	if (status) {
		count_error(q, status);
	} else {
		if (io->check)
			perf_check(q, io);
		if (!q->reading_back) {
			q->done[io->read]++;
			perf_hist_add(&q->w->hist[io->read],
				      ini_now() - io->since);
		}
	}
	start_next(q, io);
}

/* --- connections --------------------------------------------------------------------- */

static bool live(struct perf_worker *w)
{
	struct perf_queue *q;
	bool all = true;

	FOR_QUEUES(w, q) {
		if (ini_queue_state(q->q) == INI_FAILED) {
			fail(w, CLI_CONNECTION, ini_queue_reason(q->q));
			return false;
		}
		all = all && ini_queue_state(q->q) == INI_LIVE;
	}
	return all;
}

/* Why I/O has stopped; no reason, if it is not for this worker's connections */
static void find_reason(struct perf_worker *w)
{
	struct perf_queue *q;

	atomic_store(&w->job->broken, true);
	if (w->rc)
		return;
	/* a command that could not be sent fails its queue in the next poll */
	FOR_QUEUES(w, q)
		ini_queue_poll(q->q, ini_now());
	live(w);
	if (w->lost)
		fail(w, CLI_CONNECTION, "the controller aborted commands");
}

static bool broken(struct perf_worker *w)
{
	live(w);
	return atomic_load(&w->job->broken);
}

/* I/O begins when every queue of every worker is connected. */
static bool wait_for_go(struct perf_worker *w)
{
	if (!w->counted)
		atomic_fetch_add(&w->job->ready, 1);
	w->counted = true;
	while (!atomic_load(&w->job->go) && !broken(w))
		perf_loop_turn(w->loop, GO_MS);
	return !broken(w);
}

static bool connect_queues(struct perf_worker *w)
{
	struct weft_reason why;
	struct perf_queue *q;
	int err;

	FOR_QUEUES(w, q) {
		err = q->q ? ini_queue_reconnect(q->q, &why) :
			     ini_queue_create(q->ctrlr, q->qid, w->job->depth,
					      &q->q, &why);
		if (err) {
			fail(w, remote_exit(err), why.text);
			return false;
		}
		perf_loop_add(w->loop, NULL, q->q);
	}
	while (!live(w) && !broken(w))
		perf_loop_turn(w->loop, TURN_MS);
	return !broken(w);
}

/* Registered once: the buffers stay when connections come and go. */
static bool get_buffers(struct perf_worker *w)
{
	struct weft_reason why;
	struct perf_queue *q;

	FOR_QUEUES(w, q) {
		if (q->memory)
			continue;
		if (!get_memory(q)) {
			fail(w, CLI_FAILED, "out of memory");
			return false;
		}
		if (ini_queue_add_memory(q->q, q->memory, memory_size(q),
					 &why)) {
			fail(w, CLI_FAILED, why.text);
			return false;
		}
	}
	return true;
}

/* --- life ------------------------------------------------------------------------------ */

static void tell_progress(struct perf_worker *w, u64 *told)
{
	struct perf_queue *q;
	u64 n = 0;

	FOR_QUEUES(w, q)
		n += q->done[0] + q->done[1];
	atomic_fetch_add_explicit(&w->job->ios, n - *told,
				  memory_order_relaxed);
	*told = n;
}

/* Until everything that was started has ended; false: a connection broke */
static bool do_io(struct perf_worker *w)
{
	struct perf_queue *q;
	u64 told = 0;
	u32 turns = 0;

	FOR_QUEUES(w, q) {
		told += q->done[0] + q->done[1];
		start_all(q);
	}
	/* the queues have slept until all were connected */
	perf_loop_wake(w->loop);
	while (w->flying && !w->lost) {
		perf_loop_turn(w->loop, TURN_MS);
		if (++turns % TELL_EVERY == 0)
			tell_progress(w, &told);
	}
	tell_progress(w, &told);
	return !w->lost && !broken(w);
}

static bool wants_read_back(const struct perf_job *job)
{
	return job->verify && job->read_percent < 100;
}

static bool work(struct perf_worker *w)
{
	struct perf_queue *q;

	w->lost = false;
	if (!connect_queues(w) || !get_buffers(w) || !wait_for_go(w) ||
	    !do_io(w))
		return false;
	if (!w->stopped)
		w->stopped = ini_now();
	if (wants_read_back(w->job)) {
		FOR_QUEUES(w, q)
			q->reading_back = true;
		if (!do_io(w))
			return false;
	}
	w->finished = true;
	return true;
}

/* Wait for the main thread to repair the controllers; false: it has given up */
static bool park(struct perf_worker *w)
{
	const struct timespec rest = { .tv_nsec = REST_NS };
	struct perf_job *job = w->job;
	u32 repairs = atomic_load(&job->repairs);
	struct perf_queue *q;

	perf_loop_clear(w->loop);
	FOR_QUEUES(w, q)
		if (q->q)
			ini_queue_disconnect(q->q);
	atomic_fetch_add(&job->parked, 1);
	while (!atomic_load(&job->stop) &&
	       atomic_load(&job->repairs) == repairs)
		nanosleep(&rest, NULL);
	return !atomic_load(&job->stop);
}

void *perf_worker_run(void *worker)
{
	struct perf_worker *w = worker;
	struct perf_queue *q;

	while (!work(w)) {
		find_reason(w);
		if (!w->job->repair || !park(w))
			break;
		w->rc = CLI_OK;
	}
	perf_loop_clear(w->loop);
	FOR_QUEUES(w, q)
		if (q->q)
			ini_queue_disconnect(q->q);
	atomic_fetch_sub(&w->job->running, 1);
	return NULL;
}

/* After its thread has ended; counters of queues were read before */
void perf_worker_free(struct perf_worker *w)
{
	struct perf_queue *q;

	FOR_QUEUES(w, q) {
		ini_queue_destroy(q->q);
		drop_memory(q);
		free(q->gens);
		free(q->busy);
	}
	perf_loop_free(w->loop);
}
