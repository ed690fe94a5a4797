// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Commands by name: each builds the command with common/cmd.h and submits it.
 */
#include "tools/initiator/internal.h"

static void *unconst(const void *p)
{
	return (void *)(uintptr_t)p;
}

static int rw(struct ini_queue *q, u8 opcode, u32 nsid, u64 slba, u32 blocks,
	      u32 flags, void *buf, u32 len, ini_done done, void *ctx)
{
	union nvme_cmd cmd;

	if (!blocks || blocks > 65536)
		return -EINVAL;
	nvme_cmd_rw(&cmd, opcode, nsid, slba, blocks, flags);
	return ini_submit_buf(q, &cmd, buf, len, done, ctx);
}

int ini_read(struct ini_queue *q, u32 nsid, u64 slba, u32 blocks, u32 flags,
	     void *buf, u32 len, ini_done done, void *ctx)
{
	return rw(q, NVME_CMD_READ, nsid, slba, blocks, flags, buf, len, done,
		  ctx);
}

int ini_write(struct ini_queue *q, u32 nsid, u64 slba, u32 blocks, u32 flags,
	      const void *buf, u32 len, ini_done done, void *ctx)
{
	return rw(q, NVME_CMD_WRITE, nsid, slba, blocks, flags, unconst(buf),
		  len, done, ctx);
}

int ini_compare(struct ini_queue *q, u32 nsid, u64 slba, u32 blocks, u32 flags,
		const void *buf, u32 len, ini_done done, void *ctx)
{
	return rw(q, NVME_CMD_COMPARE, nsid, slba, blocks, flags, unconst(buf),
		  len, done, ctx);
}

int ini_write_zeroes(struct ini_queue *q, u32 nsid, u64 slba, u32 blocks,
		     u32 flags, ini_done done, void *ctx)
{
	return rw(q, NVME_CMD_WRITE_ZEROES, nsid, slba, blocks, flags, NULL, 0,
		  done, ctx);
}

int ini_verify(struct ini_queue *q, u32 nsid, u64 slba, u32 blocks, u32 flags,
	       ini_done done, void *ctx)
{
	return rw(q, NVME_CMD_VERIFY, nsid, slba, blocks, flags, NULL, 0, done,
		  ctx);
}

int ini_write_uncorrectable(struct ini_queue *q, u32 nsid, u64 slba, u32 blocks,
			    ini_done done, void *ctx)
{
	return rw(q, NVME_CMD_WRITE_UNCORRECTABLE, nsid, slba, blocks, 0, NULL,
		  0, done, ctx);
}

/* A half that failed only because of the other does not say why */
static void half_ended(struct ini_pair *p)
{
	nvme_status st = p->first;

	if (++p->ended < 2)
		return;
	if (!st || nvme_status_code(st) == NVME_SC_FUSED_FAILED)
		st = p->second;
	p->done(p->ctx, st, 0);
}

static void compare_done(void *ctx, nvme_status status, u64 result)
{
	struct ini_pair *p = ctx;

	(void)result;
	p->first = status;
	half_ended(p);
}

static void write_done(void *ctx, nvme_status status, u64 result)
{
	struct ini_pair *p = ctx;

	(void)result;
	p->second = status;
	half_ended(p);
}

int ini_compare_write(struct ini_queue *q, u32 nsid, u64 slba, u32 blocks,
		      const void *old, const void *new, u32 len,
		      struct ini_pair *p)
{
	union nvme_cmd first, second;
	int err;

	if (!blocks || blocks > 65536)
		return -EINVAL;
	/* half of a pair alone would be of no use */
	if (q->nfree == 1)
		return -EAGAIN;
	p->ended = 0;
	nvme_cmd_rw(&first, NVME_CMD_COMPARE, nsid, slba, blocks, 0);
	nvme_cmd_fuse(&first, NVME_FUSE_FIRST);
	nvme_cmd_rw(&second, NVME_CMD_WRITE, nsid, slba, blocks, 0);
	nvme_cmd_fuse(&second, NVME_FUSE_SECOND);
	err = ini_submit_buf(q, &first, unconst(old), len, compare_done, p);
	if (err)
		return err;
	/* the first may have failed the queue: it ends, and so does the pair */
	if (ini_submit_buf(q, &second, unconst(new), len, write_done, p))
		write_done(p, NVME_SC_HOST_ABORTED_CMD, 0);
	return 0;
}

int ini_flush(struct ini_queue *q, u32 nsid, ini_done done, void *ctx)
{
	union nvme_cmd cmd;

	nvme_cmd_flush(&cmd, nsid);
	return ini_submit_buf(q, &cmd, NULL, 0, done, ctx);
}

int ini_dsm(struct ini_queue *q, u32 nsid, const struct nvme_dsm_range *ranges,
	    u32 n, u32 attributes, ini_done done, void *ctx)
{
	union nvme_cmd cmd;

	if (!n || n > NVME_DSM_MAX_RANGES)
		return -EINVAL;
	nvme_cmd_dsm(&cmd, nsid, n, attributes);
	return ini_submit_buf(q, &cmd, unconst(ranges),
			      n * (u32)sizeof(*ranges), done, ctx);
}

int ini_copy(struct ini_queue *q, u32 nsid, u64 sdlba,
	     const struct nvme_copy_range *ranges, u32 n, ini_done done,
	     void *ctx)
{
	union nvme_cmd cmd;

	if (!n || n > 256)
		return -EINVAL;
	nvme_cmd_copy(&cmd, nsid, sdlba, n, 0);
	return ini_submit_buf(q, &cmd, unconst(ranges),
			      n * (u32)sizeof(*ranges), done, ctx);
}

static int resv(struct ini_queue *q, u8 opcode, u32 nsid, u32 cdw10,
		const void *keys, u32 len, ini_done done, void *ctx)
{
	union nvme_cmd cmd;

	nvme_cmd_resv(&cmd, opcode, nsid, cdw10);
	return ini_submit_buf(q, &cmd, unconst(keys), len, done, ctx);
}

int ini_resv_register(struct ini_queue *q, u32 nsid, u8 action, u8 ptpl,
		      bool ignore_key, const struct nvme_resv_keys *keys,
		      ini_done done, void *ctx)
{
	return resv(q, NVME_CMD_RESV_REGISTER, nsid,
		    (action & NVME_RESV_ACTION_MASK) |
		    (ignore_key ? NVME_RESV_IEKEY : 0) | (u32)(ptpl & 3) << 30,
		    keys, sizeof(*keys), done, ctx);
}

int ini_resv_acquire(struct ini_queue *q, u32 nsid, u8 action, u8 type,
		     const struct nvme_resv_keys *keys, ini_done done,
		     void *ctx)
{
	return resv(q, NVME_CMD_RESV_ACQUIRE, nsid,
		    (action & NVME_RESV_ACTION_MASK) |
		    (u32)type << NVME_RESV_TYPE_SHIFT, keys, sizeof(*keys),
		    done, ctx);
}

int ini_resv_release(struct ini_queue *q, u32 nsid, u8 action, u8 type,
		     const struct nvme_resv_keys *keys, ini_done done,
		     void *ctx)
{
	return resv(q, NVME_CMD_RESV_RELEASE, nsid,
		    (action & NVME_RESV_ACTION_MASK) |
		    (u32)type << NVME_RESV_TYPE_SHIFT, keys,
		    sizeof(keys->current_key), done, ctx);
}

int ini_resv_report(struct ini_queue *q, u32 nsid, void *buf, u32 len,
		    ini_done done, void *ctx)
{
	union nvme_cmd cmd;

	if (len < 4 || len % 4)
		return -EINVAL;
	nvme_cmd_resv_report(&cmd, nsid, len);
	return ini_submit_buf(q, &cmd, buf, len, done, ctx);
}

int ini_identify(struct ini_queue *admin, u8 cns, u32 nsid, u16 cntid, u8 csi,
		 void *buf, ini_done done, void *ctx)
{
	union nvme_cmd cmd;

	nvme_cmd_identify(&cmd, cns, nsid, cntid, csi);
	return ini_submit_buf(admin, &cmd, buf, NVME_IDENTIFY_SIZE, done, ctx);
}

int ini_get_log(struct ini_queue *admin, u8 lid, u32 nsid, u64 offset,
		void *buf, u32 len, ini_done done, void *ctx)
{
	union nvme_cmd cmd;

	if (len < 4 || len % 4)
		return -EINVAL;
	nvme_cmd_get_log_page(&cmd, lid, nsid, offset, len, 0, false);
	return ini_submit_buf(admin, &cmd, buf, len, done, ctx);
}
