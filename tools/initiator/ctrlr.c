// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Controllers: options, life, keep-alive, asynchronous events. On the thread
 * that polls the controller; I/O queues on other threads only read it.
 */
#include <sys/random.h>

#include "tools/initiator/internal.h"

/* Common options that say something to the kernel's host only */
#define NOT_OURS	(WEFT_OPT_BIT(WEFT_OPT_DUPLICATE_CONNECT) | \
			 WEFT_OPT_BIT(WEFT_OPT_FAST_IO_FAIL_TMO))

static void make_names(struct weft_connstr *c)
{
	u8 uuid[WEFT_UUID_BYTES];
	char text[WEFT_UUID_LEN + 1];

	if (!weft_connstr_given(c, WEFT_OPT_HOSTID)) {
		if (getrandom(uuid, sizeof(uuid), 0) != sizeof(uuid))
			memset(uuid, 0x5a, sizeof(uuid));
		/* version 4, variant 1 */
		uuid[6] = (uuid[6] & 0x0f) | 0x40;
		uuid[8] = (uuid[8] & 0x3f) | 0x80;
		memcpy(c->hostid, uuid, sizeof(uuid));
	}
	if (weft_connstr_given(c, WEFT_OPT_HOSTNQN))
		return;
	weft_uuid_format(c->hostid, text);
	snprintf(c->hostnqn, sizeof(c->hostnqn), NVMF_UUID_NQN_PREFIX "%s",
		 text);
}

int ini_opts_init(struct ini_opts *o, const struct weft_connstr *c,
		  struct weft_reason *why)
{
	const struct ini_transport_ops *ops = ini_transport(c->transport);
	u32 refused = c->given & NOT_OURS;
	int err;

	memset(o, 0, sizeof(*o));
	if (!ops)
		return weft_fail(why, -EINVAL,
				 "transport=%s: rdma or tcp is accepted",
				 c->transport);
	err = weft_connstr_check(c, ops->required, ops->allowed, why);
	if (err)
		return err;
	if (refused)
		return weft_fail(why, -EINVAL,
				 "%s: not supported by the userspace initiator",
				 weft_opt_info((unsigned int)
					       __builtin_ctz(refused))->token);
	o->conn = *c;
	make_names(&o->conn);
	return 0;
}

u32 ini_opts_taken(void)
{
	return (WEFT_OPTS_COMMON | ini_tcp_ops.allowed | ini_rdma_ops.allowed) &
	       ~NOT_OURS;
}

/* --- keep-alive and events ---------------------------------------------------- */

static u64 ka_interval(const struct ini_ctrlr *c)
{
	return (u64)c->opts.conn.keep_alive_tmo * 1000 * INI_MS / 2;
}

static void ka_done(void *ctx, nvme_status status, u64 result)
{
	struct ini_ctrlr *c = ctx;

	(void)result;
	c->ka_busy = false;
	c->ka_at = c->now + ka_interval(c);
	if (status && !c->admin->failed)
		ini_queue_fail(c->admin, nvme_status_to_errno(status),
			       "Keep Alive: %s",
			       nvme_status_name(status, false));
}

static void keep_alive(struct ini_ctrlr *c)
{
	union nvme_cmd cmd;

	if (!c->opts.conn.keep_alive_tmo)
		return;
	if (!c->ka_at)
		c->ka_at = c->now + ka_interval(c);
	if (c->now < c->ka_at)
		return;
	if (c->ka_busy) {
		ini_queue_fail(c->admin, -ETIMEDOUT,
			       "Keep Alive: no answer within %d s",
			       c->opts.conn.keep_alive_tmo);
		return;
	}
	nvme_cmd_keep_alive(&cmd);
	if (ini_submit_buf(c->admin, &cmd, NULL, 0, ka_done, c))
		return;		/* the queue is full: the next poll tries again */
	c->ka_busy = true;
	c->ka_at = c->now + 2 * ka_interval(c);
}

static void aer_done(void *ctx, nvme_status status, u64 result)
{
	struct ini_ctrlr *c = ctx;

	/* a refused one is not sent again, or we would spin */
	if (status)
		return;
	c->aers--;
	c->opts.event(c->opts.ctx, (u32)result);
}

static void ask_for_events(struct ini_ctrlr *c)
{
	u32 wanted = c->info.aerl + 1u;
	union nvme_cmd cmd;

	if (!c->opts.event)
		return;
	if (wanted > NVME_MAX_AERS)
		wanted = NVME_MAX_AERS;
	nvme_cmd_async_event(&cmd);
	while (c->aers < wanted &&
	       !ini_submit_buf(c->admin, &cmd, NULL, 0, aer_done, c))
		c->aers++;
}

/* --- life ---------------------------------------------------------------------- */

static void begin(struct ini_ctrlr *c)
{
	c->state = INI_CONNECTING;
	c->error = 0;
	c->reason.text[0] = '\0';
	c->io_queues = 0;
	c->aers = 0;
	c->ka_at = 0;
	c->ka_busy = false;
	memset(&c->info, 0, sizeof(c->info));
	ini_setup_start(c, false);
}

static int check_opts(const struct ini_opts *o, struct weft_reason *why)
{
	if (o->maxr2t > 8)
		return weft_fail(why, -EINVAL,
				 "maxr2t=%u: accepted range is 1-8", o->maxr2t);
	if (o->hpda > 31)
		return weft_fail(why, -EINVAL,
				 "hpda=%u: accepted range is 0-31", o->hpda);
	if (!o->conn.hostnqn[0])
		return weft_fail(why, -EINVAL, "hostnqn: missing");
	return 0;
}

int ini_ctrlr_create(const struct ini_opts *o, struct ini_ctrlr **out,
		     struct weft_reason *why)
{
	const struct ini_transport_ops *ops = ini_transport(o->conn.transport);
	struct ini_ctrlr *c;
	int err = check_opts(o, why);

	*out = NULL;
	if (err)
		return err;
	if (!ops)
		return weft_fail(why, -EINVAL,
				 "transport=%s: rdma or tcp is accepted",
				 o->conn.transport);
	c = calloc(1, sizeof(*c));
	if (!c)
		return weft_fail(why, -ENOMEM, "out of memory");
	c->opts = *o;
	c->ops = ops;
	if (!c->opts.connect_ms)
		c->opts.connect_ms = INI_CONNECT_MS_DEFAULT;
	if (!c->opts.timeout_ms)
		c->opts.timeout_ms = INI_TIMEOUT_MS_DEFAULT;
	if (!c->opts.maxr2t)
		c->opts.maxr2t = INI_MAXR2T_DEFAULT;
	c->discovery = weft_connstr_is_discovery(&c->opts.conn);
	c->data = calloc(1, NVME_IDENTIFY_SIZE);
	begin(c);
	if (!c->data)
		err = weft_fail(why, -ENOMEM, "out of memory");
	else
		err = ini_queue_new(c, 0, NVMF_AQ_DEPTH, &c->admin, why);
	if (err) {
		ini_ctrlr_destroy(c);
		return err;
	}
	*out = c;
	return 0;
}

int ini_ctrlr_poll(struct ini_ctrlr *c, u64 now)
{
	c->now = now;
	c->work = 0;
	if (c->state == INI_CLOSED || c->state == INI_FAILED)
		return 0;
	c->admin->now = now;
	if (c->state == INI_LIVE) {
		ask_for_events(c);
		keep_alive(c);
	} else {
		ini_setup_poll(c);
	}
	c->work += (u32)ini_queue_poll(c->admin, now);
	if (c->admin->state == INI_FAILED)
		ini_ctrlr_fail(c, c->admin->error, "%s",
			       c->admin->reason.text);
	if (c->state == INI_CLOSED ||
	    (c->state == INI_FAILED && c->admin->state != INI_FAILED))
		ini_queue_close(c->admin, c->state);
	return (int)c->work;
}

int ini_ctrlr_reconnect(struct ini_ctrlr *c, struct weft_reason *why)
{
	int err;

	begin(c);
	err = ini_queue_reconnect(c->admin, why);
	if (err)
		ini_ctrlr_fail(c, err, "%s", c->admin->reason.text);
	return err;
}

void ini_ctrlr_shutdown(struct ini_ctrlr *c)
{
	if (c->state != INI_LIVE) {
		if (c->state != INI_FAILED)
			c->state = INI_CLOSED;
		ini_queue_close(c->admin, c->state);
		return;
	}
	c->state = INI_CLOSING;
	ini_setup_start(c, true);
}

void ini_ctrlr_destroy(struct ini_ctrlr *c)
{
	if (!c)
		return;
	ini_queue_destroy(c->admin);
	explicit_bzero(&c->opts.conn, sizeof(c->opts.conn));
	free(c->data);
	free(c);
}

u64 ini_ctrlr_deadline(const struct ini_ctrlr *c)
{
	u64 when = ini_queue_deadline(c->admin);

	if (c->state == INI_LIVE && c->opts.conn.keep_alive_tmo &&
	    c->ka_at < when)
		when = c->ka_at;
	if ((c->state == INI_CONNECTING || c->state == INI_CLOSING) &&
	    !c->busy && c->admin->up && c->at < when)
		when = c->at;
	return when;
}

enum ini_state ini_ctrlr_state(const struct ini_ctrlr *c)
{
	return c->state;
}

const char *ini_ctrlr_reason(const struct ini_ctrlr *c)
{
	return c->reason.text;
}

int ini_ctrlr_error(const struct ini_ctrlr *c)
{
	return c->error;
}

struct ini_queue *ini_ctrlr_admin(struct ini_ctrlr *c)
{
	return c->admin;
}

const struct nvme_ctrl_info *ini_ctrlr_info(const struct ini_ctrlr *c)
{
	return &c->info;
}

u16 ini_ctrlr_cntlid(const struct ini_ctrlr *c)
{
	return c->cntlid;
}

u64 ini_ctrlr_cap(const struct ini_ctrlr *c)
{
	return c->cap;
}

u32 ini_ctrlr_vs(const struct ini_ctrlr *c)
{
	return c->vs;
}

u32 ini_ctrlr_io_queues(const struct ini_ctrlr *c)
{
	return c->io_queues;
}

u32 ini_ctrlr_max_transfer(const struct ini_ctrlr *c)
{
	unsigned int shift = c->info.mdts + 12u + NVME_CAP_MPSMIN(c->cap);

	u32 mdts = c->info.mdts && shift < 32 ? 1u << shift : UINT32_MAX;

	return mdts < c->ops->max_data ? mdts : c->ops->max_data;
}
