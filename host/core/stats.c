// SPDX-License-Identifier: GPL-2.0-only
/*
 * What controllers, queues and namespaces have done, in debugfs
 * weft/nvmeX/{io,latency,namespaces} and, summed up, in sysfs
 * nvmeX/statistics/.
 *
 * A queue's counters are plain: only the pass over its completions writes
 * them, and passes over one queue are serial. Namespaces, which all queues
 * lead to, count per CPU; what is rare is atomic. Readers take no lock: single
 * values are right, a set of them taken under load may be some commands apart.
 */
#include <linux/debugfs.h>
#include <linux/log2.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "host/core/core.h"

/* Buckets: below 1 us, below 2, 4, ... 2^24 us; the last one takes the rest */
#define WEFT_BUCKETS		26
#define WEFT_ERROR_KINDS	ARRAY_SIZE(error_names)

/* By the status code type, and the rest */
static const char *const error_names[] = {
	"generic", "command", "media", "path", "other",
};

struct weft_qstats {
	u64 reads;
	u64 writes;
	u64 others;
	u64 read_bytes;
	u64 write_bytes;
	u64 errors[WEFT_ERROR_KINDS];
	u64 latency[2][WEFT_BUCKETS];	/* of reads, of writes */
} ____cacheline_aligned;

struct weft_ns_stats {
	u64 reads;
	u64 writes;
	u64 read_bytes;
	u64 write_bytes;
	u64 errors;
	u64 retries;
	u64 failovers;
};

/* Microseconds since the block layer took the request to their bucket */
static void count_latency(struct weft_qstats *q, const struct request *rq,
			  bool write)
{
	u64 us = (ktime_get_ns() - rq->start_time_ns) / NSEC_PER_USEC;
	unsigned int b = us ? ilog2(us) + 1 : 0;

	q->latency[write][min(b, WEFT_BUCKETS - 1u)]++;
}

static void count_error(struct weft_qstats *q, nvme_status status)
{
	unsigned int kind = nvme_status_code(status) >> 8;

	q->errors[min_t(unsigned int, kind, WEFT_ERROR_KINDS - 1)]++;
}

/*
 * weft_count_rq() - a response has come; in the queue's completion pass
 * Passthrough commands count as others, as do discards and flushes.
 */
void weft_count_rq(struct weft_ctrl_core *core, struct request *rq)
{
	struct weft_qstats *q = &core->qstats[weft_rq_qid(rq)];
	struct weft_ns *ns = rq->q->queuedata;
	nvme_status status = weft_req(rq)->status;
	u32 bytes = blk_rq_bytes(rq);

	if (req_op(rq) == REQ_OP_READ) {
		q->reads++;
		q->read_bytes += bytes;
		this_cpu_inc(ns->stats->reads);
		this_cpu_add(ns->stats->read_bytes, bytes);
	} else if (req_op(rq) == REQ_OP_WRITE) {
		q->writes++;
		q->write_bytes += bytes;
		this_cpu_inc(ns->stats->writes);
		this_cpu_add(ns->stats->write_bytes, bytes);
	} else {
		q->others++;
	}
	/* not set where nobody wants accounting */
	if (rq->start_time_ns && !blk_rq_is_passthrough(rq))
		count_latency(q, rq, op_is_write(req_op(rq)));
	if (likely(!status))
		return;
	count_error(q, status);
	if (ns)
		this_cpu_inc(ns->stats->errors);
}

/* weft_count_retry() - @rq is sent again to the same controller */
void weft_count_retry(struct request *rq)
{
	struct weft_ns *ns = rq->q->queuedata;

	atomic64_inc(&weft_req(rq)->ctrl->core->retries);
	if (ns)
		this_cpu_inc(ns->stats->retries);
}

/* weft_count_failover() - @rq goes to another path */
void weft_count_failover(struct request *rq)
{
	struct weft_ns *ns = rq->q->queuedata;

	atomic64_inc(&weft_req(rq)->ctrl->core->failovers);
	if (ns)
		this_cpu_inc(ns->stats->failovers);
}

/* weft_stats_alloc() - counters of a controller's queues, for its life */
int weft_stats_alloc(struct weft_ctrl_core *core)
{
	core->nr_qstats = 1 + weft_max_io_queues(core->ctrl->opts);
	core->qstats = kvcalloc(core->nr_qstats, sizeof(*core->qstats),
				GFP_KERNEL);
	return core->qstats ? 0 : -ENOMEM;
}

void weft_stats_free(struct weft_ctrl_core *core)
{
	kvfree(core->qstats);
}

int weft_ns_stats_alloc(struct weft_ns *ns)
{
	ns->stats = alloc_percpu(struct weft_ns_stats);
	return ns->stats ? 0 : -ENOMEM;
}

void weft_ns_stats_free(struct weft_ns *ns)
{
	free_percpu(ns->stats);
}

static void ns_sum(const struct weft_ns *ns, struct weft_ns_stats *sum)
{
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const struct weft_ns_stats *s = per_cpu_ptr(ns->stats, cpu);

		sum->reads += READ_ONCE(s->reads);
		sum->writes += READ_ONCE(s->writes);
		sum->read_bytes += READ_ONCE(s->read_bytes);
		sum->write_bytes += READ_ONCE(s->write_bytes);
		sum->errors += READ_ONCE(s->errors);
		sum->retries += READ_ONCE(s->retries);
		sum->failovers += READ_ONCE(s->failovers);
	}
}

/* One line a queue */
static int io_show(struct seq_file *s, void *unused)
{
	const struct weft_ctrl_core *core = s->private;
	unsigned int i, k;

	seq_puts(s, "queue reads writes others read_bytes write_bytes");
	for (k = 0; k < WEFT_ERROR_KINDS; k++)
		seq_printf(s, " %s_errors", error_names[k]);
	seq_putc(s, '\n');
	for (i = 0; i < core->nr_qstats; i++) {
		const struct weft_qstats *q = &core->qstats[i];

		seq_printf(s, "%u %llu %llu %llu %llu %llu", i, q->reads,
			   q->writes, q->others, q->read_bytes, q->write_bytes);
		for (k = 0; k < WEFT_ERROR_KINDS; k++)
			seq_printf(s, " %llu", q->errors[k]);
		seq_putc(s, '\n');
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(io);

/* One line for each bucket of a queue that has something in it */
static int latency_show(struct seq_file *s, void *unused)
{
	const struct weft_ctrl_core *core = s->private;
	unsigned int i, b;

	seq_puts(s, "queue below_us reads writes\n");
	for (i = 0; i < core->nr_qstats; i++) {
		const struct weft_qstats *q = &core->qstats[i];

		for (b = 0; b < WEFT_BUCKETS; b++) {
			if (!q->latency[0][b] && !q->latency[1][b])
				continue;
			if (b == WEFT_BUCKETS - 1)
				seq_printf(s, "%u more %llu %llu\n", i,
					   q->latency[0][b], q->latency[1][b]);
			else
				seq_printf(s, "%u %lu %llu %llu\n", i, 1ul << b,
					   q->latency[0][b], q->latency[1][b]);
		}
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(latency);

/* One line a namespace */
static int namespaces_show(struct seq_file *s, void *unused)
{
	struct weft_ctrl_core *core = s->private;
	struct weft_ns_stats sum;
	struct weft_ns *ns;

	seq_puts(s, "disk nsid reads writes read_bytes write_bytes errors retries failovers\n");
	mutex_lock(&core->ns_lock);
	list_for_each_entry(ns, &core->namespaces, link) {
		ns_sum(ns, &sum);
		seq_printf(s, "%s %u %llu %llu %llu %llu %llu %llu %llu\n",
			   ns->disk->disk_name, ns->nsid, sum.reads,
			   sum.writes, sum.read_bytes, sum.write_bytes,
			   sum.errors, sum.retries, sum.failovers);
	}
	mutex_unlock(&core->ns_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(namespaces);

/* weft_stats_show() - the files go with the controller's folder */
void weft_stats_show(struct weft_ctrl_core *core)
{
	struct dentry *dir = core->ctrl->debugfs;

	if (IS_ERR_OR_NULL(dir))
		return;
	debugfs_create_file("io", 0400, dir, core, &io_fops);
	debugfs_create_file("latency", 0400, dir, core, &latency_fops);
	debugfs_create_file("namespaces", 0400, dir, core, &namespaces_fops);
}

/* sysfs: nvmeX/statistics/ */

static u64 sum_queues(struct device *dev, size_t offset)
{
	const struct weft_ctrl_core *core = weft_core_of(dev);
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < core->nr_qstats; i++)
		sum += READ_ONCE(*(u64 *)((char *)&core->qstats[i] + offset));
	return sum;
}

#define STAT_SHOW(name, expr)						\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, "%llu\n", (u64)(expr));			\
}									\
static DEVICE_ATTR_RO(name)

#define QUEUE_STAT(name)						\
	STAT_SHOW(name, sum_queues(dev, offsetof(struct weft_qstats, name)))

#define RARE_STAT(name)							\
	STAT_SHOW(name, atomic64_read(&weft_core_of(dev)->name))

QUEUE_STAT(reads);
QUEUE_STAT(writes);
QUEUE_STAT(others);
QUEUE_STAT(read_bytes);
QUEUE_STAT(write_bytes);
RARE_STAT(retries);
RARE_STAT(failovers);
RARE_STAT(cancelled);
RARE_STAT(timeouts);
RARE_STAT(recoveries);

static u64 sum_errors(struct device *dev)
{
	u64 sum = 0;
	unsigned int k;

	for (k = 0; k < WEFT_ERROR_KINDS; k++)
		sum += sum_queues(dev, offsetof(struct weft_qstats, errors) +
				       k * sizeof(u64));
	return sum;
}
STAT_SHOW(errors, sum_errors(dev));

static struct attribute *stats_attrs[] = {
	&dev_attr_reads.attr,
	&dev_attr_writes.attr,
	&dev_attr_others.attr,
	&dev_attr_read_bytes.attr,
	&dev_attr_write_bytes.attr,
	&dev_attr_errors.attr,
	&dev_attr_retries.attr,
	&dev_attr_failovers.attr,
	&dev_attr_cancelled.attr,
	&dev_attr_timeouts.attr,
	&dev_attr_recoveries.attr,
	NULL,
};

const struct attribute_group weft_stats_group = {
	.name = "statistics",
	.attrs = stats_attrs,
};
