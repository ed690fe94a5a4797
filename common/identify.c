// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Identify data: the target's descriptions to wire, the wire to the facts that
 * a host acts on. Hosts call the decoders at connect and scan time, in process
 * context; everything a hostile controller may say is checked here, once, so
 * that later code can shift by a block size or trust a list's order.
 */
#include "common/identify.h"

#define SQES_64		0x66	/* required and maximum entry size, as shifts */
#define CQES_16		0x44
#define FRMW_ONE_RO	0x03	/* one firmware slot, read-only */
#define FLBAS_EXTENDED	(1u << 4)
#define MC_EXTENDED	(1u << 0)
#define MC_SEPARATE	(1u << 1)
#define LBADS_MIN	9	/* 512 B */
#define LBADS_MAX	16	/* 64 KiB */
#define IOCCSZ_MIN	4	/* the SQE alone, in 16-byte units */
#define IORCSZ_MIN	1
#define MAX_BYTES	((1ull << 63) - 1)

static void encode_text(struct nvme_id_ctrl *id,
			const struct nvme_ctrl_desc *d)
{
	weft_pad_copy(id->sn, sizeof(id->sn), d->serial, ' ');
	weft_pad_copy(id->mn, sizeof(id->mn), d->model, ' ');
	weft_pad_copy(id->fr, sizeof(id->fr), d->firmware, ' ');
	weft_pad_copy(id->subnqn, sizeof(id->subnqn), d->subnqn, 0);
}

static void encode_ana(struct nvme_id_ctrl *id, const struct nvme_ctrl_desc *d)
{
	id->anatt = d->anatt;
	id->anacap = d->anacap;
	id->anagrpmax = cpu_to_le32(d->anagrpmax);
	id->nanagrpid = cpu_to_le32(d->nanagrpid);
}

static void encode_fabrics(struct nvme_id_ctrl *id,
			   const struct nvme_ctrl_desc *d)
{
	id->ioccsz = cpu_to_le32(d->ioccsz);
	id->iorcsz = cpu_to_le32(d->iorcsz);
	id->icdoff = cpu_to_le16(d->icdoff);
	id->fcatt = d->fcatt;
	id->msdbd = d->msdbd;
}

static void encode_nvm(struct nvme_id_ctrl *id, const struct nvme_ctrl_desc *d)
{
	id->sqes = SQES_64;
	id->cqes = CQES_16;
	id->maxcmd = cpu_to_le16(d->maxcmd);
	id->nn = cpu_to_le32(d->nn);
	id->mnan = cpu_to_le32(d->mnan);
	id->oncs = cpu_to_le16(d->oncs);
	id->fuses = cpu_to_le16(d->fuses);
	id->vwc = d->vwc;
	id->acwu = cpu_to_le16(d->acwu);
	id->ocfs = cpu_to_le16(d->ocfs);
	id->sgls = cpu_to_le32(d->sgls);
}

void nvme_id_ctrl_encode(struct nvme_id_ctrl *id,
			 const struct nvme_ctrl_desc *d)
{
	memset(id, 0, sizeof(*id));
	encode_text(id, d);
	id->vid = cpu_to_le16(d->vid);
	id->ssvid = cpu_to_le16(d->ssvid);
	memcpy(id->ieee, d->ieee, sizeof(id->ieee));
	id->cntrltype = d->cntrltype;
	id->cntlid = cpu_to_le16(d->cntlid);
	id->ver = cpu_to_le32(d->version);
	id->cmic = d->cmic;
	id->mdts = d->mdts;
	id->oaes = cpu_to_le32(d->oaes);
	id->ctratt = cpu_to_le32(d->ctratt);
	id->kas = cpu_to_le16(d->kas);
	id->aerl = d->aerl;
	id->acl = d->acl;
	id->frmw = FRMW_ONE_RO;
	id->lpa = d->lpa;
	id->elpe = d->elpe;
	encode_nvm(id, d);
	encode_ana(id, d);
	encode_fabrics(id, d);
}

void nvme_nvm_limits_decode(const struct nvme_id_ctrl_nvm *id,
			    struct nvme_nvm_limits *l)
{
	l->wzsl = id->wzsl;
	l->dmrl = id->dmrl;
	l->dmrsl = le32_to_cpu(id->dmrsl);
	l->dmsl = le64_to_cpu(id->dmsl);
}

static void decode_nvm(struct nvme_ctrl_info *c, const struct nvme_id_ctrl *id)
{
	c->oacs = le16_to_cpu(id->oacs);
	c->aerl = id->aerl;
	c->lpa = id->lpa;
	c->mtfa = le16_to_cpu(id->mtfa);
	c->kas = le16_to_cpu(id->kas);
	c->maxcmd = le16_to_cpu(id->maxcmd);
	c->nn = le32_to_cpu(id->nn);
	c->mnan = le32_to_cpu(id->mnan);
	c->oncs = le16_to_cpu(id->oncs);
	c->fuses = le16_to_cpu(id->fuses);
	c->vwc = id->vwc;
	c->awupf = le16_to_cpu(id->awupf);
	c->acwu = le16_to_cpu(id->acwu);
	c->sgls = le32_to_cpu(id->sgls);
	c->anacap = id->anacap;
	c->anatt = id->anatt;
	c->anagrpmax = le32_to_cpu(id->anagrpmax);
	c->nanagrpid = le32_to_cpu(id->nanagrpid);
}

int nvme_id_ctrl_decode(const void *data, size_t len, struct nvme_ctrl_info *c,
			struct weft_reason *why)
{
	const struct nvme_id_ctrl *id = data;
	int i, n;

	if (len < sizeof(*id))
		return weft_fail(why, -EMSGSIZE,
				 "Identify Controller of %zu bytes: it has %zu",
				 len, sizeof(*id));
	n = weft_nqn_from_field(id->subnqn);
	if (n < 0)
		return weft_fail(why, -EPROTO,
				 "Identify Controller: subnqn has no end within its first %d bytes",
				 NVMF_NQN_MAX + 1);
	memset(c, 0, sizeof(*c));
	memcpy(c->subnqn, id->subnqn, n);
	weft_pad_text(c->serial, id->sn, sizeof(id->sn));
	weft_pad_text(c->model, id->mn, sizeof(id->mn));
	weft_pad_text(c->firmware, id->fr, sizeof(id->fr));
	c->vid = le16_to_cpu(id->vid);
	c->ssvid = le16_to_cpu(id->ssvid);
	c->cntlid = le16_to_cpu(id->cntlid);
	c->version = le32_to_cpu(id->ver);
	c->cmic = id->cmic;
	c->mdts = id->mdts;
	c->oaes = le32_to_cpu(id->oaes);
	c->ctratt = le32_to_cpu(id->ctratt);
	c->cntrltype = id->cntrltype;
	for (i = 0; i < 3; i++)
		c->crdt[i] = le16_to_cpu(id->crdt[i]);
	decode_nvm(c, id);
	c->ioccsz = le32_to_cpu(id->ioccsz);
	c->iorcsz = le32_to_cpu(id->iorcsz);
	c->icdoff = le16_to_cpu(id->icdoff);
	c->msdbd = id->msdbd;
	c->dctype = id->dctype;
	return 0;
}

int nvme_ctrl_info_check(const struct nvme_ctrl_info *c, u16 cntlid,
			 bool discovery, bool keep_alive,
			 struct weft_reason *why)
{
	if (c->cntlid != cntlid)
		return weft_fail(why, -EINVAL,
				 "cntlid=%u in Identify: Connect returned %u",
				 c->cntlid, cntlid);
	if (discovery)
		return 0;
	if (c->cntrltype == NVME_CNTRLTYPE_DISCOVERY)
		return weft_fail(why, -EINVAL,
				 "cntrltype=%u: it is a discovery controller, which takes the option discovery",
				 c->cntrltype);
	if (keep_alive && !c->kas)
		return weft_fail(why, -EINVAL,
				 "kas=0: the controller offers no keep-alive, which fabrics need");
	if (c->ioccsz < IOCCSZ_MIN)
		return weft_fail(why, -EINVAL,
				 "ioccsz=%u: a command capsule has at least %u units of 16 bytes",
				 c->ioccsz, IOCCSZ_MIN);
	if (c->iorcsz < IORCSZ_MIN)
		return weft_fail(why, -EINVAL,
				 "iorcsz=%u: a response capsule has at least %u unit of 16 bytes",
				 c->iorcsz, IORCSZ_MIN);
	if (c->icdoff > c->ioccsz - IOCCSZ_MIN)
		return weft_fail(why, -EINVAL,
				 "icdoff=%u: beyond the capsule's data of %u units of 16 bytes (ioccsz=%u)",
				 c->icdoff, c->ioccsz - IOCCSZ_MIN, c->ioccsz);
	return 0;
}

void nvme_id_ns_encode(struct nvme_id_ns *id, const struct nvme_ns_facts *f)
{
	memset(id, 0, sizeof(*id));
	id->nsze = cpu_to_le64(f->nsze);
	id->ncap = cpu_to_le64(f->ncap);
	id->nuse = cpu_to_le64(f->nuse);
	id->nsfeat = f->nsfeat;
	id->lbaf[0].ms = cpu_to_le16(f->ms);
	id->lbaf[0].lbads = f->lbads;
	if (f->metadata_extended)
		id->flbas = FLBAS_EXTENDED;
	if (f->ms)
		id->mc = f->metadata_extended ? MC_EXTENDED : MC_SEPARATE;
	id->nmic = f->nmic;
	id->rescap = f->rescap;
	id->dlfeat = f->dlfeat;
	id->nawupf = cpu_to_le16(f->nawupf);
	id->nacwu = cpu_to_le16(f->nacwu);
	id->nabo = cpu_to_le16(f->nabo);
	id->nabspf = cpu_to_le16(f->nabspf);
	id->noiob = cpu_to_le16(f->noiob);
	id->npwg = cpu_to_le16(f->npwg);
	id->npwa = cpu_to_le16(f->npwa);
	id->npdg = cpu_to_le16(f->npdg);
	id->npda = cpu_to_le16(f->npda);
	id->nows = cpu_to_le16(f->nows);
	id->mssrl = cpu_to_le16(f->mssrl);
	id->mcl = cpu_to_le32(f->mcl);
	id->msrc = f->msrc;
	id->anagrpid = cpu_to_le32(f->anagrpid);
	id->nsattr = f->nsattr;
	memcpy(id->nguid, f->nguid, sizeof(id->nguid));
	memcpy(id->eui64, f->eui64, sizeof(id->eui64));
}

/* Index of the format in use: bits 3:0, and 6:5 where the table is longer. */
static unsigned int format_index(const struct nvme_id_ns *id)
{
	unsigned int index = id->flbas & 0xf;

	if (id->nlbaf > 0xf)
		index |= (id->flbas >> 5 & 0x3) << 4;
	return index;
}

static int decode_format(const struct nvme_id_ns *id, struct nvme_ns_facts *f,
			 struct weft_reason *why)
{
	unsigned int index = format_index(id);

	if (index > id->nlbaf)
		return weft_fail(why, -EPROTO,
				 "flbas=0x%02x: format %u of a table that ends at %u",
				 id->flbas, index, id->nlbaf);
	f->ms = le16_to_cpu(id->lbaf[index].ms);
	f->lbads = id->lbaf[index].lbads;
	f->metadata_extended = f->ms && id->flbas & FLBAS_EXTENDED;
	if (f->lbads < LBADS_MIN || f->lbads > LBADS_MAX)
		return weft_fail(why, -EPROTO,
				 "lbads=%u: accepted block sizes are 2^%u to 2^%u bytes",
				 f->lbads, LBADS_MIN, LBADS_MAX);
	if (f->nsze > MAX_BYTES >> f->lbads)
		return weft_fail(why, -EPROTO,
				 "nsze=%llu: more than 2^63 bytes in blocks of 2^%u",
				 (unsigned long long)f->nsze, f->lbads);
	return 0;
}

int nvme_id_ns_decode(const void *data, size_t len, struct nvme_ns_facts *f,
		      struct weft_reason *why)
{
	const struct nvme_id_ns *id = data;

	memset(f, 0, sizeof(*f));
	if (len < sizeof(*id))
		return weft_fail(why, -EMSGSIZE,
				 "Identify Namespace of %zu bytes: it has %zu",
				 len, sizeof(*id));
	if (!id->nsze)
		return weft_fail(why, -ENODEV,
				 "nsze=0: the namespace is not active");
	f->nsze = le64_to_cpu(id->nsze);
	f->ncap = le64_to_cpu(id->ncap);
	f->nuse = le64_to_cpu(id->nuse);
	f->nmic = id->nmic;
	f->nsattr = id->nsattr;
	f->nsfeat = id->nsfeat;
	f->dlfeat = id->dlfeat;
	f->nawupf = le16_to_cpu(id->nawupf);
	f->nacwu = le16_to_cpu(id->nacwu);
	f->nabo = le16_to_cpu(id->nabo);
	f->nabspf = le16_to_cpu(id->nabspf);
	f->noiob = le16_to_cpu(id->noiob);
	f->npwg = le16_to_cpu(id->npwg);
	f->npwa = le16_to_cpu(id->npwa);
	f->npdg = le16_to_cpu(id->npdg);
	f->npda = le16_to_cpu(id->npda);
	f->nows = le16_to_cpu(id->nows);
	f->rescap = id->rescap;
	f->mssrl = le16_to_cpu(id->mssrl);
	f->mcl = le32_to_cpu(id->mcl);
	f->msrc = id->msrc;
	f->anagrpid = le32_to_cpu(id->anagrpid);
	memcpy(f->nguid, id->nguid, sizeof(f->nguid));
	memcpy(f->eui64, id->eui64, sizeof(f->eui64));
	return decode_format(id, f, why);
}

void nvme_id_ns_indep_encode(struct nvme_id_ns_indep *id,
			     const struct nvme_ns_facts *f)
{
	memset(id, 0, sizeof(*id));
	id->nmic = f->nmic;
	id->rescap = f->rescap;
	id->anagrpid = cpu_to_le32(f->anagrpid);
	id->nsattr = f->nsattr;
	id->nstat = NVME_NSTAT_READY;
}

int nvme_id_ns_indep_decode(const void *data, size_t len,
			    struct nvme_ns_facts *f, struct weft_reason *why)
{
	const struct nvme_id_ns_indep *id = data;

	if (len < sizeof(*id))
		return weft_fail(why, -EMSGSIZE,
				 "Identify Namespace of %zu bytes: it has %zu",
				 len, sizeof(*id));
	if (!(id->nstat & NVME_NSTAT_READY))
		return weft_fail(why, -EBUSY, "it is not ready (nstat=0x%02x)",
				 id->nstat);
	f->nmic = id->nmic;
	f->rescap = id->rescap;
	f->nsattr = id->nsattr;
	f->anagrpid = le32_to_cpu(id->anagrpid);
	return 0;
}

static u8 *put_desc(u8 *p, u8 type, const u8 *id, u8 n)
{
	p[0] = type;
	p[1] = n;
	memcpy(p + sizeof(struct nvme_ns_desc), id, n);
	return p + sizeof(struct nvme_ns_desc) + n;
}

void nvme_ns_descs_encode(u8 *out, const struct nvme_ns_facts *f)
{
	u8 *p = out;

	memset(out, 0, NVME_IDENTIFY_SIZE);
	if (!weft_id_is_zero(f->eui64, sizeof(f->eui64)))
		p = put_desc(p, NVME_NIDT_EUI64, f->eui64, sizeof(f->eui64));
	if (!weft_id_is_zero(f->nguid, sizeof(f->nguid)))
		p = put_desc(p, NVME_NIDT_NGUID, f->nguid, sizeof(f->nguid));
	if (!weft_id_is_zero(f->uuid, sizeof(f->uuid)))
		p = put_desc(p, NVME_NIDT_UUID, f->uuid, sizeof(f->uuid));
	put_desc(p, NVME_NIDT_CSI, &f->csi, sizeof(f->csi));
}

/* Where a descriptor of @type goes and how long it is; 0 = unknown type. */
static size_t desc_place(struct nvme_ns_facts *f, u8 type, u8 **to)
{
	switch (type) {
	case NVME_NIDT_EUI64:
		*to = f->eui64;
		return sizeof(f->eui64);
	case NVME_NIDT_NGUID:
		*to = f->nguid;
		return sizeof(f->nguid);
	case NVME_NIDT_UUID:
		*to = f->uuid;
		return sizeof(f->uuid);
	case NVME_NIDT_CSI:
		*to = &f->csi;
		return sizeof(f->csi);
	default:
		return 0;
	}
}

int nvme_ns_descs_decode(const void *data, size_t len, struct nvme_ns_facts *f,
			 struct weft_reason *why)
{
	struct nvme_ns_facts got = *f;
	const u8 *p = data;
	size_t pos = 0;

	while (len - pos >= sizeof(struct nvme_ns_desc)) {
		u8 type = p[pos], n = p[pos + 1];
		size_t want;
		u8 *to;

		/* this ends the list, whatever its type */
		if (!n)
			break;
		want = desc_place(&got, type, &to);
		pos += sizeof(struct nvme_ns_desc);
		if (n > len - pos)
			return weft_fail(why, -EPROTO,
					 "namespace descriptor type %u: %u bytes, but the list ends after %zu",
					 type, n, len - pos);
		if (want && n != want)
			return weft_fail(why, -EPROTO,
					 "namespace descriptor type %u: %u bytes, it has %zu",
					 type, n, want);
		if (want)
			memcpy(to, p + pos, want);
		pos += n;
	}
	*f = got;
	return 0;
}

int nvme_nsid_list_decode(const void *data, size_t len, u32 after, u32 *out,
			  struct weft_reason *why)
{
	const u8 *p = data;
	int n;

	if (len < NVME_IDENTIFY_SIZE)
		return weft_fail(why, -EMSGSIZE,
				 "namespace list of %zu bytes: it has %u",
				 len, NVME_IDENTIFY_SIZE);
	for (n = 0; n < NVME_NSID_LIST_MAX; n++) {
		__le32 le;
		u32 nsid;

		memcpy(&le, p + n * sizeof(le), sizeof(le));
		nsid = le32_to_cpu(le);
		if (!nsid)
			break;
		if (nsid <= after)
			return weft_fail(why, -EPROTO,
					 "namespace list: entry %d is %u after %u, ids must ascend",
					 n, nsid, after);
		if (nsid == NVME_NSID_ALL)
			return weft_fail(why, -EPROTO,
					 "namespace list: entry %d is the broadcast id 0x%x",
					 n, nsid);
		out[n] = nsid;
		after = nsid;
	}
	return n;
}

void nvme_nsid_list_encode(__le32 *out, const u32 *nsids, unsigned int n)
{
	unsigned int i;

	memset(out, 0, NVME_IDENTIFY_SIZE);
	for (i = 0; i < n && i < NVME_NSID_LIST_MAX; i++)
		out[i] = cpu_to_le32(nsids[i]);
}
