/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The discovery log page, in pieces: a target answers any window of it
 * without building the whole, a host reads it in windows and notices when the
 * generation counter moved in between.
 */
#ifndef WEFT_COMMON_DISCOVERY_H
#define WEFT_COMMON_DISCOVERY_H

#include "common/fabrics.h"
#include "common/names.h"
#include "common/text.h"

/**
 * struct nvmf_disc_record - one entry, with text as terminated strings
 */
struct nvmf_disc_record {
	u8 trtype;
	u8 adrfam;
	u8 subtype;
	u8 treq;
	u16 portid;
	u16 cntlid;
	u16 asqsz;
	u16 eflags;
	char trsvcid[NVMF_TRSVCID_FIELD + 1];
	char subnqn[NVMF_NQN_MAX + 1];
	char traddr[NVMF_TRADDR_FIELD + 1];
	u8 rdma_qptype;
	u8 rdma_prtype;
	u8 rdma_cms;
	u16 rdma_pkey;
	u8 tcp_sectype;
};

/**
 * nvmf_disc_entry_encode() - record to wire
 * The address fields are padded with spaces, the NQN with zeros.
 */
void nvmf_disc_entry_encode(struct nvmf_disc_entry *e,
			    const struct nvmf_disc_record *r);

/**
 * nvmf_disc_entry_decode() - wire to record
 * @data: @len bytes; at least one entry's size
 * Return: 0; -EMSGSIZE; -EPROTO for a name without an end, with a reason.
 */
int nvmf_disc_entry_decode(const void *data, size_t len,
			   struct nvmf_disc_record *r, struct weft_reason *why);

/** nvmf_disc_header_encode() - the first 1,024 bytes */
void nvmf_disc_header_encode(struct nvmf_disc_header *h, u64 genctr,
			     u64 numrec);

/** nvmf_disc_header_decode() - 0, -EMSGSIZE or -EPROTO (record format) */
int nvmf_disc_header_decode(const void *data, size_t len, u64 *genctr,
			    u64 *numrec, struct weft_reason *why);

/**
 * nvmf_disc_record_fn - hands out the @index-th record
 * Return: true and *r filled in, or false past the end.
 */
typedef bool (*nvmf_disc_record_fn)(void *ctx, u64 index,
				    struct nvmf_disc_record *r);

/**
 * nvmf_disc_window() - bytes [@offset, @offset + @len) of the log page
 * @out: @len bytes; past the page's end they are zero
 *
 * Costs only the entries that the window touches.
 */
void nvmf_disc_window(u64 genctr, u64 numrec, nvmf_disc_record_fn fn,
		      void *ctx, u64 offset, void *out, size_t len);

/**
 * struct nvmf_disc_reader - a host's way through the log
 *
 * Loop: nvmf_disc_next() says which window to read; the data goes to
 * nvmf_disc_feed(). After the last entry the header is read again: if the
 * generation counter moved, everything starts over.
 */
#define NVMF_DISC_MAX_RECORDS	65536	/* more is taken for a broken header */
#define NVMF_DISC_MAX_RESTARTS	8

struct nvmf_disc_reader {
	u64 genctr;
	u64 numrec;
	u64 next;
	unsigned int restarts;
	u8 state;
};

/** nvmf_disc_reader_init() - start at the header */
void nvmf_disc_reader_init(struct nvmf_disc_reader *r);

/**
 * nvmf_disc_next() - which window now?
 * @max: largest window in bytes, at least 1,024
 * Return: true with @offset and @len set; false when all is read.
 */
bool nvmf_disc_next(const struct nvmf_disc_reader *r, u32 max, u64 *offset,
		    u32 *len);

/**
 * nvmf_disc_feed() - the window's data
 * @entry: called for every record; a restart is told by index 0 again
 * @data: all of the window that nvmf_disc_next() gave
 *
 * Return: 0; -EAGAIN after a restart (drop what was gathered and go on);
 * -EPROTO / -EMSGSIZE; -ELOOP after NVMF_DISC_MAX_RESTARTS restarts; -EINVAL
 * when nothing was left to read.
 */
int nvmf_disc_feed(struct nvmf_disc_reader *r, const void *data, size_t len,
		   void (*entry)(void *ctx, u64 index,
				 const struct nvmf_disc_record *rec),
		   void *ctx, struct weft_reason *why);

/** Names of the enumerations in words, never NULL */
const char *nvmf_trtype_name(u8 trtype);
const char *nvmf_adrfam_name(u8 adrfam);
const char *nvmf_subtype_name(u8 subtype);
const char *nvmf_treq_name(u8 treq);

#endif
