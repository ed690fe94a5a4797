// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * What `weft perf` has measured: latencies, sums over queues, fairness between
 * them, what the initiator spent per I/O. For people or as JSON.
 */
#include "tools/weft/perf.h"
#include "tools/weft/remote.h"

#define NS	1e9

/* --- sums ------------------------------------------------------------------------------ */

/**
 * struct sums - over all queues
 * @least: @most: I/Os of the slowest and the fastest queue
 * @squares: for Jain's index
 */
struct sums {
	u64 done[2];
	u64 errors;
	nvme_status first_error;
	u64 checked;
	u64 mismatches;
	u64 least;
	u64 most;
	double squares;
	u32 depth;
	struct ini_stats s;
	struct perf_hist hist[2];
	double seconds;
};

static void add_stats(struct ini_stats *to, const struct ini_stats *from)
{
	const u64 *f = (const u64 *)from;
	u64 *t = (u64 *)to;
	size_t i;

	for (i = 0; i < sizeof(*to) / sizeof(*t); i++)
		t[i] += f[i];
}

static void add_queue(struct sums *s, const struct perf_queue *q)
{
	u64 n = q->done[0] + q->done[1];

	s->done[0] += q->done[0];
	s->done[1] += q->done[1];
	if (!s->errors)
		s->first_error = q->first_error;
	s->errors += q->errors;
	s->checked += q->checked;
	s->mismatches += q->mismatches;
	if (n < s->least)
		s->least = n;
	if (n > s->most)
		s->most = n;
	s->squares += (double)n * (double)n;
	if (q->depth > s->depth)
		s->depth = q->depth;
	add_stats(&s->s, ini_queue_stats(q->q));
}

static void add_up(const struct perf_job *job, struct sums *s)
{
	u64 stopped = job->started;
	u32 i;

	memset(s, 0, sizeof(*s));
	s->least = UINT64_MAX;
	for (i = 0; i < job->nqueues; i++)
		add_queue(s, &job->queues[i]);
	for (i = 0; i < job->nthreads; i++) {
		const struct perf_worker *w = &job->workers[i];

		perf_hist_merge(&s->hist[0], &w->hist[0]);
		perf_hist_merge(&s->hist[1], &w->hist[1]);
		if (w->stopped > stopped)
			stopped = w->stopped;
	}
	s->seconds = (double)(stopped - job->started) / NS;
	if (s->seconds <= 0)
		s->seconds = 1 / NS;
}

/* 1: all queues did the same; 1/n: one did all */
static double fairness(const struct perf_job *job, const struct sums *s)
{
	double sum = (double)(s->done[0] + s->done[1]);

	return s->squares > 0 ? sum * sum / (job->nqueues * s->squares) : 1;
}

/* --- JSON -------------------------------------------------------------------------------- */

static json_t *number(u64 v)
{
	return json_integer((json_int_t)v);
}

static const struct {
	const char *name;
	u32 permyriad;
} points[] = {
	{ "p50", 5000 }, { "p90", 9000 }, { "p99", 9900 }, { "p99.9", 9990 },
	{ "p99.99", 9999 },
};

static json_t *direction_json(const struct perf_job *job,
			      const struct sums *s, bool read)
{
	const struct perf_hist *h = &s->hist[read];
	json_t *lat = json_object(), *j;
	size_t i;

	json_object_set_new(lat, "min", number(h->min));
	json_object_set_new(lat, "mean", number(h->n ? h->sum / h->n : 0));
	json_object_set_new(lat, "max", number(h->max));
	for (i = 0; i < ARRAY_SIZE(points); i++)
		json_object_set_new(lat, points[i].name,
				    number(h->n ? perf_hist_at(h,
						points[i].permyriad) : 0));
	j = json_object();
	json_object_set_new(j, "ios", number(s->done[read]));
	json_object_set_new(j, "bytes", number(s->done[read] * job->bs));
	json_object_set_new(j, "iops",
			    json_real((double)s->done[read] / s->seconds));
	json_object_set_new(j, "latency_ns", lat);
	return j;
}

static json_t *stats_json(const struct ini_stats *s)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "submitted", number(s->submitted),
			 "completed", number(s->completed),
			 "sends", number(s->sends), "recvs", number(s->recvs),
			 "idle", number(s->idle),
			 "pdus_out", number(s->pdus_out),
			 "pdus_in", number(s->pdus_in),
			 "bytes_out", number(s->bytes_out),
			 "bytes_in", number(s->bytes_in),
			 "bytes_direct", number(s->bytes_direct),
			 "bytes_copied", number(s->bytes_copied),
			 "in_capsule", number(s->in_capsule),
			 "r2ts", number(s->r2ts),
			 "registrations", number(s->registrations));
}

static json_t *queues_json(const struct perf_job *job)
{
	json_t *list = json_array();
	u32 i;

	for (i = 0; i < job->nqueues; i++)
		json_array_append_new(list, number(job->queues[i].done[0] +
						   job->queues[i].done[1]));
	return list;
}

static int report_json(const struct perf_job *job, const struct sums *s)
{
	json_t *j = json_object();

	json_object_set_new(j, "pattern", json_string(job->pattern));
	json_object_set_new(j, "block_size", number(job->bs));
	json_object_set_new(j, "depth", number(s->depth));
	json_object_set_new(j, "controllers", number(job->nctrlrs));
	json_object_set_new(j, "queues", number(job->nqueues));
	json_object_set_new(j, "threads", number(job->nthreads));
	json_object_set_new(j, "seconds", json_real(s->seconds));
	json_object_set_new(j, "ios", number(s->done[0] + s->done[1]));
	json_object_set_new(j, "errors", number(s->errors));
	json_object_set_new(j, "read", direction_json(job, s, true));
	json_object_set_new(j, "write", direction_json(job, s, false));
	json_object_set_new(j, "verify",
			    json_pack("{s:o, s:o}", "bytes", number(s->checked),
				      "mismatches", number(s->mismatches)));
	json_object_set_new(j, "repairs", number(job->repairs));
	json_object_set_new(j, "fairness",
			    json_pack("{s:o, s:o, s:f}", "least",
				      number(s->least), "most", number(s->most),
				      "jain", fairness(job, s)));
	json_object_set_new(j, "queue_ios", queues_json(job));
	json_object_set_new(j, "initiator", stats_json(&s->s));
	return cli_print_json(j);
}

/* --- text ----------------------------------------------------------------------------------- */

static void print_direction(const struct perf_job *job, const struct sums *s,
			    bool read)
{
	const struct perf_hist *h = &s->hist[read];
	double iops = (double)s->done[read] / s->seconds;
	size_t i;

	if (!s->done[read])
		return;
	printf("%-6s %llu I/Os, %.0f IOPS, %.1f MiB/s\n",
	       read ? "read" : "write", (unsigned long long)s->done[read],
	       iops, iops * job->bs / (1 << 20));
	printf("       latency us: min %.1f, mean %.1f, max %.1f;",
	       (double)h->min / 1e3, (double)(h->sum / h->n) / 1e3,
	       (double)h->max / 1e3);
	for (i = 0; i < ARRAY_SIZE(points); i++)
		printf(" %s %.1f", points[i].name,
		       (double)perf_hist_at(h, points[i].permyriad) / 1e3);
	putchar('\n');
}

static void print_costs(const struct sums *s)
{
	double n = (double)(s->s.completed ? s->s.completed : 1);
	u64 pdus = s->s.pdus_out + s->s.pdus_in;
	u64 calls = s->s.sends + s->s.recvs;

	printf("per I/O: %.3f sends, %.3f receives, %.2f PDUs (%.1f per call), %.0f bytes copied\n",
	       (double)s->s.sends / n, (double)s->s.recvs / n,
	       (double)pdus / n, (double)pdus / (double)(calls ? calls : 1),
	       (double)s->s.bytes_copied / n);
}

static void report_text(const struct perf_job *job, const struct sums *s)
{
	printf("%s, %u bytes, depth %u, %u queue%s on %u controller%s, %u thread%s, %.2f s\n",
	       job->pattern, job->bs, s->depth, job->nqueues,
	       job->nqueues == 1 ? "" : "s", job->nctrlrs,
	       job->nctrlrs == 1 ? "" : "s", job->nthreads,
	       job->nthreads == 1 ? "" : "s", s->seconds);
	print_direction(job, s, true);
	print_direction(job, s, false);
	if (job->verify)
		printf("verified %llu bytes, %llu blocks differ\n",
		       (unsigned long long)s->checked,
		       (unsigned long long)s->mismatches);
	if (job->nqueues > 1)
		printf("per queue: %llu to %llu I/Os, fairness %.4f\n",
		       (unsigned long long)s->least,
		       (unsigned long long)s->most, fairness(job, s));
	if (job->repairs)
		printf("connections were made again %u time%s\n",
		       job->repairs, job->repairs == 1 ? "" : "s");
	print_costs(s);
}

/* --- all ------------------------------------------------------------------------------------- */

void perf_progress(struct perf_job *job, u64 now)
{
	u64 ios = atomic_load_explicit(&job->ios, memory_order_relaxed);
	double seconds = (double)(now - job->told_at) / NS;

	if (seconds < 1)
		return;
	fprintf(stderr, "\r%6.0f s  %12llu I/Os  %10.0f IOPS ",
		(double)(now - job->started) / NS, (unsigned long long)ios,
		(double)(ios - job->told_ios) / seconds);
	job->told_at = now;
	job->told_ios = ios;
}

void perf_progress_end(const struct perf_job *job)
{
	if (job->told_at != job->started)
		fputc('\n', stderr);
}

int perf_report(struct perf_job *job)
{
	struct sums *s = cli_alloc(sizeof(*s));
	int rc = CLI_OK;

	add_up(job, s);
	if (cli_opt(job->a, "json"))
		rc = report_json(job, s);
	else
		report_text(job, s);
	if (!rc && s->mismatches)
		rc = cli_error(CLI_MEDIA, "%llu blocks differ",
			       (unsigned long long)s->mismatches);
	else if (!rc && s->errors)
		rc = remote_status("I/O", s->first_error, false);
	free(s);
	return rc;
}
