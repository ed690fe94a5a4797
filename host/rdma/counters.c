// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of each queue: debugfs weft/nvmeX/queueN, one "name value" a line.
 *
 * They count from the controller's creation on, over reconnects. Reading takes
 * no lock: single values are right, a set of them taken under load may be a few
 * commands apart.
 */
#include <linux/seq_file.h>

#include "host/rdma/rdma.h"

static const char *const nvme_rdma_count_names[WEFT_RDMA_N_COUNT] = {
	[WEFT_RDMA_N_COMMANDS]		= "commands",
	[WEFT_RDMA_N_SEND_WRS]		= "send_wrs",
	[WEFT_RDMA_N_DOORBELLS]		= "doorbells",
	[WEFT_RDMA_N_SIGNALLED]		= "signalled",
	[WEFT_RDMA_N_INCAPSULE]		= "incapsule_writes",
	[WEFT_RDMA_N_MR_REGS]		= "mr_registrations",
	[WEFT_RDMA_N_DMA_MAPS]		= "dma_maps",
	[WEFT_RDMA_N_SQ_FULL]		= "sq_full",
	[WEFT_RDMA_N_LOCAL_INV]		= "local_invalidations",
	[WEFT_RDMA_N_COMPLETIONS]	= "completions",
	[WEFT_RDMA_N_RECV_POSTS]	= "recv_posts",
	[WEFT_RDMA_N_RECVS]		= "recvs",
	[WEFT_RDMA_N_REMOTE_INV]	= "remote_invalidations",
};

static int nvme_rdma_counters_show(struct seq_file *s, void *unused)
{
	const struct weft_rdma_queue *q = s->private;
	int i;

	for (i = 0; i < WEFT_RDMA_N_COUNT; i++)
		seq_printf(s, "%s %llu\n", nvme_rdma_count_names[i],
			   READ_ONCE(q->count[i]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(nvme_rdma_counters);

static void nvme_rdma_counters_name(const struct weft_rdma_queue *q,
				    char name[16])
{
	snprintf(name, 16, "queue%u", q->qid);
}

/*
 * weft_rdma_counters_add() - show @q's counters
 */
void weft_rdma_counters_add(struct weft_rdma_queue *q)
{
	struct dentry *dir = q->ctrl->ctrl.debugfs;
	char name[16];

	if (IS_ERR_OR_NULL(dir))
		return;
	nvme_rdma_counters_name(q, name);
	q->debugfs = debugfs_create_file(name, 0400, dir, q,
					 &nvme_rdma_counters_fops);
}

/*
 * weft_rdma_counters_remove() - the queue goes; readers have left afterwards
 */
void weft_rdma_counters_remove(struct weft_rdma_queue *q)
{
	debugfs_remove(q->debugfs);
	q->debugfs = NULL;
}
