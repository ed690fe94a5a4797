// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Set Features and Get Features: a table of features, each with what it
 * accepts and where its value is kept. None is saved over a reset, none is per
 * namespace. On the controller's home.
 */
#include "target/nvmf/internal.h"

#define FEAT_CHANGEABLE	(1u << 0)
#define FEAT_DISC	(1u << 1)	/* discovery controllers have it */
#define FEAT_NS		(1u << 2)	/* a value per namespace */

enum { SELECT_CURRENT, SELECT_DEFAULT, SELECT_SAVED, SELECT_CAPABILITIES };
#define CAPABILITY_NS		(1u << 1)
#define CAPABILITY_CHANGEABLE	(1u << 2)
#define RESV_MASK_BITS		0x0eu	/* one per enum nvme_resv_notice */

#define HOST_BEHAVIOR_BYTES	512
#define HOST_ID_BYTES		16
#define HOST_ID_EXHID		(1u << 0)
#define VWC_ENABLED		(1u << 0)
#define ARBITRATION_BITS	0xffffff07u
#define POWER_STATE_BITS	0x1fu
#define TEMP_SELECT(cdw11)	((cdw11) >> 16 & 0xf)
#define TEMP_TYPE(cdw11)	((cdw11) >> 20 & 0x3)
#define TEMP_ALL_SENSORS	0xf
#define TEMP_OVER_DEFAULT	0xffff
#define ERROR_DULBE		(1u << 16)

/**
 * struct feature - one row
 * @bytes: data that goes with it
 * @set: @cdw11 and the data are the host's; NULL with FEAT_CHANGEABLE unset
 * @get: DW0; @def: the default instead of the current value
 * @get_data: the data; may be NULL
 * @run: instead of all these, for what the control reactor knows
 */
struct feature {
	u8 fid;
	u8 flags;
	u16 bytes;
	nvme_status (*set)(struct nvmf_request *req, u32 cdw11);
	u32 (*get)(struct nvmf_request *req, u32 cdw11, bool def);
	void (*get_data)(struct nvmf_request *req, u8 *data, bool def);
	void (*run)(struct nvmf_request *req, bool set);
};

static struct nvmf_ctrlr *ctrlr(const struct nvmf_request *req)
{
	return req->qpair->ctrlr;
}

static nvme_status bad_value(struct nvmf_request *req)
{
	return nvmf_request_bad(req, NVMF_LOC_CDW11,
				NVME_DNR(NVME_SC_INVALID_FIELD));
}

void nvmf_features_init(struct nvmf_ctrlr *c)
{
	memset(&c->features, 0, sizeof(c->features));
	c->features.temp_over = TEMP_OVER_DEFAULT;
}

static nvme_status set_arbitration(struct nvmf_request *req, u32 cdw11)
{
	ctrlr(req)->features.arbitration = cdw11 & ARBITRATION_BITS;
	return NVME_SC_SUCCESS;
}

static u32 get_arbitration(struct nvmf_request *req, u32 cdw11, bool def)
{
	(void)cdw11;
	return def ? 0 : ctrlr(req)->features.arbitration;
}

/* There is one power state, number 0 */
static nvme_status set_power(struct nvmf_request *req, u32 cdw11)
{
	if (cdw11 & POWER_STATE_BITS)
		return bad_value(req);
	ctrlr(req)->features.power = cdw11;
	return NVME_SC_SUCCESS;
}

static u32 get_power(struct nvmf_request *req, u32 cdw11, bool def)
{
	(void)cdw11;
	return def ? 0 : ctrlr(req)->features.power;
}

/* The composite temperature has two thresholds; sensors there are none */
static u32 *threshold(struct nvmf_request *req, u32 cdw11, bool set)
{
	struct nvmf_features *f = &ctrlr(req)->features;
	u32 select = TEMP_SELECT(cdw11);

	if (select && !(set && select == TEMP_ALL_SENSORS))
		return NULL;
	switch (TEMP_TYPE(cdw11)) {
	case 0:
		return &f->temp_over;
	case 1:
		return &f->temp_under;
	default:
		return NULL;
	}
}

static nvme_status set_temp_threshold(struct nvmf_request *req, u32 cdw11)
{
	u32 *t = threshold(req, cdw11, true);

	if (!t)
		return bad_value(req);
	*t = cdw11 & 0xffff;
	return NVME_SC_SUCCESS;
}

static u32 get_temp_threshold(struct nvmf_request *req, u32 cdw11, bool def)
{
	u32 *t = threshold(req, cdw11, false);

	if (!t)
		return 0;
	if (def)
		return t == &ctrlr(req)->features.temp_over ?
			TEMP_OVER_DEFAULT : 0;
	return *t;
}

/* Deallocated-block errors are not offered by any namespace */
static nvme_status set_error_recovery(struct nvmf_request *req, u32 cdw11)
{
	if (cdw11 & ERROR_DULBE)
		return bad_value(req);
	ctrlr(req)->features.error_recovery = cdw11 & 0xffff;
	return NVME_SC_SUCCESS;
}

static u32 get_error_recovery(struct nvmf_request *req, u32 cdw11, bool def)
{
	(void)cdw11;
	return def ? 0 : ctrlr(req)->features.error_recovery;
}

/* Whether a device caches is the device's to say; Flush and FUA are obeyed */
static u32 get_vwc(struct nvmf_request *req, u32 cdw11, bool def)
{
	(void)req;
	(void)cdw11;
	(void)def;
	return VWC_ENABLED;
}

static u32 get_num_queues(struct nvmf_request *req, u32 cdw11, bool def)
{
	u32 n = ctrlr(req)->opts.max_io_qpairs_per_ctrlr - 1;

	(void)cdw11;
	(void)def;
	return n << 16 | n;
}

static nvme_status set_num_queues(struct nvmf_request *req, u32 cdw11)
{
	/* FFFFh is not a count, and there is no more to agree on afterwards */
	if ((cdw11 & 0xffff) == 0xffff || cdw11 >> 16 == 0xffff)
		return bad_value(req);
	if (ctrlr(req)->nqpairs)
		return NVME_DNR(NVME_SC_CMD_SEQ_ERROR);
	req->cqe.result = cpu_to_le64(get_num_queues(req, 0, false));
	return NVME_SC_SUCCESS;
}

static nvme_status set_write_atomicity(struct nvmf_request *req, u32 cdw11)
{
	ctrlr(req)->features.write_atomicity = cdw11 & 1;
	return NVME_SC_SUCCESS;
}

static u32 get_write_atomicity(struct nvmf_request *req, u32 cdw11, bool def)
{
	(void)cdw11;
	return def ? 0 : ctrlr(req)->features.write_atomicity;
}

static nvme_status set_async_event(struct nvmf_request *req, u32 cdw11)
{
	struct nvmf_ctrlr *c = ctrlr(req);

	c->features.async_event = cdw11 & nvmf_ctrlr_events(c);
	nvmf_events_disabled(c);
	return NVME_SC_SUCCESS;
}

static u32 get_async_event(struct nvmf_request *req, u32 cdw11, bool def)
{
	(void)cdw11;
	return def ? 0 : ctrlr(req)->features.async_event;
}

static nvme_status set_kato(struct nvmf_request *req, u32 cdw11)
{
	nvmf_ctrlr_set_kato(ctrlr(req), cdw11);
	return NVME_SC_SUCCESS;
}

static u32 get_kato(struct nvmf_request *req, u32 cdw11, bool def)
{
	(void)cdw11;
	return def ? 0 : ctrlr(req)->kato_ms;
}

static nvme_status set_host_behavior(struct nvmf_request *req, u32 cdw11)
{
	u8 want[sizeof(ctrlr(req)->features.host_behavior)];
	size_t i;

	(void)cdw11;
	if (!nvmf_request_get_bytes(req, 0, want, sizeof(want)))
		return NVME_SC_DATA_XFER_ERROR;
	/* each is a switch: 0 or 1 */
	for (i = 0; i < sizeof(want); i++)
		if (want[i] > 1)
			return NVME_DNR(NVME_SC_INVALID_FIELD);
	memcpy(ctrlr(req)->features.host_behavior, want, sizeof(want));
	return NVME_SC_SUCCESS;
}

static u32 get_nothing(struct nvmf_request *req, u32 cdw11, bool def)
{
	(void)req;
	(void)cdw11;
	(void)def;
	return 0;
}

static void host_behavior_data(struct nvmf_request *req, u8 *data, bool def)
{
	if (!def)
		memcpy(data, ctrlr(req)->features.host_behavior,
		       sizeof(ctrlr(req)->features.host_behavior));
}

static u32 get_host_id(struct nvmf_request *req, u32 cdw11, bool def)
{
	(void)req;
	(void)def;
	return cdw11 & HOST_ID_EXHID;
}

static void host_id_data(struct nvmf_request *req, u8 *data, bool def)
{
	if (!def)
		memcpy(data, ctrlr(req)->hostid, HOST_ID_BYTES);
}

/* Per namespace; all of them at once can be set, but not asked for */

static nvme_status set_resv_mask(struct nvmf_request *req, u32 cdw11)
{
	u32 nsid = le32_to_cpu(req->cmd->sqe.nsid);
	struct nvmf_features *f = &ctrlr(req)->features;

	if (nsid == NVME_NSID_ALL)
		memset(f->resv_mask, cdw11 & RESV_MASK_BITS,
		       sizeof(f->resv_mask));
	else
		f->resv_mask[nsid] = cdw11 & RESV_MASK_BITS;
	return NVME_SC_SUCCESS;
}

static u32 get_resv_mask(struct nvmf_request *req, u32 cdw11, bool def)
{
	(void)cdw11;
	return def ? 0 : ctrlr(req)->features.
		resv_mask[le32_to_cpu(req->cmd->sqe.nsid)];
}

static nvme_status check_nsid(struct nvmf_request *req,
			      const struct feature *f, bool set)
{
	u32 nsid = le32_to_cpu(req->cmd->sqe.nsid);

	if (!(f->flags & FEAT_NS)) {
		if (!set || !nsid || nsid == NVME_NSID_ALL)
			return NVME_SC_SUCCESS;
		return nvmf_request_bad(req, NVMF_LOC_NSID,
				NVME_DNR(NVME_SC_FEATURE_NOT_PER_NS));
	}
	if (nsid == NVME_NSID_ALL && set && !f->run)
		return NVME_SC_SUCCESS;
	return nvmf_ctrlr_ns(ctrlr(req), nsid) ? NVME_SC_SUCCESS :
		nvmf_request_bad(req, NVMF_LOC_NSID,
				 NVME_DNR(NVME_SC_INVALID_NS));
}

static const struct feature features[] = {
	{ NVME_FEAT_ARBITRATION, FEAT_CHANGEABLE, 0,
	  set_arbitration, get_arbitration, NULL, NULL },
	{ NVME_FEAT_POWER, FEAT_CHANGEABLE, 0, set_power, get_power, NULL, NULL },
	{ NVME_FEAT_TEMP_THRESHOLD, FEAT_CHANGEABLE, 0,
	  set_temp_threshold, get_temp_threshold, NULL, NULL },
	{ NVME_FEAT_ERROR_RECOVERY, FEAT_CHANGEABLE, 0,
	  set_error_recovery, get_error_recovery, NULL, NULL },
	{ NVME_FEAT_VWC, 0, 0, NULL, get_vwc, NULL, NULL },
	{ NVME_FEAT_NUM_QUEUES, FEAT_CHANGEABLE, 0,
	  set_num_queues, get_num_queues, NULL, NULL },
	{ NVME_FEAT_WRITE_ATOMICITY, FEAT_CHANGEABLE, 0,
	  set_write_atomicity, get_write_atomicity, NULL, NULL },
	{ NVME_FEAT_ASYNC_EVENT, FEAT_CHANGEABLE | FEAT_DISC, 0,
	  set_async_event, get_async_event, NULL, NULL },
	{ NVME_FEAT_KATO, FEAT_CHANGEABLE | FEAT_DISC, 0,
	  set_kato, get_kato, NULL, NULL },
	{ NVME_FEAT_HOST_BEHAVIOR, FEAT_CHANGEABLE, HOST_BEHAVIOR_BYTES,
	  set_host_behavior, get_nothing, host_behavior_data, NULL },
	{ NVME_FEAT_HOST_ID, FEAT_DISC, HOST_ID_BYTES,
	  NULL, get_host_id, host_id_data, NULL },
	{ NVME_FEAT_RESV_MASK, FEAT_CHANGEABLE | FEAT_NS, 0,
	  set_resv_mask, get_resv_mask, NULL, NULL },
	{ NVME_FEAT_RESV_PERSIST, FEAT_CHANGEABLE | FEAT_NS, 0,
	  NULL, NULL, NULL, nvmf_resv_ptpl_execute },
};

static const struct feature *find(const struct nvmf_request *req)
{
	u8 fid = le32_to_cpu(req->cmd->sqe.cdw10) & 0xff;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (features[i].fid == fid && (features[i].flags & FEAT_DISC ||
					       !ctrlr(req)->discovery))
			return &features[i];
	return NULL;
}

static nvme_status unknown(struct nvmf_request *req)
{
	return nvmf_request_bad(req, NVMF_LOC_CDW10,
				NVME_DNR(NVME_SC_INVALID_FIELD));
}

nvme_status nvmf_set_features_parse(struct nvmf_request *req)
{
	const struct nvme_sqe *sqe = &req->cmd->sqe;
	const struct feature *f = find(req);
	nvme_status st;

	if (!f)
		return unknown(req);
	st = check_nsid(req, f, true);
	if (st)
		return st;
	if (le32_to_cpu(sqe->cdw10) & NVME_FEAT_SAVE)
		return nvmf_request_bad(req, NVMF_LOC_CDW10 + 3,
					NVME_DNR(NVME_SC_FEATURE_NOT_SAVEABLE));
	/* it has come with Connect */
	if (f->fid == NVME_FEAT_HOST_ID)
		return nvmf_request_bad(req, NVMF_LOC_CDW10,
					NVME_DNR(NVME_SC_CMD_SEQ_ERROR));
	/* the value that cannot be changed may be set to what it is */
	if (!(f->flags & FEAT_CHANGEABLE) &&
	    le32_to_cpu(sqe->cdw11) != f->get(req, 0, false))
		return nvmf_request_bad(req, NVMF_LOC_CDW10,
				NVME_DNR(NVME_SC_FEATURE_NOT_CHANGEABLE));
	req->length = f->bytes;
	return NVME_SC_SUCCESS;
}

void nvmf_set_features_execute(struct nvmf_request *req)
{
	const struct feature *f = find(req);
	nvme_status st = NVME_SC_SUCCESS;

	if (f->run) {
		f->run(req, true);
		return;
	}
	if (f->set)
		st = f->set(req, le32_to_cpu(req->cmd->sqe.cdw11));
	nvmf_request_complete(req, st);
}

static u32 selection(const struct nvmf_request *req)
{
	return le32_to_cpu(req->cmd->sqe.cdw10) >> 8 & 0x7;
}

nvme_status nvmf_get_features_parse(struct nvmf_request *req)
{
	u32 cdw11 = le32_to_cpu(req->cmd->sqe.cdw11);
	const struct feature *f = find(req);
	nvme_status st;

	if (!f)
		return unknown(req);
	if (selection(req) > SELECT_CAPABILITIES)
		return nvmf_request_bad(req, NVMF_LOC_CDW10 + 1,
					NVME_DNR(NVME_SC_INVALID_FIELD));
	if (selection(req) == SELECT_CAPABILITIES)
		return NVME_SC_SUCCESS;
	st = check_nsid(req, f, false);
	if (st)
		return st;
	if (f->fid == NVME_FEAT_TEMP_THRESHOLD && !threshold(req, cdw11, false))
		return bad_value(req);
	/* fabrics knows 128-bit host identifiers only */
	if (f->fid == NVME_FEAT_HOST_ID && !(cdw11 & HOST_ID_EXHID))
		return bad_value(req);
	req->length = f->bytes;
	return NVME_SC_SUCCESS;
}

void nvmf_get_features_execute(struct nvmf_request *req)
{
	u32 cdw11 = le32_to_cpu(req->cmd->sqe.cdw11);
	const struct feature *f = find(req);
	bool def = selection(req) != SELECT_CURRENT;
	u8 data[HOST_BEHAVIOR_BYTES] = { 0 };
	nvme_status st = NVME_SC_SUCCESS;
	u32 result;

	if (selection(req) == SELECT_CAPABILITIES) {
		result = (f->flags & FEAT_CHANGEABLE ?
			  CAPABILITY_CHANGEABLE : 0) |
			 (f->flags & FEAT_NS ? CAPABILITY_NS : 0);
	} else if (f->run && !def) {
		f->run(req, false);
		return;
	} else if (f->run) {
		result = 0;
	} else {
		/* nothing is saved, so what is saved is the default */
		result = f->get(req, cdw11, def);
		if (f->get_data)
			f->get_data(req, data, def);
		if (f->bytes && !nvmf_request_put_data(req, 0, data, f->bytes))
			st = NVME_SC_DATA_XFER_ERROR;
	}
	req->cqe.result = cpu_to_le64(result);
	nvmf_request_complete(req, st);
}

void nvmf_features_effects(struct nvmf_ctrlr *c, u8 *page)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		const struct feature *f = &features[i];
		__le32 e = cpu_to_le32(NVME_FID_EFFECTS_SUPPORTED |
				       (f->flags & FEAT_NS ?
					NVME_FID_EFFECTS_SCOPE_NS :
					NVME_FID_EFFECTS_SCOPE_CTRL));

		if (!c->discovery || f->flags & FEAT_DISC)
			memcpy(page + f->fid * sizeof(e), &e, sizeof(e));
	}
}
