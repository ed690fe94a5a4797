/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What NVMe/TCP ends agree on, and what they may then send: ICReq/ICResp, and
 * the transfers of one command (R2T, H2CData, C2HData) as pure state machines
 * that refuse every overlap, overrun, wrong order and duplicate.
 *
 * The machines look at headers that nvme_tcp_rx has accepted, so DATAL and
 * R2TL are not 0 and DATAL is what follows. A command is found by its owner:
 * by TTAG (H2CData) or CCCID (C2HData, R2T); if there is none, that field is
 * at fault (nvme_tcp_fail_field()).
 */
#ifndef WEFT_COMMON_TCP_CONN_H
#define WEFT_COMMON_TCP_CONN_H

#include "common/tcp_pdu.h"

/**
 * struct nvme_tcp_ic - parameters of a connection in host order
 * @pda: HPDA or CPDA as on the wire (0-based dwords)
 * @dgst: NVME_TCP_DGST_*
 * @maxr2t: 1-based: R2Ts that may be outstanding per command (ICReq)
 * @maxh2cdata: bytes (ICResp)
 */
struct nvme_tcp_ic {
	u8 pda;
	u8 dgst;
	u32 maxr2t;
	u32 maxh2cdata;
};

/** nvme_tcp_icreq_encode() / _icresp_encode() - complete PDUs of 128 bytes */
void nvme_tcp_icreq_encode(struct nvme_tcp_icreq *q,
			   const struct nvme_tcp_ic *ic);
void nvme_tcp_icresp_encode(struct nvme_tcp_icresp *r,
			    const struct nvme_tcp_ic *ic);

/**
 * nvme_tcp_icreq_decode() - check a header that nvme_tcp_rx has accepted
 * @ic: filled in on success; maxh2cdata is 0
 * Return: 0, or -EPROTO with @f: unsupported PFV, HPDA beyond 31, unknown
 * digests.
 */
int nvme_tcp_icreq_decode(const struct nvme_tcp_icreq *q,
			  struct nvme_tcp_ic *ic, struct nvme_tcp_fault *f);
/**
 * nvme_tcp_icresp_decode() - check an answer against what was asked for
 * @asked: of the ICReq: digests that were not asked for are refused
 * @ic: filled in on success: CPDA, digests in force, MAXH2CDATA, and @asked's
 *      maxr2t
 * Return: 0, or -EPROTO with @f: unsupported PFV, CPDA beyond 31, digests that
 * were not asked for, MAXH2CDATA below 4096 or no multiple of 4.
 */
int nvme_tcp_icresp_decode(const struct nvme_tcp_icresp *r,
			   const struct nvme_tcp_ic *asked,
			   struct nvme_tcp_ic *ic, struct nvme_tcp_fault *f);

/**
 * struct nvme_tcp_fetch - the controller gets a write's data with R2Ts
 * @len: bytes of the command
 * @asked: bytes that R2Ts were sent for
 * @got: bytes that have come, in PDUs that are complete
 * @limit: longest R2T; @maxr2t: most outstanding
 * @r2t_start: @r2t_end: what the R2T that is being answered asks for
 * @coming: bytes of the H2CData that is under way
 * Data comes in order of the R2Ts, and within one in order of offsets. R2Ts
 * are answered by TTAG: those of a command go round @maxr2t tags, @ttag,
 * @ttag + @ttag_step, ..., so that outstanding ones differ if @ttag_step is
 * not 0. An owner who finds its command by `ttag % queue depth` sets it to the
 * queue's depth after init; then @maxr2t * depth must fit 16 bits.
 */
struct nvme_tcp_fetch {
	u32 len;
	u32 asked;
	u32 got;
	u32 limit;
	u32 r2t_start;
	u32 r2t_end;
	u32 coming;
	u16 cccid;
	u16 ttag;
	u16 ttag_step;
	u16 maxr2t;
	u16 outstanding;
	u16 asks;	/* of maxr2t tags: of the next R2T to send */
	u16 answers;	/* of the R2T that is being answered */
};

/**
 * nvme_tcp_fetch_init() - nothing asked for yet
 * @limit: longest R2T in bytes, > 0
 * @maxr2t: the host's, 1-based; capped to NVME_TCP_R2TS_MAX
 */
void nvme_tcp_fetch_init(struct nvme_tcp_fetch *x, u16 cccid, u16 ttag,
			 u32 len, u32 limit, u32 maxr2t);
/**
 * nvme_tcp_fetch_r2t() - next R2T to send, if one may be
 * Return: true with @r filled in (but not finished for sending).
 */
bool nvme_tcp_fetch_r2t(struct nvme_tcp_fetch *x, struct nvme_tcp_r2t *r);
/**
 * nvme_tcp_fetch_h2c() - check an H2CData header of this command
 * On success its DATAL bytes belong at offset DATAO.
 * Return: 0, or -EPROTO with @f.
 */
int nvme_tcp_fetch_h2c(struct nvme_tcp_fetch *x, const struct nvme_tcp_data *d,
		       struct nvme_tcp_fault *f);
/**
 * nvme_tcp_fetch_end() - that H2CData is complete (NVME_TCP_RX_END, _BAD_DDGST)
 * Only now can its R2T be over, and the next one may follow.
 */
void nvme_tcp_fetch_end(struct nvme_tcp_fetch *x);
/**
 * nvme_tcp_fetch_cut() - send no more R2Ts: the command fails
 * It can end, and its tags be used again, when what was asked for has come.
 */
static inline void nvme_tcp_fetch_cut(struct nvme_tcp_fetch *x)
{
	x->len = x->asked;
}

/** nvme_tcp_fetch_done() - everything has come */
static inline bool nvme_tcp_fetch_done(const struct nvme_tcp_fetch *x)
{
	return x->got == x->len;
}

/* R2Ts of one command that are outstanding at most, here */
#define NVME_TCP_R2TS_MAX	8

/**
 * struct nvme_tcp_give - the host sends a write's data as R2Ts ask for it
 * @len: bytes of the command
 * @asked: bytes that R2Ts have asked for, always a prefix
 * @sent: bytes that nvme_tcp_give_next() has handed out
 * @maxr2t: as told in the ICReq, 1-based
 * @r2t: ring of R2Ts that are not answered to their end
 */
struct nvme_tcp_give {
	u32 len;
	u32 asked;
	u32 sent;
	u32 maxh2cdata;
	u16 cccid;
	u16 maxr2t;
	u16 head, count;
	struct {
		u32 end;
		u16 ttag;
	} r2t[NVME_TCP_R2TS_MAX];
};

/**
 * nvme_tcp_give_init() - nothing asked for yet
 * @maxh2cdata: from the ICResp
 * @maxr2t: 1-based, as in the ICReq: at most NVME_TCP_R2TS_MAX, to which it
 *          is capped
 */
void nvme_tcp_give_init(struct nvme_tcp_give *g, u16 cccid, u32 len,
			u32 maxh2cdata, u16 maxr2t);
/**
 * nvme_tcp_give_r2t() - an R2T has come
 * Return: 0, or -EPROTO with @f: of another command, not where the last one
 * ended, beyond the command's end, more than maxr2t unanswered.
 */
int nvme_tcp_give_r2t(struct nvme_tcp_give *g, const struct nvme_tcp_r2t *r,
		      struct nvme_tcp_fault *f);
/**
 * nvme_tcp_give_next() - next H2CData to send, if one is due
 * Return: true with @d filled in (not finished); its payload is DATAL bytes at
 * DATAO, and counts as sent.
 */
bool nvme_tcp_give_next(struct nvme_tcp_give *g, struct nvme_tcp_data *d);

/**
 * struct nvme_tcp_take - the host receives a read's data; zeroed but for @len
 * @len: bytes asked for
 * @got: received or being received, always a prefix
 * @last: the PDU with LAST has come
 * When the response comes, it is the owner's to see if @got is enough.
 */
struct nvme_tcp_take {
	u32 len;
	u32 got;
	bool last;
};

/**
 * nvme_tcp_take_c2h() - check a C2HData header of this command
 * @success: set if the command ends with this PDU, without a response
 * Return: 0, or -EPROTO with @f: offset not next, beyond the end, data after
 * LAST, all of it without LAST, SUCCESS before the end.
 */
int nvme_tcp_take_c2h(struct nvme_tcp_take *t, const struct nvme_tcp_data *d,
		      bool *success, struct nvme_tcp_fault *f);

#endif
