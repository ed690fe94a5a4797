/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What NVMe/TCP ends agree on, and what they may then send: ICReq/ICResp, and
 * the transfers of one command (R2T, H2CData, C2HData) as pure state machines
 * that refuse every overlap, overrun, wrong order and duplicate.
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
 * Return: 0, or -EPROTO with @f (unsupported PFV, HPDA beyond 31).
 */
int nvme_tcp_icreq_decode(const struct nvme_tcp_icreq *q,
			  struct nvme_tcp_ic *ic, struct nvme_tcp_fault *f);
/**
 * nvme_tcp_icresp_decode() - check an answer against what was asked for
 * @asked: of the ICReq: digests that were not asked for are refused, as is
 *         MAXH2CDATA below 4096 or no multiple of 4
 */
int nvme_tcp_icresp_decode(const struct nvme_tcp_icresp *r,
			   const struct nvme_tcp_ic *asked,
			   struct nvme_tcp_ic *ic, struct nvme_tcp_fault *f);

/**
 * struct nvme_tcp_fetch - the controller gets a write's data with R2Ts
 * @len: bytes of the command
 * @asked: bytes that R2Ts were sent for; @got: that came
 * @limit: longest R2T; @maxr2t: most outstanding
 * Data comes in order of the R2Ts, and within one in order of offsets. R2Ts
 * are answered by TTAG: all of a command have the one that its owner gave it.
 */
struct nvme_tcp_fetch {
	u32 len;
	u32 asked;
	u32 got;
	u32 limit;
	u16 ttag;
	u16 cccid;
	u32 r2t_end;
	u32 outstanding;
	u32 maxr2t;
};

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
static inline bool nvme_tcp_fetch_done(const struct nvme_tcp_fetch *x)
{
	return x->got == x->len;
}

/* R2Ts of one command that a host keeps at most */
#define NVME_TCP_R2TS_MAX	8

/**
 * struct nvme_tcp_give - the host sends a write's data as R2Ts ask for it
 */
struct nvme_tcp_give {
	u32 len;
	u32 asked;		/* bytes that R2Ts have asked for */
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

void nvme_tcp_give_init(struct nvme_tcp_give *g, u16 cccid, u32 len,
			u32 maxh2cdata, u16 maxr2t);
/** nvme_tcp_give_r2t() - an R2T has come: 0, or -EPROTO with @f */
int nvme_tcp_give_r2t(struct nvme_tcp_give *g, const struct nvme_tcp_r2t *r,
		      struct nvme_tcp_fault *f);
/**
 * nvme_tcp_give_next() - next H2CData to send, if one is due
 * Return: true with @d filled in (not finished); its payload is DATAL bytes at
 * DATAO, and counts as sent.
 */
bool nvme_tcp_give_next(struct nvme_tcp_give *g, struct nvme_tcp_data *d);

/**
 * struct nvme_tcp_take - the host receives a read's data
 * @len: bytes asked for; @got: received, always a prefix
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
 * LAST, SUCCESS without LAST or short.
 */
int nvme_tcp_take_c2h(struct nvme_tcp_take *t, const struct nvme_tcp_data *d,
		      bool *success, struct nvme_tcp_fault *f);

#endif
