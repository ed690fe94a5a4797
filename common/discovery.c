// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The discovery log page in pieces: windows of it for the target (Get Log Page
 * may start and end anywhere), and a reader for hosts that notices when the
 * log changed while it was read. Pure; any context.
 *
 * An entry is 1 KiB, as much as a kernel stack frame should ever hold, so the
 * encoder writes fields straight into the part of the window that they fall
 * into and needs no buffer of its own.
 */
#include "common/discovery.h"

#define ENTRY	((u64)sizeof(struct nvmf_disc_entry))
static_assert(sizeof(struct nvmf_disc_header) == sizeof(struct nvmf_disc_entry),
	      "entry i starts at (i + 1) * ENTRY");

enum reader_state {
	READER_HEADER,
	READER_ENTRIES,
	READER_CHECK,
	READER_DONE,
};

/* Bytes [start, start + len) of the page lie in out. */
struct window {
	u8 *out;
	u64 start;
	size_t len;
};

/* Where in the window is byte i of a piece at @at? False: not in it. */
static u8 *window_at(const struct window *w, u64 at, size_t i)
{
	u64 pos = at + i;

	if (pos < w->start || pos - w->start >= w->len)
		return NULL;
	return w->out + (pos - w->start);
}

static void window_put(const struct window *w, u64 at, const void *src,
		       size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		u8 *p = window_at(w, at, i);

		if (p)
			*p = ((const u8 *)src)[i];
	}
}

static void window_put_text(const struct window *w, u64 at, size_t size,
			    const char *s, size_t n, char pad)
{
	size_t i;

	for (i = 0; i < size; i++) {
		u8 *p = window_at(w, at, i);

		if (p)
			*p = i < n ? s[i] : pad;
	}
}

#define AT(type, field)		offsetof(struct type, field)

static void put_tsas(const struct window *w, u64 at,
		     const struct nvmf_disc_record *r)
{
	__le16 pkey = cpu_to_le16(r->rdma_pkey);
	u8 first[3] = { r->rdma_qptype, r->rdma_prtype, r->rdma_cms };

	if (r->trtype == NVMF_TRTYPE_RDMA) {
		window_put(w, at, first, sizeof(first));
		window_put(w, at + AT(nvmf_disc_entry, tsas.rdma.pkey) -
			      AT(nvmf_disc_entry, tsas), &pkey, sizeof(pkey));
	} else if (r->trtype == NVMF_TRTYPE_TCP) {
		window_put(w, at, &r->tcp_sectype, sizeof(r->tcp_sectype));
	}
}

/* An entry at byte @at of the page; the window holds zeros before. */
static void put_entry(const struct window *w, u64 at,
		      const struct nvmf_disc_record *r)
{
	const u8 kinds[] = { r->trtype, r->adrfam, r->subtype, r->treq };
	const __le16 numbers[] = {
		cpu_to_le16(r->portid), cpu_to_le16(r->cntlid),
		cpu_to_le16(r->asqsz), cpu_to_le16(r->eflags),
	};

	window_put(w, at, kinds, sizeof(kinds));
	window_put(w, at + AT(nvmf_disc_entry, portid), numbers,
		   sizeof(numbers));
	window_put_text(w, at + AT(nvmf_disc_entry, trsvcid),
			NVMF_TRSVCID_FIELD, r->trsvcid,
			strnlen(r->trsvcid, NVMF_TRSVCID_FIELD), ' ');
	window_put_text(w, at + AT(nvmf_disc_entry, subnqn), NVMF_NQN_FIELD,
			r->subnqn, strnlen(r->subnqn, NVMF_NQN_MAX), 0);
	window_put_text(w, at + AT(nvmf_disc_entry, traddr), NVMF_TRADDR_FIELD,
			r->traddr, strnlen(r->traddr, NVMF_TRADDR_FIELD), ' ');
	put_tsas(w, at + AT(nvmf_disc_entry, tsas), r);
}

/* The record format stays 0: the window's zeros say it. */
static void put_header(const struct window *w, u64 genctr, u64 numrec)
{
	const __le64 counts[] = { cpu_to_le64(genctr), cpu_to_le64(numrec) };

	window_put(w, 0, counts, sizeof(counts));
}

void nvmf_disc_entry_encode(struct nvmf_disc_entry *e,
			    const struct nvmf_disc_record *r)
{
	struct window w = { .out = (u8 *)e, .len = sizeof(*e) };

	memset(e, 0, sizeof(*e));
	put_entry(&w, 0, r);
}

void nvmf_disc_header_encode(struct nvmf_disc_header *h, u64 genctr,
			     u64 numrec)
{
	struct window w = { .out = (u8 *)h, .len = sizeof(*h) };

	memset(h, 0, sizeof(*h));
	put_header(&w, genctr, numrec);
}

void nvmf_disc_window(u64 genctr, u64 numrec, nvmf_disc_record_fn fn,
		      void *ctx, u64 offset, void *out, size_t len)
{
	struct window w = { .out = out, .start = offset, .len = len };
	u64 index, last;
	struct nvmf_disc_record r;

	memset(out, 0, len);
	/* an offset from the wire may lie so far out that the end wraps */
	if (!len || offset > (u64)-1 - (len - 1))
		return;
	last = offset + (len - 1);
	if (offset < ENTRY)
		put_header(&w, genctr, numrec);
	index = offset < ENTRY ? 0 : offset / ENTRY - 1;
	for (; index < numrec && (index + 1) * ENTRY <= last; index++) {
		if (!fn(ctx, index, &r))
			return;
		put_entry(&w, (index + 1) * ENTRY, &r);
	}
}

int nvmf_disc_entry_decode(const void *data, size_t len,
			   struct nvmf_disc_record *r, struct weft_reason *why)
{
	const struct nvmf_disc_entry *e = data;
	int n;

	if (len < sizeof(*e))
		return weft_fail(why, -EMSGSIZE,
				 "discovery log entry of %zu bytes: it has %zu",
				 len, sizeof(*e));
	n = weft_nqn_from_field(e->subnqn);
	if (n < 0)
		return weft_fail(why, -EPROTO,
				 "discovery log entry: subnqn has no end within its first %d bytes",
				 NVMF_NQN_MAX + 1);
	memset(r, 0, sizeof(*r));
	memcpy(r->subnqn, e->subnqn, n);
	r->trtype = e->trtype;
	r->adrfam = e->adrfam;
	r->subtype = e->subtype;
	r->treq = e->treq;
	r->portid = le16_to_cpu(e->portid);
	r->cntlid = le16_to_cpu(e->cntlid);
	r->asqsz = le16_to_cpu(e->asqsz);
	r->eflags = le16_to_cpu(e->eflags);
	weft_pad_text(r->trsvcid, e->trsvcid, sizeof(e->trsvcid));
	weft_pad_text(r->traddr, e->traddr, sizeof(e->traddr));
	if (r->trtype == NVMF_TRTYPE_RDMA) {
		r->rdma_qptype = e->tsas.rdma.qptype;
		r->rdma_prtype = e->tsas.rdma.prtype;
		r->rdma_cms = e->tsas.rdma.cms;
		r->rdma_pkey = le16_to_cpu(e->tsas.rdma.pkey);
	} else if (r->trtype == NVMF_TRTYPE_TCP) {
		r->tcp_sectype = e->tsas.tcp.sectype;
	}
	return 0;
}

int nvmf_disc_header_decode(const void *data, size_t len, u64 *genctr,
			    u64 *numrec, struct weft_reason *why)
{
	const struct nvmf_disc_header *h = data;

	if (len < sizeof(*h))
		return weft_fail(why, -EMSGSIZE,
				 "discovery log header of %zu bytes: it has %zu",
				 len, sizeof(*h));
	if (h->recfmt)
		return weft_fail(why, -EPROTO,
				 "discovery log recfmt=%u: only format 0 is known",
				 le16_to_cpu(h->recfmt));
	*genctr = le64_to_cpu(h->genctr);
	*numrec = le64_to_cpu(h->numrec);
	return 0;
}

void nvmf_disc_reader_init(struct nvmf_disc_reader *r)
{
	memset(r, 0, sizeof(*r));
	r->state = READER_HEADER;
}

bool nvmf_disc_next(const struct nvmf_disc_reader *r, u32 max, u64 *offset,
		    u32 *len)
{
	u64 room = max / ENTRY;

	if (r->state == READER_DONE)
		return false;
	*offset = 0;
	*len = ENTRY;
	if (r->state == READER_ENTRIES) {
		if (room > r->numrec - r->next)
			room = r->numrec - r->next;
		*offset = (r->next + 1) * ENTRY;
		*len = room * ENTRY;
	}
	return true;
}

static void start_entries(struct nvmf_disc_reader *r, u64 genctr, u64 numrec)
{
	r->genctr = genctr;
	r->numrec = numrec;
	r->next = 0;
	r->state = numrec ? READER_ENTRIES : READER_DONE;
}

static int feed_header(struct nvmf_disc_reader *r, const void *data,
		       size_t len, struct weft_reason *why)
{
	bool again = r->state == READER_CHECK;
	u64 genctr = 0, numrec = 0;
	int ret;

	ret = nvmf_disc_header_decode(data, len, &genctr, &numrec, why);
	if (ret)
		return ret;
	if (numrec > NVMF_DISC_MAX_RECORDS)
		return weft_fail(why, -EPROTO,
				 "discovery log of %llu entries: at most %u are read",
				 (unsigned long long)numrec,
				 NVMF_DISC_MAX_RECORDS);
	if (again && genctr == r->genctr && numrec == r->numrec) {
		r->state = READER_DONE;
		return 0;
	}
	if (again && r->restarts == NVMF_DISC_MAX_RESTARTS)
		return weft_fail(why, -ELOOP,
				 "the discovery log changed %u times while it was read",
				 r->restarts + 1);
	if (again)
		r->restarts++;
	start_entries(r, genctr, numrec);
	return again ? -EAGAIN : 0;
}

static int feed_entries(struct nvmf_disc_reader *r, const void *data,
			size_t len,
			void (*entry)(void *ctx, u64 index,
				      const struct nvmf_disc_record *rec),
			void *ctx, struct weft_reason *why)
{
	u64 i, n = len / ENTRY;
	struct nvmf_disc_record rec;
	int ret;

	if (!n || len % ENTRY || n > r->numrec - r->next)
		return weft_fail(why, -EMSGSIZE,
				 "discovery log window of %zu bytes: %llu entries of %u bytes are left",
				 len, (unsigned long long)(r->numrec - r->next),
				 (unsigned int)ENTRY);
	for (i = 0; i < n; i++) {
		ret = nvmf_disc_entry_decode((const u8 *)data + i * ENTRY,
					     ENTRY, &rec, why);
		if (ret)
			return ret;
		entry(ctx, r->next, &rec);
		r->next++;
	}
	if (r->next == r->numrec)
		r->state = READER_CHECK;
	return 0;
}

int nvmf_disc_feed(struct nvmf_disc_reader *r, const void *data, size_t len,
		   void (*entry)(void *ctx, u64 index,
				 const struct nvmf_disc_record *rec),
		   void *ctx, struct weft_reason *why)
{
	switch (r->state) {
	case READER_HEADER:
	case READER_CHECK:
		return feed_header(r, data, len, why);
	case READER_ENTRIES:
		return feed_entries(r, data, len, entry, ctx, why);
	default:
		return weft_fail(why, -EINVAL,
				 "the discovery log is read already");
	}
}

const char *nvmf_trtype_name(u8 trtype)
{
	switch (trtype) {
	case NVMF_TRTYPE_RDMA:
		return "rdma";
	case NVMF_TRTYPE_FC:
		return "fc";
	case NVMF_TRTYPE_TCP:
		return "tcp";
	case NVMF_TRTYPE_LOOP:
		return "loop";
	default:
		return "unknown";
	}
}

const char *nvmf_adrfam_name(u8 adrfam)
{
	static const char * const names[] = {
		[NVMF_ADRFAM_IPV4] = "ipv4",
		[NVMF_ADRFAM_IPV6] = "ipv6",
		[NVMF_ADRFAM_IB] = "ib",
		[NVMF_ADRFAM_FC] = "fc",
	};

	return adrfam && adrfam < ARRAY_SIZE(names) ? names[adrfam] : "unknown";
}

const char *nvmf_subtype_name(u8 subtype)
{
	static const char * const names[] = {
		[NVMF_SUBTYPE_REFERRAL] = "discovery subsystem referral",
		[NVMF_SUBTYPE_NVME] = "nvme subsystem",
		[NVMF_SUBTYPE_DISCOVERY] = "current discovery subsystem",
	};

	return subtype && subtype < ARRAY_SIZE(names) ? names[subtype] :
							"unknown";
}

const char *nvmf_treq_name(u8 treq)
{
	/* bits 1:0 secure channel, bit 2 SQ flow control may be disabled */
	static const char * const names[8] = {
		"not specified",
		"required",
		"not required",
		"reserved",
		"not specified, sq flow control disable supported",
		"required, sq flow control disable supported",
		"not required, sq flow control disable supported",
		"reserved, sq flow control disable supported",
	};

	return names[treq & 7];
}
