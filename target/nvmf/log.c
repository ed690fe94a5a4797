// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Get Log Page: a table of pages, of which any window may be asked for, and
 * the error log that failed commands leave. On the controller's home; SMART
 * counters are gathered from all poll groups first.
 */
#include <stdlib.h>

#include "target/nvmf/internal.h"

#define LOG_RAE		(1u << 15)	/* CDW10 */
#define LOG_OFFSET_TYPE	(1u << 23)	/* CDW14: the offset is an index */
#define SMART_UNIT	512000		/* bytes: thousands of 512 B */

/**
 * struct log - one page
 * @size: in bytes
 * @fill: the page, zeroed before, for pages without @execute
 * @execute: for those that need other reactors
 */
struct log {
	u8 lid;
	bool nvm;
	bool discovery;
	bool (*offered)(const struct nvmf_ctrlr *c);
	size_t (*size)(const struct nvmf_ctrlr *c);
	void (*fill)(struct nvmf_ctrlr *c, u8 *page);
	void (*execute)(struct nvmf_request *req);
};

static const struct log *find_lid(const struct nvmf_ctrlr *c, u8 lid);

static size_t size_64(const struct nvmf_ctrlr *c)
{
	(void)c;
	return 64;
}

static size_t size_512(const struct nvmf_ctrlr *c)
{
	(void)c;
	return 512;
}

static size_t size_1k(const struct nvmf_ctrlr *c)
{
	(void)c;
	return 1024;
}

static size_t size_4k(const struct nvmf_ctrlr *c)
{
	(void)c;
	return 4096;
}

/* Supported log pages: 256 double words, bit 0 says "yes" */
static void fill_supported(struct nvmf_ctrlr *c, u8 *page)
{
	unsigned int lid;

	for (lid = 0; lid < 256; lid++)
		if (find_lid(c, lid))
			page[lid * 4] = 1;
}

/* Error information, the newest first */

static size_t size_errors(const struct nvmf_ctrlr *c)
{
	return sizeof(c->errors);
}

static void fill_errors(struct nvmf_ctrlr *c, u8 *page)
{
	u64 i, n = c->error_count;

	if (n > NVMF_ERROR_ENTRIES)
		n = NVMF_ERROR_ENTRIES;
	for (i = 0; i < n; i++)
		memcpy(page + i * sizeof(c->errors[0]),
		       &c->errors[(c->error_count - 1 - i) %
				  NVMF_ERROR_ENTRIES], sizeof(c->errors[0]));
}

struct error_note {
	struct nvmf_ctrlr *c;
	struct nvme_error_log_entry e;
};

static void error_add(struct nvmf_ctrlr *c, struct nvme_error_log_entry *e)
{
	e->error_count = cpu_to_le64(c->error_count + 1);
	c->errors[c->error_count++ % NVMF_ERROR_ENTRIES] = *e;
}

static void error_arrived(void *ctx)
{
	struct error_note *n = ctx;

	error_add(n->c, &n->e);
	free(n);
}

void nvmf_error_log(struct nvmf_request *req, nvme_status st)
{
	const struct nvme_sqe *sqe = &req->cmd->sqe;
	struct nvmf_qpair *q = req->qpair;
	struct nvmf_ctrlr *c = q->ctrlr;
	struct nvme_error_log_entry e = {
		.sqid = cpu_to_le16(q->qid),
		.cid = sqe->cid,
		.status = cpu_to_le16(st << 1),
		.param_error_loc = cpu_to_le16(req->error_loc),
		.trtype = (u8)q->transport->ops->trtype,
	};
	struct error_note *n;

	if (sqe->opcode != NVME_OPC_FABRICS)
		e.nsid = sqe->nsid;
	if (q->qid && req->nsch)
		e.lba = cpu_to_le64(nvme_rw_slba(sqe));
	if (!q->qid) {
		error_add(c, &e);
		return;
	}
	/* the log is the controller's home's; losing one only loses a hint */
	n = malloc(sizeof(*n));
	if (!n)
		return;
	n->c = c;
	n->e = e;
	reactor_send(c->group->reactor, error_arrived, n);
}

/* Firmware slots: one, read only, active */
static void fill_fw_slot(struct nvmf_ctrlr *c, u8 *page)
{
	struct nvme_fw_slot_log *l = (void *)page;

	(void)c;
	l->afi = 1;
	weft_pad_copy(l->frs[0], sizeof(l->frs[0]), WEFT_VERSION, ' ');
}

/* Namespaces that have changed since the page was last read; or "too many" */
static void fill_changed_ns(struct nvmf_ctrlr *c, u8 *page)
{
	u32 nsids[NVMF_MAX_NAMESPACES];
	u32 nsid, n = 0;

	for (nsid = 1; nsid <= NVMF_MAX_NAMESPACES; nsid++)
		if (c->changed_ns[nsid / 8] & 1u << nsid % 8)
			nsids[n++] = nsid;
	if (n > NVME_NSID_LIST_MAX) {
		nsids[0] = NVME_NSID_ALL;
		n = 1;
	}
	nvme_nsid_list_encode((__le32 *)page, nsids, n);
}

/* Commands supported and effects: from the command tables themselves */
static u32 effects_of(const struct nvmf_command *cmd)
{
	if (!cmd->name)
		return 0;
	return NVME_EFFECTS_CSUPP |
	       (cmd->flags & NVMF_CMD_CHANGES_DATA ? NVME_EFFECTS_LBCC : 0);
}

static void fill_effects(struct nvmf_ctrlr *c, u8 *page)
{
	struct nvme_effects_log *l = (void *)page;
	int i;

	(void)c;
	for (i = 0; i < NVMF_ADMIN_COMMANDS; i++)
		l->acs[i] = cpu_to_le32(effects_of(&nvmf_admin_commands[i]));
	for (i = 0; i < NVMF_IO_COMMANDS; i++)
		l->iocs[i] = cpu_to_le32(effects_of(&nvmf_io_commands[i]));
}

static bool ana_offered(const struct nvmf_ctrlr *c)
{
	return c->subsystem->ana_reporting && c->sgroup->ana[c->listener];
}

/* The window that the host wants, out of a page that is there */
void nvmf_log_put_window(struct nvmf_request *req, const u8 *page, size_t size)
{
	static const u8 zeroes[512];
	u64 offset = nvme_log_offset(&req->cmd->sqe);
	size_t done = offset < size ? size - offset : 0;
	size_t n;
	bool ok = true;

	if (offset > size) {
		nvmf_request_complete(req, nvmf_request_bad(req, NVMF_LOC_CDW12,
					NVME_DNR(NVME_SC_INVALID_FIELD)));
		return;
	}
	if (done > req->length)
		done = req->length;
	if (done)
		ok = nvmf_request_put_data(req, 0, page + offset, done);
	for (; ok && done < req->length; done += n) {
		n = req->length - done;
		if (n > sizeof(zeroes))
			n = sizeof(zeroes);
		ok = nvmf_request_put_data(req, done, zeroes, n);
	}
	nvmf_request_complete(req, ok ? NVME_SC_SUCCESS :
					NVME_SC_DATA_XFER_ERROR);
}

/* SMART: summed over the poll groups */

struct smart {
	struct nvmf_request *req;
	struct nvmf_subsystem *s;
	u64 reads, writes, read_bytes, written_bytes;
};

static void smart_add(void *ctx)
{
	struct smart *sm = ctx;
	struct nvmf_sgroup *sg = nvmf_group_self()->core->sgroups[sm->s->id];

	if (!sg)
		return;
	sm->reads += sg->reads;
	sm->writes += sg->writes;
	sm->read_bytes += sg->read_bytes;
	sm->written_bytes += sg->written_bytes;
}

static void put_u128(u8 field[16], u64 value)
{
	__le64 v = cpu_to_le64(value);

	memcpy(field, &v, sizeof(v));
}

static u64 smart_units(u64 bytes)
{
	return bytes / SMART_UNIT + !!(bytes % SMART_UNIT);
}

static void smart_done(void *ctx)
{
	struct smart *sm = ctx;
	struct nvmf_request *req = sm->req;
	u64 up_us = reactor_now_us() - nvmf_target.start_us;
	struct nvme_smart_log l = { 0 };

	l.avail_spare = 100;
	put_u128(l.data_units_read, smart_units(sm->read_bytes));
	put_u128(l.data_units_written, smart_units(sm->written_bytes));
	put_u128(l.host_reads, sm->reads);
	put_u128(l.host_writes, sm->writes);
	put_u128(l.power_on_hours, up_us / 3600000000ull);
	put_u128(l.num_err_log_entries, req->qpair->ctrlr->error_count);
	free(sm);
	nvmf_log_put_window(req, (const u8 *)&l, sizeof(l));
}

static void smart_execute(struct nvmf_request *req)
{
	u32 nsid = le32_to_cpu(req->cmd->sqe.nsid);
	struct smart *sm;

	/* one for the whole controller: per namespace is not offered in LPA */
	if (nsid && nsid != NVME_NSID_ALL) {
		nvmf_request_complete(req, nvmf_request_bad(req, NVMF_LOC_NSID,
					NVME_DNR(NVME_SC_INVALID_FIELD)));
		return;
	}
	sm = calloc(1, sizeof(*sm));
	if (!sm) {
		nvmf_request_complete(req, NVME_SC_INTERNAL);
		return;
	}
	sm->req = req;
	sm->s = req->qpair->ctrlr->subsystem;
	reactor_for_each(smart_add, sm, smart_done);
}

/* All pages */

static const struct log logs[] = {
	{ NVME_LOG_SUPPORTED, true, true, NULL, size_1k, fill_supported, NULL },
	{ NVME_LOG_ERROR, true, true, NULL, size_errors, fill_errors, NULL },
	{ NVME_LOG_SMART, true, false, NULL, size_512, NULL, smart_execute },
	{ NVME_LOG_FW_SLOT, true, false, NULL, size_512, fill_fw_slot, NULL },
	{ NVME_LOG_CHANGED_NS, true, false, NULL, size_4k, fill_changed_ns,
	  NULL },
	{ NVME_LOG_CMD_EFFECTS, true, false, NULL, size_4k, fill_effects,
	  NULL },
	{ NVME_LOG_ANA, true, false, ana_offered, NULL, NULL,
	  nvmf_ana_log_execute },
	{ NVME_LOG_FEATURE_EFFECTS, true, true, NULL, size_1k,
	  nvmf_features_effects, NULL },
	{ NVME_LOG_RESERVATION, true, false, NULL, size_64, nvmf_resv_log_fill,
	  NULL },
	{ NVME_LOG_DISCOVERY, false, true, NULL, NULL, NULL,
	  nvmf_discovery_log_execute },
};

static const struct log *find_lid(const struct nvmf_ctrlr *c, u8 lid)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(logs); i++) {
		const struct log *l = &logs[i];

		if (l->lid == lid && (c->discovery ? l->discovery : l->nvm) &&
		    (!l->offered || l->offered(c)))
			return l;
	}
	return NULL;
}

static const struct log *find(const struct nvmf_request *req)
{
	return find_lid(req->qpair->ctrlr,
			le32_to_cpu(req->cmd->sqe.cdw10) & 0xff);
}

nvme_status nvmf_log_parse(struct nvmf_request *req)
{
	const struct nvme_sqe *sqe = &req->cmd->sqe;
	const struct nvmf_ctrlr *c = req->qpair->ctrlr;
	const struct log *l = find(req);
	u64 bytes = nvme_log_bytes(sqe);
	u64 offset = nvme_log_offset(sqe);

	if (!l)
		return nvmf_request_bad(req, NVMF_LOC_CDW10,
					NVME_DNR(NVME_SC_INVALID_LOG_PAGE));
	if (le32_to_cpu(sqe->cdw14) & LOG_OFFSET_TYPE)
		return nvmf_request_bad(req, NVMF_LOC_CDW14 + 2,
					NVME_DNR(NVME_SC_INVALID_FIELD));
	if (offset & 3 || (l->size && offset > l->size(c)))
		return nvmf_request_bad(req, NVMF_LOC_CDW12,
					NVME_DNR(NVME_SC_INVALID_FIELD));
	if (bytes > req->qpair->rules.max_len)
		return nvmf_request_bad(req, NVMF_LOC_CDW10 + 2,
					NVME_DNR(NVME_SC_INVALID_FIELD));
	req->length = bytes;
	return NVME_SC_SUCCESS;
}

/* Reading a page clears its event */
static void clear_event(struct nvmf_ctrlr *c, u8 lid)
{
	if (lid == NVME_LOG_CHANGED_NS)
		nvmf_event_read(c, NVMF_EVENT_NS_CHANGED);
	else if (lid == NVME_LOG_ANA)
		nvmf_event_read(c, NVMF_EVENT_ANA);
	else if (lid == NVME_LOG_RESERVATION)
		nvmf_event_read(c, NVMF_EVENT_RESV);
	else if (lid == NVME_LOG_DISCOVERY)
		nvmf_event_read(c, NVMF_EVENT_DISC_CHANGED);
}

void nvmf_log_execute(struct nvmf_request *req)
{
	/* a host that reads a page in parts wants it kept until the last */
	bool keep = le32_to_cpu(req->cmd->sqe.cdw10) & LOG_RAE;
	struct nvmf_ctrlr *c = req->qpair->ctrlr;
	const struct log *l = find(req);
	size_t size;
	u8 *page;

	if (!keep)
		clear_event(c, l->lid);
	if (l->execute) {
		l->execute(req);
		return;
	}
	size = l->size(c);
	page = calloc(1, size);
	if (!page) {
		nvmf_request_complete(req, NVME_SC_INTERNAL);
		return;
	}
	l->fill(c, page);
	if (l->lid == NVME_LOG_CHANGED_NS && !keep)
		memset(c->changed_ns, 0, sizeof(c->changed_ns));
	nvmf_log_put_window(req, page, size);
	free(page);
}
