// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The way up and down of a controller as a table of steps, one command each:
 * Connect, CAP, VS, CRTO, CC.EN, CSTS.RDY, Identify, queues, events; and CC.SHN,
 * CSTS.SHST. On the admin queue's thread, driven by ini_ctrlr_poll().
 */
#include <stdarg.h>

#include "tools/initiator/internal.h"

#include "common/connect.h"
#include "common/queue.h"
#include "common/regs.h"

#define PAGE_SHIFT	12
#define SHUTDOWN_MS	10000
#define PAUSE_MAX_MS	100
#define EVENTS_WANTED	(NVME_OAES_NS_ATTR | NVME_OAES_ANA | \
			 NVME_OAES_DISC_CHANGE)

/* What a step's answer leads to */
enum outcome { NEXT, AGAIN, BROKEN };

/**
 * struct step - one command of the way
 * @wanted: is it needed? NULL: always
 * @send: @done: give the command; judge its answer (BROKEN: it has failed the
 *        controller)
 */
struct step {
	const char *name;
	bool (*wanted)(const struct ini_ctrlr *c);
	int (*send)(struct ini_ctrlr *c, ini_done done);
	enum outcome (*done)(struct ini_ctrlr *c, nvme_status status,
			     u64 result);
};

static const struct step way_up[];
static const struct step way_down[];

static const struct step *current(const struct ini_ctrlr *c)
{
	return (c->closing ? way_down : way_up) + c->step;
}

void ini_ctrlr_fail(struct ini_ctrlr *c, int err, const char *fmt, ...)
{
	char text[WEFT_REASON_MAX];
	va_list ap;

	if (c->state == INI_FAILED)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->error = weft_fail(&c->reason, err < 0 ? err : -EIO, "%s", text);
	c->state = INI_FAILED;
	c->work++;
}

static enum outcome broken(struct ini_ctrlr *c, nvme_status status)
{
	ini_ctrlr_fail(c, nvme_status_to_errno(status), "%s: %s (status %#x)",
		       current(c)->name, nvme_status_name(status, true),
		       status);
	return BROKEN;
}

/* --- Connect, of any queue -------------------------------------------------- */

int ini_connect_queue(struct ini_queue *q, ini_done done, void *ctx)
{
	const struct weft_connstr *o = &q->ctrlr->opts.conn;
	union nvme_cmd cmd;

	nvmf_connect_data_encode(q->connect_data, o->hostid,
				 q->qid ? q->ctrlr->cntlid :
					  NVMF_CNTLID_DYNAMIC,
				 o->nqn, o->hostnqn);
	nvme_cmd_connect(&cmd, q->qid, (u16)(q->sqsize - 1),
			 o->disable_sqflow ? NVMF_CATTR_DISABLE_SQFLOW : 0,
			 q->qid ? 0 : (u32)o->keep_alive_tmo * 1000);
	return ini_submit_buf(q, &cmd, q->connect_data,
			      sizeof(*q->connect_data), done, ctx);
}

bool ini_connect_done(struct ini_queue *q, nvme_status status, u64 result)
{
	char text[160];
	struct weft_text t;

	if (status) {
		weft_text_init(&t, text, sizeof(text));
		nvmf_connect_explain(status, (u32)result, &t);
		ini_queue_fail(q, nvme_status_to_errno(status), "Connect: %s",
			       text);
		return false;
	}
	if (result & (NVMF_CONNECT_AUTHREQ_ATR | NVMF_CONNECT_AUTHREQ_ASCR)) {
		ini_queue_fail(q, -ENOKEY,
			       "Connect: the target wants authentication, which this host does not offer");
		return false;
	}
	return true;
}

/* --- steps ------------------------------------------------------------------ */

static int send_connect(struct ini_ctrlr *c, ini_done done)
{
	return ini_connect_queue(c->admin, done, c);
}

static enum outcome connect_done(struct ini_ctrlr *c, nvme_status status,
				 u64 result)
{
	if (!ini_connect_done(c->admin, status, result))
		return BROKEN;
	c->admin->state = INI_LIVE;
	c->cntlid = (u16)result;
	return NEXT;
}

static int get_property(struct ini_ctrlr *c, u32 offset, bool eight,
			ini_done done)
{
	union nvme_cmd cmd;

	nvme_cmd_property_get(&cmd, offset, eight);
	return ini_submit_buf(c->admin, &cmd, NULL, 0, done, c);
}

static int set_cc(struct ini_ctrlr *c, u32 extra, ini_done done)
{
	union nvme_cmd cmd;
	u32 cc;

	/* fails only before it was checked: send_enable() */
	if (nvme_host_cc(c->cap, PAGE_SHIFT, &cc, NULL))
		return -ENODEV;
	nvme_cmd_property_set(&cmd, NVME_REG_CC, false, cc | extra);
	return ini_submit_buf(c->admin, &cmd, NULL, 0, done, c);
}

static int send_cap(struct ini_ctrlr *c, ini_done done)
{
	return get_property(c, NVME_REG_CAP, true, done);
}

static enum outcome cap_done(struct ini_ctrlr *c, nvme_status status,
			     u64 result)
{
	struct weft_reason why;
	u32 cc;

	if (status)
		return broken(c, status);
	c->cap = result;
	c->crto = 0;
	if (!nvme_host_cc(c->cap, PAGE_SHIFT, &cc, &why))
		return NEXT;
	ini_ctrlr_fail(c, -ENODEV, "%s", why.text);
	return BROKEN;
}

static int send_vs(struct ini_ctrlr *c, ini_done done)
{
	return get_property(c, NVME_REG_VS, false, done);
}

static enum outcome vs_done(struct ini_ctrlr *c, nvme_status status, u64 result)
{
	if (status)
		return broken(c, status);
	c->vs = (u32)result;
	return NEXT;
}

static bool has_crto(const struct ini_ctrlr *c)
{
	return c->cap & NVME_CAP_CRWMS;
}

static int send_crto(struct ini_ctrlr *c, ini_done done)
{
	return get_property(c, NVME_REG_CRTO, false, done);
}

static enum outcome crto_done(struct ini_ctrlr *c, nvme_status status,
			      u64 result)
{
	if (status)
		return broken(c, status);
	c->crto = (u32)result;
	return NEXT;
}

static int send_enable(struct ini_ctrlr *c, ini_done done)
{
	c->ready_by = c->now + nvme_host_ready_ms(c->cap, c->crto) * INI_MS;
	return set_cc(c, 0, done);
}

static enum outcome plain_done(struct ini_ctrlr *c, nvme_status status,
			       u64 result)
{
	(void)result;
	return status ? broken(c, status) : NEXT;
}

static int send_csts(struct ini_ctrlr *c, ini_done done)
{
	return get_property(c, NVME_REG_CSTS, false, done);
}

static enum outcome ready_done(struct ini_ctrlr *c, nvme_status status,
			       u64 result)
{
	if (status)
		return broken(c, status);
	if (result & NVME_CSTS_CFS)
		ini_ctrlr_fail(c, -ENODEV,
			       "enable: the controller reports a fatal status (CSTS %#x)",
			       (u32)result);
	else if (result & NVME_CSTS_RDY)
		return NEXT;
	else if (c->now < c->ready_by)
		return AGAIN;
	else
		ini_ctrlr_fail(c, -ETIMEDOUT,
			       "enable: not ready after %u ms (CSTS %#x)",
			       nvme_host_ready_ms(c->cap, c->crto), (u32)result);
	return BROKEN;
}

static int send_identify(struct ini_ctrlr *c, ini_done done)
{
	return ini_identify(c->admin, NVME_CNS_CTRL, 0, 0, 0, c->data, done, c);
}

static enum outcome identify_done(struct ini_ctrlr *c, nvme_status status,
				  u64 result)
{
	struct weft_reason why;
	int err;

	(void)result;
	if (status)
		return broken(c, status);
	err = nvme_id_ctrl_decode(c->data, NVME_IDENTIFY_SIZE, &c->info, &why);
	if (!err)
		err = nvme_ctrl_info_check(&c->info, c->cntlid, c->discovery,
					   c->opts.conn.keep_alive_tmo > 0,
					   &why);
	if (!err)
		return NEXT;
	ini_ctrlr_fail(c, err, "Identify Controller: %s", why.text);
	return BROKEN;
}

static u32 queues_wanted(const struct ini_ctrlr *c)
{
	return c->opts.conn.nr_io_queues ?
	       (u32)c->opts.conn.nr_io_queues : 1;
}

static bool has_io_queues(const struct ini_ctrlr *c)
{
	return !c->discovery && c->info.cntrltype != NVME_CNTRLTYPE_ADMIN;
}

static int set_feature(struct ini_ctrlr *c, u8 fid, u32 cdw11, ini_done done)
{
	union nvme_cmd cmd;

	nvme_cmd_set_features(&cmd, fid, 0, cdw11, 0);
	return ini_submit_buf(c->admin, &cmd, NULL, 0, done, c);
}

static int send_queues(struct ini_ctrlr *c, ini_done done)
{
	return set_feature(c, NVME_FEAT_NUM_QUEUES,
			   nvme_num_queues_cdw11(queues_wanted(c)), done);
}

static enum outcome queues_done(struct ini_ctrlr *c, nvme_status status,
				u64 result)
{
	if (status)
		return broken(c, status);
	c->io_queues = nvme_num_queues_granted((u32)result, queues_wanted(c));
	return NEXT;
}

static bool has_events(const struct ini_ctrlr *c)
{
	return c->opts.event && c->info.oaes & EVENTS_WANTED;
}

static int send_events(struct ini_ctrlr *c, ini_done done)
{
	return set_feature(c, NVME_FEAT_ASYNC_EVENT,
			   c->info.oaes & EVENTS_WANTED, done);
}

/* A controller that does not take the mask reports what it likes. */
static enum outcome events_done(struct ini_ctrlr *c, nvme_status status,
				u64 result)
{
	(void)c;
	(void)status;
	(void)result;
	return NEXT;
}

static int send_shutdown(struct ini_ctrlr *c, ini_done done)
{
	c->ready_by = c->now + SHUTDOWN_MS * INI_MS;
	return set_cc(c, NVME_CC_SHN_NORMAL, done);
}

static enum outcome shutdown_done(struct ini_ctrlr *c, nvme_status status,
				  u64 result)
{
	if (status)
		return broken(c, status);
	if ((result & NVME_CSTS_SHST_MASK) == NVME_CSTS_SHST_COMPLETE ||
	    result & NVME_CSTS_CFS)
		return NEXT;
	if (c->now < c->ready_by)
		return AGAIN;
	ini_ctrlr_fail(c, -ETIMEDOUT,
		       "shutdown: not complete after %d ms (CSTS %#x)",
		       SHUTDOWN_MS, (u32)result);
	return BROKEN;
}

static const struct step way_up[] = {
	{ "Connect", NULL, send_connect, connect_done },
	{ "Property Get CAP", NULL, send_cap, cap_done },
	{ "Property Get VS", NULL, send_vs, vs_done },
	{ "Property Get CRTO", has_crto, send_crto, crto_done },
	{ "Property Set CC", NULL, send_enable, plain_done },
	{ "Property Get CSTS", NULL, send_csts, ready_done },
	{ "Identify Controller", NULL, send_identify, identify_done },
	{ "Set Features Number of Queues", has_io_queues, send_queues,
	  queues_done },
	{ "Set Features Asynchronous Event Configuration", has_events,
	  send_events, events_done },
	{ .name = NULL }
};

static const struct step way_down[] = {
	{ "Property Set CC", NULL, send_shutdown, plain_done },
	{ "Property Get CSTS", NULL, send_csts, shutdown_done },
	{ .name = NULL }
};

/* --- walking ---------------------------------------------------------------- */

void ini_setup_start(struct ini_ctrlr *c, bool closing)
{
	c->closing = closing;
	c->step = 0;
	c->busy = false;
	c->at = 0;
	c->pause_ms = 1;
}

static void step_answered(void *ctx, nvme_status status, u64 result)
{
	struct ini_ctrlr *c = ctx;

	c->busy = false;
	c->work++;
	/* the queue has failed: its reason counts, not this status */
	if (c->admin->failed)
		return;
	switch (current(c)->done(c, status, result)) {
	case NEXT:
		c->step++;
		c->pause_ms = 1;
		break;
	case AGAIN:
		c->at = c->now + c->pause_ms * INI_MS;
		if (c->pause_ms < PAUSE_MAX_MS)
			c->pause_ms *= 2;
		break;
	case BROKEN:
		break;
	}
}

void ini_setup_poll(struct ini_ctrlr *c)
{
	const struct step *s;
	int err;

	if (c->busy || !c->admin->up || c->admin->failed || c->now < c->at)
		return;
	while (current(c)->name && current(c)->wanted &&
	       !current(c)->wanted(c))
		c->step++;
	s = current(c);
	if (!s->name) {
		c->state = c->closing ? INI_CLOSED : INI_LIVE;
		c->work++;
		return;
	}
	c->busy = true;
	err = s->send(c, step_answered);
	if (err)
		ini_ctrlr_fail(c, err, "%s could not be sent (%s)", s->name,
			       strerror(-err));
}
