// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * `weft perf`: the command line becomes a job, the main thread connects the
 * controllers, keeps them alive and repairs them, and waits for the workers.
 */
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tools/weft/handlers.h"
#include "tools/weft/perf.h"
#include "tools/weft/remote.h"

#define TURN_MS		50
#define QUEUES_MAX	65536u
#define THREADS_MAX	1024u
#define SLOTS_MAX	(1u << 27)	/* whose writes are remembered */

/* --- command line -------------------------------------------------------------------- */

static const struct {
	const char *name;
	u32 reads;
	bool random;
} patterns[] = {
	{ "read", 100, false }, { "write", 0, false },
	{ "randread", 100, true }, { "randwrite", 0, true },
	{ "rw", 50, false }, { "randrw", 50, true },
};

static int take_pattern(struct perf_job *job)
{
	const char *name = cli_opt(job->a, "pattern");
	u64 mix = cli_number(job->a, "mix", 50);
	size_t i;

	job->pattern = name ? name : "randread";
	for (i = 0; i < ARRAY_SIZE(patterns); i++)
		if (!strcmp(patterns[i].name, job->pattern))
			break;
	if (i == ARRAY_SIZE(patterns))
		return cli_usage_error(job->a->cmd,
				       "--pattern %s: read, write, randread, randwrite, rw or randrw is accepted",
				       name);
	job->read_percent = patterns[i].reads;
	job->random = patterns[i].random;
	if (!cli_opt(job->a, "mix"))
		return CLI_OK;
	if (patterns[i].reads != 50)
		return cli_usage_error(job->a->cmd,
				       "--mix: with the patterns rw and randrw only");
	if (!mix || mix > 99)
		return cli_usage_error(job->a->cmd,
				       "--mix %s: accepted range is 1-99",
				       cli_opt(job->a, "mix"));
	job->read_percent = (u32)mix;
	return CLI_OK;
}

static int take_verify(struct perf_job *job)
{
	const char *how = cli_opt(job->a, "verify");

	job->seed = cli_number(job->a, "seed", 1);
	if (!how)
		return CLI_OK;
	if (!strcmp(how, "crc"))
		job->verify = PERF_VERIFY_CRC;
	else if (!strcmp(how, "pattern"))
		job->verify = PERF_VERIFY_PATTERN;
	else
		return cli_usage_error(job->a->cmd,
				       "--verify %s: crc or pattern is accepted",
				       how);
	return CLI_OK;
}

static int take_number(const struct perf_job *job, const char *name, u64 lo,
		       u64 hi, u64 dflt, u32 *out)
{
	u64 v = cli_number(job->a, name, dflt);

	*out = (u32)v;
	if (v >= lo && v <= hi)
		return CLI_OK;
	return cli_usage_error(job->a->cmd,
			       "--%s %s: accepted range is %llu-%llu", name,
			       cli_opt(job->a, name), (unsigned long long)lo,
			       (unsigned long long)hi);
}

static int take_numbers(struct perf_job *job)
{
	const struct weft_connstr *c = &job->opts.conn;
	u64 depth = weft_connstr_given(c, WEFT_OPT_QUEUE_SIZE) ?
		    (u64)c->queue_size - 1 : 32;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	u32 seconds;
	int rc;

	rc = take_number(job, "block-size", 512, 16u << 20, 4096, &job->bs);
	if (!rc)
		rc = take_number(job, "depth", 1, WEFT_QUEUE_SIZE_MAX - 1,
				 depth, &job->depth);
	if (!rc)
		rc = take_number(job, "controllers", 1, QUEUES_MAX, 1,
				 &job->nctrlrs);
	if (!rc)
		rc = take_number(job, "threads", 1, THREADS_MAX,
				 cpus < THREADS_MAX ? (u64)cpus : THREADS_MAX,
				 &job->nthreads);
	if (!rc)
		rc = take_number(job, "nsid", 1, UINT32_MAX - 1, 1, &job->nsid);
	if (!rc)
		rc = take_number(job, "spin", 0, UINT32_MAX, 20, &job->spin);
	if (!rc)
		rc = take_number(job, "time", 1, 86400 * 365, 10, &seconds);
	if (rc)
		return rc;
	job->count = cli_number(job->a, "count", 0);
	job->seconds = cli_opt(job->a, "time") || !job->count ? seconds : 0;
	job->range = cli_number(job->a, "range", UINT64_MAX);
	return CLI_OK;
}

/* --- namespace and regions -------------------------------------------------------------- */

static int identify_ns(struct perf_job *job, struct nvme_ns_facts *f)
{
	struct remote r = { .ctrlr = job->ctrlrs[0] };
	struct remote_answer ans = { 0 };
	u8 *id = cli_alloc(NVME_IDENTIFY_SIZE);
	struct weft_reason why;
	int rc;

	rc = remote_wait(&r, ini_identify(ini_ctrlr_admin(r.ctrlr),
					  NVME_CNS_NS, job->nsid, 0, 0, id,
					  remote_done, &ans), &ans);
	job->ctrlrs[0] = r.ctrlr;
	if (!rc)
		rc = remote_status("Identify Namespace", ans.status, true);
	if (!rc && nvme_id_ns_decode(id, NVME_IDENTIFY_SIZE, f, &why))
		rc = cli_error(CLI_MISSING, "namespace %u: %s", job->nsid,
			       why.text);
	free(id);
	return rc;
}

static int settle_sizes(struct perf_job *job)
{
	struct nvme_ns_facts f;
	u32 most = ini_ctrlr_max_transfer(job->ctrlrs[0]);
	int rc = identify_ns(job, &f);

	if (rc)
		return rc;
	job->block = 1u << f.lbads;
	if (job->bs % job->block || job->bs / job->block > 65536)
		return cli_error(CLI_USAGE,
				 "--block-size %u: a multiple of the namespace's blocks of %u bytes is accepted",
				 job->bs, job->block);
	if (job->bs > most)
		return cli_error(CLI_USAGE,
				 "--block-size %u: the controller takes up to %u bytes",
				 job->bs, most);
	if (job->range > f.nsze << f.lbads)
		job->range = f.nsze << f.lbads;
	return CLI_OK;
}

/* Queues share the range, unless it is random and nothing is verified. */
static int make_region(struct perf_job *job, u32 i)
{
	struct perf_queue *q = &job->queues[i];
	u64 slots = job->range / job->bs;
	bool shared = job->random && !job->verify;

	q->nslots = shared ? slots : slots / job->nqueues;
	q->first = shared ? 0 : i * q->nslots * (job->bs / job->block);
	q->rng = (job->seed + i + 1) * 0x9e3779b97f4a7c15ull | 1;
	q->quota = !job->count ? UINT64_MAX :
		   job->count / job->nqueues + (i < job->count % job->nqueues);
	if (q->nslots < (job->verify ? job->depth + 1 : 1))
		return cli_error(CLI_USAGE,
				 "--range: %llu bytes are too few for %u queues of %u I/Os of %u bytes",
				 (unsigned long long)job->range, job->nqueues,
				 job->depth, job->bs);
	if (!job->verify)
		return CLI_OK;
	if (slots > SLOTS_MAX)
		return cli_error(CLI_USAGE,
				 "--verify: at most %u I/Os' places are remembered; --range makes it fewer",
				 SLOTS_MAX);
	perf_remember(q);
	return CLI_OK;
}

static int make_queues(struct perf_job *job)
{
	u32 per = ini_ctrlr_io_queues(job->ctrlrs[0]), i;
	int rc = CLI_OK;

	for (i = 1; i < job->nctrlrs; i++)
		if (ini_ctrlr_io_queues(job->ctrlrs[i]) < per)
			per = ini_ctrlr_io_queues(job->ctrlrs[i]);
	if (!per || per > QUEUES_MAX / job->nctrlrs)
		return cli_error(CLI_FAILED,
				 "%u queues on %u controllers: up to %u in all are accepted",
				 per, job->nctrlrs, QUEUES_MAX);
	job->nqueues = per * job->nctrlrs;
	if (job->nthreads > job->nqueues)
		job->nthreads = job->nqueues;
	job->queues = cli_alloc(job->nqueues * sizeof(*job->queues));
	job->workers = cli_alloc(job->nthreads * sizeof(*job->workers));
	for (i = 0; i < job->nthreads; i++) {
		job->workers[i].job = job;
		job->workers[i].index = i;
	}
	for (i = 0; i < job->nqueues && !rc; i++) {
		struct perf_queue *q = &job->queues[i];

		q->job = job;
		q->ctrlr = job->ctrlrs[i / per];
		q->qid = (u16)(1 + i % per);
		q->w = &job->workers[i % job->nthreads];
		rc = make_region(job, i);
	}
	return rc;
}

/* --- controllers ------------------------------------------------------------------------ */

static bool still_connecting(const struct perf_job *job)
{
	u32 i;

	for (i = 0; i < job->nctrlrs; i++)
		if (ini_ctrlr_state(job->ctrlrs[i]) == INI_CONNECTING)
			return true;
	return false;
}

static const struct ini_ctrlr *failed_one(const struct perf_job *job)
{
	u32 i;

	for (i = 0; i < job->nctrlrs; i++)
		if (ini_ctrlr_state(job->ctrlrs[i]) == INI_FAILED)
			return job->ctrlrs[i];
	return NULL;
}

static struct perf_loop *loop_of_all(struct perf_job *job)
{
	struct perf_loop *l = perf_loop_new(job->nctrlrs, job->spin);
	u32 i;

	for (i = 0; i < job->nctrlrs; i++)
		perf_loop_add(l, job->ctrlrs[i], NULL);
	return l;
}

/* As many sockets as we may have */
static void raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur == r.rlim_max)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

static int connect_all(struct perf_job *job)
{
	const struct ini_ctrlr *bad;
	struct weft_reason why;
	struct perf_loop *l;
	u32 i;
	int err;

	raise_limit();
	job->ctrlrs = cli_alloc(job->nctrlrs * sizeof(*job->ctrlrs));
	for (i = 0; i < job->nctrlrs; i++) {
		err = ini_ctrlr_create(&job->opts, &job->ctrlrs[i], &why);
		if (err)
			return cli_error(remote_exit(err),
					 "not connected: %s", why.text);
	}
	l = loop_of_all(job);
	while (still_connecting(job) && !failed_one(job))
		perf_loop_turn(l, TURN_MS);
	perf_loop_free(l);
	bad = failed_one(job);
	if (!bad)
		return CLI_OK;
	return cli_error(remote_exit(ini_ctrlr_error(bad)),
			 "not connected: %s", ini_ctrlr_reason(bad));
}

static void disconnect_all(struct perf_job *job)
{
	struct perf_loop *l;
	bool busy = true;
	u32 i, n = 0;

	if (!job->ctrlrs)
		return;
	/* some were not made, the first one may have been given up */
	for (i = 0; i < job->nctrlrs; i++)
		if (job->ctrlrs[i])
			job->ctrlrs[n++] = job->ctrlrs[i];
	job->nctrlrs = n;
	for (i = 0; i < job->nctrlrs; i++)
		ini_ctrlr_shutdown(job->ctrlrs[i]);
	l = loop_of_all(job);
	while (busy) {
		perf_loop_turn(l, TURN_MS);
		busy = false;
		for (i = 0; i < job->nctrlrs; i++)
			busy |= ini_ctrlr_state(job->ctrlrs[i]) == INI_CLOSING;
	}
	perf_loop_free(l);
	for (i = 0; i < job->nctrlrs; i++)
		ini_ctrlr_destroy(job->ctrlrs[i]);
	free(job->ctrlrs);
}

/* --- interruption ------------------------------------------------------------------------ */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* The first ^C ends the run, the second one the program. */
static void catch_interrupt(void)
{
	const struct sigaction act = {
		.sa_handler = on_interrupt, .sa_flags = SA_RESETHAND,
	};
	struct sigaction old;

	/* ignored: of a job in the background */
	if (!sigaction(SIGINT, NULL, &old) && old.sa_handler != SIG_IGN)
		sigaction(SIGINT, &act, NULL);
}

/* --- repair ------------------------------------------------------------------------------ */

static bool try_again(struct perf_job *job)
{
	struct perf_loop *l;
	u32 i;

	for (i = 0; i < job->nctrlrs; i++)
		ini_ctrlr_reconnect(job->ctrlrs[i], NULL);
	l = loop_of_all(job);
	while (still_connecting(job) && !failed_one(job))
		perf_loop_turn(l, TURN_MS);
	perf_loop_free(l);
	return !failed_one(job);
}

/* Has a command been answered since the last repair? While the workers wait */
static bool answered(struct perf_job *job)
{
	bool any = false;
	u32 i;

	for (i = 0; i < job->nthreads; i++) {
		any |= job->workers[i].answered;
		job->workers[i].answered = false;
	}
	return any;
}

/* False: interrupted */
static bool sleep_until(u64 when)
{
	const struct timespec turn = { .tv_nsec = TURN_MS * INI_MS };

	while (!interrupted && ini_now() < when)
		nanosleep(&turn, NULL);
	return !interrupted;
}

/*
 * At once, then every reconnect_delay seconds until ctrl_loss_tmo is over. A
 * connection that breaks again before it was of use has not come back.
 */
static bool repair(struct perf_job *job)
{
	const struct weft_connstr *c = &job->opts.conn;
	u64 now = ini_now();

	if (answered(job) || !job->give_up) {
		job->give_up = c->ctrl_loss_tmo < 0 ? INI_NEVER :
			       now + (u64)c->ctrl_loss_tmo * 1000 * INI_MS;
		job->try_at = 0;
	}
	while (job->try_at < job->give_up && sleep_until(job->try_at)) {
		job->try_at = ini_now() +
			      (u64)c->reconnect_delay * 1000 * INI_MS;
		if (try_again(job))
			return true;
	}
	return false;
}

/* One that has a reason to end, first of all one that no repair helps */
static const struct perf_worker *failed_worker(const struct perf_job *job)
{
	const struct perf_worker *bad = NULL;
	u32 i;

	for (i = 0; i < job->nthreads; i++)
		if (job->workers[i].rc && (!bad || bad->rc == CLI_CONNECTION))
			bad = &job->workers[i];
	return bad;
}

static bool curable(const struct perf_job *job)
{
	const struct perf_worker *bad = failed_worker(job);

	return !bad || bad->rc == CLI_CONNECTION;
}

/* False: the workers are told to end */
static bool mend(struct perf_job *job)
{
	u32 running = atomic_load(&job->running);

	if (!running || atomic_load(&job->parked) < running)
		return true;		/* nobody needs it, or not yet */
	if (!curable(job) || !repair(job)) {
		atomic_store(&job->stop, true);
		return false;
	}
	atomic_store(&job->broken, false);
	atomic_store(&job->parked, 0);
	atomic_fetch_add(&job->repairs, 1);
	return true;
}

/* --- running ------------------------------------------------------------------------------- */

static int start_workers(struct perf_job *job)
{
	u32 i;
	int err = 0;

	atomic_store(&job->end, INI_NEVER);
	atomic_store(&job->running, job->nthreads);
	for (i = 0; i < job->nthreads; i++)
		job->workers[i].loop = perf_loop_new(job->nqueues, job->spin);
	for (i = 0; i < job->nthreads && !err; i++)
		err = pthread_create(&job->workers[i].thread, NULL,
				     perf_worker_run, &job->workers[i]);
	if (!err)
		return CLI_OK;
	cli_error(CLI_FAILED, "no thread: %s", strerror(err));
	exit(CLI_FAILED);
}

static void go(struct perf_job *job)
{
	job->started = ini_now();
	job->told_at = job->started;
	if (job->seconds)
		atomic_store(&job->end, job->started +
			     job->seconds * 1000 * INI_MS);
	atomic_store(&job->go, true);
}

static void watch(struct perf_job *job)
{
	struct perf_loop *l = loop_of_all(job);
	bool tell = isatty(STDERR_FILENO), mending = job->repair;

	while (atomic_load(&job->running)) {
		perf_loop_turn(l, TURN_MS);
		if (!job->started && atomic_load(&job->ready) == job->nthreads)
			go(job);
		if (interrupted)
			atomic_store(&job->end, 0);
		if (failed_one(job))
			atomic_store(&job->broken, true);
		if (mending && atomic_load(&job->broken)) {
			perf_loop_free(l);
			mending = mend(job);
			l = loop_of_all(job);
		}
		if (tell && job->started)
			perf_progress(job, ini_now());
	}
	perf_loop_free(l);
}

static bool all_finished(const struct perf_job *job)
{
	u32 i;

	for (i = 0; i < job->nthreads; i++)
		if (!job->workers[i].finished)
			return false;
	return true;
}

/* A controller that did not come back knows more than those that lost it. */
static int verdict(const struct perf_job *job)
{
	const struct ini_ctrlr *c = failed_one(job);
	const struct perf_worker *w = failed_worker(job);

	if (all_finished(job))
		return CLI_OK;
	if (w && !(c && job->repair && w->rc == CLI_CONNECTION))
		return cli_error(w->rc, "%s", w->reason);
	return cli_error(CLI_CONNECTION, "%s", ini_ctrlr_reason(c));
}

static int run(struct perf_job *job)
{
	u32 i;
	int rc = connect_all(job);

	if (!rc)
		rc = settle_sizes(job);
	if (!rc)
		rc = make_queues(job);
	if (!rc) {
		catch_interrupt();
		start_workers(job);
		watch(job);
		for (i = 0; i < job->nthreads; i++)
			pthread_join(job->workers[i].thread, NULL);
		perf_progress_end(job);
		rc = verdict(job);
		if (!rc)
			rc = perf_report(job);
	}
	for (i = 0; job->workers && i < job->nthreads; i++)
		perf_worker_free(&job->workers[i]);
	disconnect_all(job);
	free(job->queues);
	free(job->workers);
	return rc;
}

int cmd_perf(const struct cli_args *a)
{
	struct perf_job *job = cli_alloc(sizeof(*job));
	int rc;

	job->a = a;
	rc = remote_opts(a, NULL, &job->opts);
	if (!rc)
		rc = take_pattern(job);
	if (!rc)
		rc = take_verify(job);
	if (!rc)
		rc = take_numbers(job);
	job->repair = weft_connstr_given(&job->opts.conn,
					 WEFT_OPT_CTRL_LOSS_TMO);
	if (!rc)
		rc = run(job);
	explicit_bzero(&job->opts, sizeof(job->opts));
	free(job);
	return rc;
}
