// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Identify: a table of what can be asked for (CNS), each row filling one
 * 4,096-byte structure from the controller and from its home's snapshot of the
 * namespaces. On the controller's home.
 */
#include "target/nvmf/io.h"

#define CSI_NVM		0
#define VWC_NO_BROADCAST (2u << 1)	/* Flush takes one namespace */
#define ANACAP_ALL_STATES 0x1f	/* each of the five is reported */
#define ANA_SECONDS	10
#define IOCS_NVM	(1ull << 0)

/* Identify's own fields of the command */
struct ask {
	u8 cns;
	u16 cntid;
	u8 csi;
	u32 nsid;
};

static struct ask ask_of(const struct nvmf_request *req)
{
	const struct nvme_sqe *sqe = &req->cmd->sqe;
	u32 cdw10 = le32_to_cpu(sqe->cdw10);

	return (struct ask){
		.cns = cdw10 & 0xff,
		.cntid = cdw10 >> 16,
		.csi = le32_to_cpu(sqe->cdw11) >> 24,
		.nsid = le32_to_cpu(sqe->nsid),
	};
}

/* What a row fills; 8-byte aligned for the structures */
union page {
	u8 bytes[NVME_IDENTIFY_SIZE];
	struct nvme_id_ctrl ctrl;
	struct nvme_id_ctrl_nvm nvm;
	struct nvme_id_ns ns;
	struct nvme_id_ns_indep indep;
	__le32 nsids[NVME_NSID_LIST_MAX];
	__le64 words[NVME_IDENTIFY_SIZE / 8];
};

/* Controller */

static u8 mdts(u32 max_io_size)
{
	u8 shift = 0;

	while (2ull * 4096 << shift <= max_io_size)
		shift++;
	return shift;
}

/* What the command table has */
static u16 offered(void)
{
	static const struct {
		u8 opcode;
		u16 oncs;
	} bits[] = {
		{ NVME_CMD_COMPARE, NVME_ONCS_COMPARE },
		{ NVME_CMD_WRITE_UNCORRECTABLE, NVME_ONCS_WRITE_UNCORRECTABLE },
		{ NVME_CMD_DSM, NVME_ONCS_DSM },
		{ NVME_CMD_WRITE_ZEROES, NVME_ONCS_WRITE_ZEROES },
		{ NVME_CMD_RESV_REGISTER, NVME_ONCS_RESERVATIONS },
		{ NVME_CMD_VERIFY, NVME_ONCS_VERIFY },
		{ NVME_CMD_COPY, NVME_ONCS_COPY },
	};
	u16 oncs = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bits); i++)
		if (nvmf_io_commands[bits[i].opcode].name)
			oncs |= bits[i].oncs;
	return oncs;
}

u32 nvmf_ctrlr_events(const struct nvmf_ctrlr *c)
{
	if (c->discovery)
		return NVME_OAES_DISC_CHANGE;
	return NVME_OAES_NS_ATTR |
	       (c->subsystem->ana_reporting ? NVME_OAES_ANA : 0);
}

/* The most of a Compare and Write; one is the least that can be told */
static u16 pair_blocks(const struct nvmf_ctrlr *c, u32 block_size)
{
	u32 n = nvmf_fused_bytes(&c->opts) / block_size;

	return n ? n : 1;
}

static void describe_nvm(const struct nvmf_ctrlr *c, struct nvme_ctrl_desc *d)
{
	const struct nvmf_subsystem *s = c->subsystem;

	d->cntrltype = NVME_CNTRLTYPE_IO;
	d->cmic = NVME_CMIC_MULTI_PORT | NVME_CMIC_MULTI_CTRL;
	d->lpa = NVME_LPA_CMD_EFFECTS | NVME_LPA_EXTENDED_DATA;
	d->oncs = offered() | NVME_ONCS_SAVE_SELECT;
	if (d->oncs & NVME_ONCS_COPY)
		d->ocfs = NVME_OCFS_FORMAT_0;
	d->fuses = NVME_FUSES_COMPARE_WRITE;
	/* of any block size that a namespace may have */
	d->acwu = pair_blocks(c, NVMF_MAX_BLOCK) - 1;
	/* namespaces with a cache may come later: hosts ask only once */
	d->vwc = NVME_VWC_PRESENT | VWC_NO_BROADCAST;
	d->nn = s->max_namespaces;
	d->mnan = s->max_namespaces;
	if (s->ana_reporting) {
		d->cmic |= NVME_CMIC_ANA;
		d->anacap = ANACAP_ALL_STATES;
		d->anatt = ANA_SECONDS;
		d->anagrpmax = NVMF_MAX_NAMESPACES;
		d->nanagrpid = s->max_namespaces;
	}
}

static void describe_discovery(struct nvme_ctrl_desc *d)
{
	d->cntrltype = NVME_CNTRLTYPE_DISCOVERY;
	d->lpa = NVME_LPA_EXTENDED_DATA;
}

static void describe(const struct nvmf_ctrlr *c, struct nvme_ctrl_desc *d)
{
	const struct nvmf_subsystem *s = c->subsystem;

	memset(d, 0, sizeof(*d));
	d->serial = s->serial;
	d->model = s->model;
	d->firmware = WEFT_VERSION;
	d->subnqn = c->subnqn;
	d->cntlid = c->cntlid;
	d->version = NVMF_VERSION;
	d->mdts = mdts(c->opts.max_io_size);
	d->ctratt = NVME_CTRATT_HOSTID_128 | NVME_CTRATT_TBKAS;
	d->fcatt = s->static_cntlid ? NVME_FCATT_STATIC : 0;
	d->kas = c->opts.kas;
	d->aerl = NVME_MAX_AERS - 1;
	d->acl = NVMF_ABORT_LIMIT - 1;
	d->elpe = NVMF_ERROR_ENTRIES - 1;
	d->oaes = nvmf_ctrlr_events(c);
	if (c->discovery)
		describe_discovery(d);
	else
		describe_nvm(c, d);
	c->transport->ops->ctrlr_desc(&c->opts, d);
}

static nvme_status fill_ctrl(struct nvmf_request *req, const struct ask *a,
			     union page *p)
{
	struct nvme_ctrl_desc d;

	(void)a;
	describe(req->qpair->ctrlr, &d);
	nvme_id_ctrl_encode(&p->ctrl, &d);
	return NVME_SC_SUCCESS;
}

/* Namespaces */

static nvme_status find_ns(struct nvmf_request *req, const struct ask *a,
			   const struct nvmf_ns_view **v)
{
	const struct nvmf_ctrlr *c = req->qpair->ctrlr;
	struct nvmf_ns_channel *nsch = nvmf_ctrlr_ns(c, a->nsid);

	*v = nsch ? &nsch->view : NULL;
	if (!a->nsid || a->nsid > c->subsystem->max_namespaces)
		return nvmf_request_bad(req, NVMF_LOC_NSID,
					NVME_DNR(NVME_SC_INVALID_NS));
	return NVME_SC_SUCCESS;
}

static u8 shift_of(u32 n)
{
	return __builtin_ctz(n);
}

static u16 zero_based(u32 n, u16 otherwise)
{
	return n ? n - 1 : otherwise;
}

/* What the device prefers, if it tells anything; by its physical blocks else */
static void prefer(const struct bdev *b, struct nvme_ns_facts *f)
{
	static const struct bdev_hints none;
	const struct bdev_hints *h = &b->hints;

	if (!memcmp(h, &none, sizeof(none)) && !b->optimal_blocks)
		return;
	f->nsfeat |= NVME_NSFEAT_OPTPERF;
	f->npwg = zero_based(h->write_granularity,
			     zero_based(h->physical_block_size /
					b->block_size, 0));
	f->npwa = zero_based(h->write_alignment, f->npwg);
	f->npdg = zero_based(h->unmap_granularity, f->npwg);
	f->npda = zero_based(h->unmap_alignment, f->npwg);
	f->nows = zero_based(b->optimal_blocks, f->npwg);
}

static void facts_of(const struct nvmf_ctrlr *c, const struct nvmf_ns_view *v,
		     struct nvme_ns_facts *f)
{
	struct nvme_copy_limits limits;

	memset(f, 0, sizeof(*f));
	f->nsze = v->blocks;
	f->ncap = v->blocks;
	f->nuse = v->blocks;
	f->lbads = shift_of(v->block_size);
	f->nmic = NVME_NMIC_SHARED;
	f->nsfeat = NVME_NSFEAT_ATOMICS;
	f->nacwu = pair_blocks(c, v->block_size) - 1;
	f->rescap = NVME_RESCAP_ALL_TYPES | NVME_RESCAP_IEKEY_13 |
		    (v->ptpl ? NVME_RESCAP_PTPL : 0);
	f->nsattr = v->readonly ? NVME_NSATTR_WRITE_PROTECTED : 0;
	f->dlfeat = v->unmap_zeroes ? NVME_DLFEAT_READ_ZEROES : 0;
	if (v->deac)
		f->dlfeat |= NVME_DLFEAT_WRITE_ZEROES_DEAC;
	nvmf_io_copy_limits(v->block_size, &limits);
	f->mssrl = limits.range_blocks;
	f->mcl = limits.blocks;
	f->msrc = limits.ranges - 1;
	prefer(bdev_desc_bdev(v->desc), f);
	f->anagrpid = c->subsystem->ana_reporting ? v->anagrpid : 0;
	memcpy(f->nguid, v->nguid, sizeof(f->nguid));
	memcpy(f->eui64, v->eui64, sizeof(f->eui64));
	memcpy(f->uuid, v->uuid, sizeof(f->uuid));
	f->csi = CSI_NVM;
}

static nvme_status fill_ns(struct nvmf_request *req, const struct ask *a,
			   union page *p)
{
	const struct nvmf_ns_view *v;
	struct nvme_ns_facts f;
	nvme_status st = find_ns(req, a, &v);

	/* an inactive namespace is all zeroes */
	if (st || !v)
		return st;
	facts_of(req->qpair->ctrlr, v, &f);
	nvme_id_ns_encode(&p->ns, &f);
	return NVME_SC_SUCCESS;
}

static nvme_status fill_active_list(struct nvmf_request *req,
				    const struct ask *a, union page *p)
{
	const struct nvmf_ctrlr *c = req->qpair->ctrlr;
	u32 nsids[NVMF_MAX_NAMESPACES];
	u32 nsid, n = 0;

	if (a->nsid >= NVME_NSID_ALL - 1)
		return nvmf_request_bad(req, NVMF_LOC_NSID,
					NVME_DNR(NVME_SC_INVALID_NS));
	for (nsid = a->nsid + 1; nsid <= c->sgroup->max_namespaces; nsid++)
		if (nvmf_ctrlr_ns(c, nsid))
			nsids[n++] = nsid;
	nvme_nsid_list_encode(p->nsids, nsids, n);
	return NVME_SC_SUCCESS;
}

static nvme_status fill_descs(struct nvmf_request *req, const struct ask *a,
			      union page *p)
{
	const struct nvmf_ns_view *v;
	struct nvme_ns_facts f;
	nvme_status st = find_ns(req, a, &v);

	if (st)
		return st;
	if (!v)
		return nvmf_request_bad(req, NVMF_LOC_NSID,
					NVME_DNR(NVME_SC_INVALID_NS));
	facts_of(req->qpair->ctrlr, v, &f);
	nvme_ns_descs_encode(p->bytes, &f);
	return NVME_SC_SUCCESS;
}

/* Per command set: ours is the NVM one. Zeroes say nothing more. */

static nvme_status check_csi(struct nvmf_request *req, const struct ask *a)
{
	if (a->csi == CSI_NVM)
		return NVME_SC_SUCCESS;
	return nvmf_request_bad(req, NVMF_LOC_CDW11 + 3,
				NVME_DNR(NVME_SC_INVALID_FIELD));
}

static nvme_status fill_cs_ns(struct nvmf_request *req, const struct ask *a,
			      union page *p)
{
	const struct nvmf_ns_view *v;
	nvme_status st = check_csi(req, a);

	(void)p;
	return st ? st : find_ns(req, a, &v);
}

static nvme_status fill_cs_ctrl(struct nvmf_request *req, const struct ask *a,
				union page *p)
{
	const struct nvmf_subsystem *s = req->qpair->ctrlr->subsystem;
	nvme_status st = check_csi(req, a);

	if (st)
		return st;
	p->nvm.wzsl = (u8)s->wzsl;
	/* all three of them or none: what is unlimited has the largest value */
	if (s->dmrsl) {
		p->nvm.dmrl = NVMF_DMRL;
		p->nvm.dmrsl = cpu_to_le32(s->dmrsl);
		p->nvm.dmsl = cpu_to_le64(UINT64_MAX);
	}
	return st;
}

static nvme_status fill_cs_list(struct nvmf_request *req, const struct ask *a,
				union page *p)
{
	nvme_status st = check_csi(req, a);

	return st ? st : fill_active_list(req, a, p);
}

static nvme_status fill_indep_ns(struct nvmf_request *req, const struct ask *a,
				 union page *p)
{
	const struct nvmf_ns_view *v;
	struct nvme_ns_facts f;
	nvme_status st = find_ns(req, a, &v);

	if (st || !v)
		return st;
	facts_of(req->qpair->ctrlr, v, &f);
	nvme_id_ns_indep_encode(&p->indep, &f);
	return NVME_SC_SUCCESS;
}

static nvme_status fill_cmd_sets(struct nvmf_request *req, const struct ask *a,
				 union page *p)
{
	if (a->cntid != 0xffff && a->cntid != req->qpair->ctrlr->cntlid)
		return nvmf_request_bad(req, NVMF_LOC_CDW10 + 2,
					NVME_DNR(NVME_SC_INVALID_FIELD));
	p->words[0] = cpu_to_le64(IOCS_NVM);
	return NVME_SC_SUCCESS;
}

/* What can be asked for */

static const struct {
	u8 cns;
	bool discovery;
	nvme_status (*fill)(struct nvmf_request *req, const struct ask *a,
			    union page *p);
} rows[] = {
	{ NVME_CNS_NS,			false,	fill_ns },
	{ NVME_CNS_CTRL,		true,	fill_ctrl },
	{ NVME_CNS_ACTIVE_NS_LIST,	false,	fill_active_list },
	{ NVME_CNS_NS_DESC_LIST,	false,	fill_descs },
	{ NVME_CNS_CS_NS,		false,	fill_cs_ns },
	{ NVME_CNS_CS_CTRL,		false,	fill_cs_ctrl },
	{ NVME_CNS_CS_ACTIVE_NS_LIST,	false,	fill_cs_list },
	{ NVME_CNS_CSI_INDEP_NS,	false,	fill_indep_ns },
	{ NVME_CNS_CMD_SETS,		false,	fill_cmd_sets },
};

static int find_row(const struct nvmf_request *req, u8 cns)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].cns == cns && (rows[i].discovery ||
					   !req->qpair->ctrlr->discovery))
			return i;
	return -ENOENT;
}

nvme_status nvmf_identify_parse(struct nvmf_request *req)
{
	struct ask a = ask_of(req);

	if (find_row(req, a.cns) < 0)
		return nvmf_request_bad(req, NVMF_LOC_CDW10,
					NVME_DNR(NVME_SC_INVALID_FIELD));
	req->length = NVME_IDENTIFY_SIZE;
	return NVME_SC_SUCCESS;
}

void nvmf_identify_execute(struct nvmf_request *req)
{
	struct ask a = ask_of(req);
	union page p;
	nvme_status st;

	memset(&p, 0, sizeof(p));
	st = rows[find_row(req, a.cns)].fill(req, &a, &p);
	if (!st && !nvmf_request_put_data(req, 0, &p, sizeof(p)))
		st = NVME_SC_DATA_XFER_ERROR;
	nvmf_request_complete(req, st);
}
