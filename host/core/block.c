// SPDX-License-Identifier: GPL-2.0-only
/*
 * From block requests to commands. Called by the transports' queue_rq, on the
 * submit path: nothing here sleeps or takes a lock, and only discards allocate
 * (their range list, with a reserve to fall back on).
 */
#include <linux/mempool.h>

#include "host/core/head.h"
#include "host/core/trace.h"

#define WEFT_DSM_RESERVE	16

/* Range lists of discards: 256 ranges of 16 bytes are a page. */
static mempool_t *dsm_pool;

int weft_dsm_init(void)
{
	dsm_pool = mempool_create_page_pool(WEFT_DSM_RESERVE, 0);
	return dsm_pool ? 0 : -ENOMEM;
}

void weft_dsm_exit(void)
{
	mempool_destroy(dsm_pool);
}

static u64 ns_lba(const struct weft_ns *ns, sector_t sector)
{
	return sector >> (ns->shift - SECTOR_SHIFT);
}

static u32 rw_flags(struct request *rq)
{
	u32 flags = 0;

	if (rq->cmd_flags & REQ_FUA)
		flags |= NVME_RW_FUA;
	if (rq->cmd_flags & (REQ_FAILFAST_DEV | REQ_RAHEAD))
		flags |= NVME_RW_LR;
	return flags;
}

/*
 * What waited in front of a disk while that got larger blocks may begin or end
 * within one: the block layer of 6.1 does not look.
 */
static bool whole_blocks(const struct weft_ns *ns, sector_t sector, u32 bytes)
{
	return !((sector << SECTOR_SHIFT | bytes) & ((1u << ns->shift) - 1));
}

static blk_status_t setup_rw(struct weft_ns *ns, struct request *rq,
			     union nvme_cmd *cmd, u8 opcode)
{
	if (unlikely(!whole_blocks(ns, blk_rq_pos(rq), blk_rq_bytes(rq))))
		return BLK_STS_IOERR;
	nvme_cmd_rw(cmd, opcode, ns->nsid, ns_lba(ns, blk_rq_pos(rq)),
		    blk_rq_bytes(rq) >> ns->shift, rw_flags(rq));
	return BLK_STS_OK;
}

/* Deallocated blocks will do where they read as zeroes, and are said to. */
static bool zeroes_deallocate(const struct weft_ns *ns)
{
	u8 dlfeat = ns->facts.dlfeat;

	return dlfeat & NVME_DLFEAT_WRITE_ZEROES_DEAC &&
	       (dlfeat & NVME_DLFEAT_READ_MASK) == NVME_DLFEAT_READ_ZEROES;
}

static blk_status_t setup_zeroes(struct weft_ns *ns, struct request *rq,
				 union nvme_cmd *cmd)
{
	bool deac = !(rq->cmd_flags & REQ_NOUNMAP) && zeroes_deallocate(ns);

	if (!whole_blocks(ns, blk_rq_pos(rq), blk_rq_bytes(rq)))
		return BLK_STS_IOERR;
	nvme_cmd_rw(cmd, NVME_CMD_WRITE_ZEROES, ns->nsid,
		    ns_lba(ns, blk_rq_pos(rq)), blk_rq_bytes(rq) >> ns->shift,
		    deac ? NVME_RW_DEAC : 0);
	return BLK_STS_OK;
}

/* Return: whether it consists of whole blocks */
static bool put_range(const struct weft_ns *ns, struct nvme_dsm_range *range,
		      sector_t sector, u32 bytes)
{
	range->cattr = 0;
	range->nlb = cpu_to_le32(bytes >> ns->shift);
	range->slba = cpu_to_le64(ns_lba(ns, sector));
	return whole_blocks(ns, sector, bytes);
}

static blk_status_t setup_discard(struct weft_ns *ns, struct request *rq,
				  union nvme_cmd *cmd)
{
	unsigned int n = 0, segments = blk_rq_nr_discard_segments(rq);
	struct nvme_dsm_range *range;
	bool whole = true;
	struct page *page;
	struct bio *bio;

	page = mempool_alloc(dsm_pool, GFP_ATOMIC | __GFP_NOWARN);
	if (!page)
		return BLK_STS_RESOURCE;
	range = page_address(page);
	/* where there is but one range, bios are merged as those of writes are */
	if (queue_max_discard_segments(rq->q) == 1) {
		whole = put_range(ns, &range[n++], blk_rq_pos(rq),
				  blk_rq_bytes(rq));
	} else {
		__rq_for_each_bio(bio, rq) {
			if (n == NVME_DSM_MAX_RANGES)
				break;
			whole &= put_range(ns, &range[n++],
					   bio->bi_iter.bi_sector,
					   bio->bi_iter.bi_size);
		}
	}
	if (WARN_ON_ONCE(n != segments) || !whole) {
		mempool_free(page, dsm_pool);
		return BLK_STS_IOERR;
	}
	rq->special_vec.bv_page = page;
	rq->special_vec.bv_len = n * sizeof(*range);
	rq->special_vec.bv_offset = 0;
	rq->rq_flags |= RQF_SPECIAL_PAYLOAD;
	nvme_cmd_dsm(cmd, ns->nsid, n, NVME_DSM_AD);
	return BLK_STS_OK;
}

void weft_cleanup_rq(struct request *rq)
{
	if (rq->cmd_flags & WEFT_REQ_MPATH)
		weft_path_end(rq);
	if (!(rq->rq_flags & RQF_SPECIAL_PAYLOAD))
		return;
	mempool_free(rq->special_vec.bv_page, dsm_pool);
	rq->rq_flags &= ~RQF_SPECIAL_PAYLOAD;
}
EXPORT_SYMBOL_GPL(weft_cleanup_rq);

static void setup_passthru(struct request *rq, union nvme_cmd *cmd)
{
	*cmd = weft_req(rq)->user;
	/* neither fused nor PRPs: fabrics know only SGLs */
	cmd->sqe.flags = NVME_SQE_PSDT_SGL;
}

static blk_status_t setup_cmd(struct weft_ns *ns, struct request *rq,
			      union nvme_cmd *cmd)
{
	switch (req_op(rq)) {
	case REQ_OP_DRV_IN:
	case REQ_OP_DRV_OUT:
		setup_passthru(rq, cmd);
		return BLK_STS_OK;
	case REQ_OP_READ:
		return setup_rw(ns, rq, cmd, NVME_CMD_READ);
	case REQ_OP_WRITE:
		return setup_rw(ns, rq, cmd, NVME_CMD_WRITE);
	case REQ_OP_FLUSH:
		nvme_cmd_flush(cmd, ns->nsid);
		return BLK_STS_OK;
	case REQ_OP_DISCARD:
		return setup_discard(ns, rq, cmd);
	case REQ_OP_WRITE_ZEROES:
		return setup_zeroes(ns, rq, cmd);
	default:
		return BLK_STS_NOTSUPP;
	}
}

blk_status_t weft_setup_rq(struct request *rq)
{
	struct weft_request *req = weft_req(rq);
	struct weft_ns *ns = rq->q->queuedata;
	blk_status_t sts;

	req->ctrl = rq->q->tag_set->driver_data;
	/* what was held or cached must not reach another that has its number */
	if (unlikely(ns && READ_ONCE(ns->gone)))
		return weft_refuse_rq(req->ctrl, rq);
	if (!(rq->rq_flags & RQF_DONTPREP)) {
		req->retries = 0;
		rq->rq_flags |= RQF_DONTPREP;
	}
	req->flags = 0;
	req->status = 0;
	sts = setup_cmd(ns, rq, req->cmd);
	if (sts)
		return sts;
	req->genctr++;
	req->cmd->sqe.cid = cpu_to_le16(weft_cid(rq));
	trace_weft_setup_rq(rq, req->cmd);
	if (rq->cmd_flags & WEFT_REQ_MPATH)
		weft_path_start(rq);
	return BLK_STS_OK;
}
EXPORT_SYMBOL_GPL(weft_setup_rq);
