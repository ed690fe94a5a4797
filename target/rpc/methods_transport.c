// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RPC methods that create, change and delete transports, and their options as
 * JSON.
 *
 * Creating what is there already with equal options succeeds; a difference is
 * refused by name.
 */
#include <errno.h>
#include <sys/queue.h>

#include "target/rpc/nvmf_params.h"

/**
 * struct transport_params - of all methods of transports
 * @max_qpairs: max_io_qpairs_per_ctrlr as earlier releases of SPDK had it: with
 *              the admin queue; 0: not given
 */
struct transport_params {
	const char *trtype;
	u32 max_qpairs;
	struct nvmf_transport_opts opts;
};

#define OPT(member) offsetof(struct transport_params, opts.member)
#define OPT_U32(member, text) \
	{ .name = #member, .type = RPC_U32, .offset = OPT(member), .help = text }

static const struct rpc_param transport_params[] = {
	{ .name = "trtype", .type = RPC_STR, .required = true,
	  .offset = offsetof(struct transport_params, trtype),
	  .help = "RDMA or TCP" },
	OPT_U32(max_queue_depth, "entries of an I/O queue"),
	OPT_U32(max_io_qpairs_per_ctrlr, "I/O queues of a controller"),
	OPT_U32(in_capsule_data_size, "bytes of data in a command capsule"),
	OPT_U32(max_io_size,
		"bytes of the largest transfer: a power of two from 8192 to 16777216"),
	OPT_U32(io_unit_size, "bytes of one data buffer"),
	OPT_U32(max_aq_depth, "entries of an admin queue"),
	OPT_U32(num_shared_buffers, "data buffers"),
	OPT_U32(max_srq_depth, "RDMA: entries of a shared receive queue (default 4096)"),
	{ .name = "no_srq", .type = RPC_BOOL, .offset = OPT(no_srq),
	  .help = "RDMA: receives per queue pair instead of a shared queue (default true)" },
	OPT_U32(acceptor_backlog, "pending connections"),
	OPT_U32(abort_timeout_sec, "how long an Abort waits for the data of its command"),
	OPT_U32(num_cqe, "RDMA: entries of a completion queue"),
	OPT_U32(ack_timeout, "RDMA: acknowledge timeout, exponent; TCP: ms"),
	OPT_U32(kas, "keep-alive granularity in 100 ms"),
	OPT_U32(min_kato, "shortest keep-alive timeout in ms"),
	OPT_U32(association_timeout,
		"how long a controller may stay disabled, in ms; 0: for ever"),
	{ .name = "remote_invalidate", .type = RPC_BOOL,
	  .offset = OPT(remote_invalidate),
	  .help = "RDMA: SEND with invalidate when the host asks for it" },
	{ .name = "trust_iwarp_hosts", .type = RPC_BOOL,
	  .offset = OPT(trust_iwarp_hosts),
	  .help = "RDMA: serve iWARP devices, whose hosts can write to RAM disks and buffers" },
	{ .name = "c2h_success", .type = RPC_BOOL, .offset = OPT(c2h_success),
	  .help = "TCP: no response after a read's data where SQ flow control is off" },
	OPT_U32(sock_priority, "TCP: SO_PRIORITY of connections, 0 to 6"),
	OPT_U32(transfer_timeout,
		"how long a host may leave a begun transfer as it is, in ms"),
	{ .name = "max_qpairs_per_ctrlr", .type = RPC_U32,
	  .offset = offsetof(struct transport_params, max_qpairs),
	  .min = 2, .max = 65536,
	  .help = "older name, in place of max_io_qpairs_per_ctrlr: one more, as the admin queue is counted" },
	{ .name = "masked_oncs", .type = RPC_ONLY_EMPTY,
	  .help = "every command that there is can be used" },
	{ .name = "masked_fuses", .type = RPC_ONLY_EMPTY,
	  .help = "every command that there is can be used" },
	{ .name = "zcopy", .type = RPC_HINT },
	{ .name = "dif_insert_or_strip", .type = RPC_ONLY_FALSE },
	{ .name = "buf_cache_size", .type = RPC_HINT },
	{ .name = "iobuf_small_cache_size", .type = RPC_HINT },
	{ .name = "iobuf_large_cache_size", .type = RPC_HINT },
	{ .name = "no_wr_batching", .type = RPC_HINT },
	{ .name = "acceptor_poll_rate", .type = RPC_HINT },
	{ .name = "data_wr_pool_size", .type = RPC_HINT },
	{ .name = "control_msg_num", .type = RPC_HINT },
	{ .name = "disable_mappable_bar0", .type = RPC_HINT },
	{ .name = "disable_adaptive_irq", .type = RPC_HINT },
	{ .name = "disable_shadow_doorbells", .type = RPC_HINT },
	{ .name = "disable_command_passthru", .type = RPC_HINT },
	RPC_TGT_NAME,
	{ .type = RPC_END }
};

/* Others are taken without effect, and not shown */
static bool is_option_of(const struct rpc_param *p,
			 const struct nvmf_transport *t)
{
	return (p->type == RPC_U32 || p->type == RPC_BOOL) &&
	       p->offset >= offsetof(struct transport_params, opts) &&
	       nvmf_transport_has_option(t, p->name);
}

static struct nvmf_transport_opts
asked_opts(const struct transport_params *p)
{
	struct nvmf_transport_opts o = p->opts;

	if (p->max_qpairs)
		o.max_io_qpairs_per_ctrlr = p->max_qpairs - 1;
	return o;
}

/* What is not given keeps the transport's own default. */
static bool transport_init(struct rpc_call *call, void *params,
			   const json_t *raw)
{
	const char *trtype = json_string_value(json_object_get(raw, "trtype"));
	struct transport_params *p = params;
	struct weft_reason why = { "" };

	/* a missing trtype is the decoder's to refuse */
	if (!trtype || !nvmf_transport_opts_init(trtype, &p->opts, &why))
		return true;
	rpc_fail(call, RPC_INVALID_PARAMS, "%s", why.text);
	return false;
}

/* The first option of @t that differs, or NULL */
static const char *difference(const struct nvmf_transport *t,
			      const struct nvmf_transport_opts *a,
			      const struct nvmf_transport_opts *b)
{
	const struct rpc_param *p;
	size_t at, size;

	for (p = transport_params; p->type != RPC_END; p++) {
		if (!is_option_of(p, t))
			continue;
		at = p->offset - offsetof(struct transport_params, opts);
		size = p->type == RPC_U32 ? sizeof(u32) : sizeof(bool);
		if (memcmp((const char *)a + at, (const char *)b + at, size))
			return p->name;
	}
	return NULL;
}

static struct nvmf_transport *find_transport(const char *trtype)
{
	struct nvmf_transport *t;

	for (t = nvmf_transport_first(); t; t = nvmf_transport_next(t))
		if (!strcasecmp(nvmf_transport_name(t), trtype))
			break;
	return t;
}

/* NULL: the call has failed */
static struct nvmf_transport *need_transport(struct rpc_call *call,
					     const char *trtype)
{
	struct nvmf_transport *t = find_transport(trtype);

	if (!t)
		rpc_fail(call, -ENODEV, "Transport type '%s' does not exist",
			 trtype);
	return t;
}

/**
 * struct creation - a call of nvmf_create_transport; the call's memory
 * @begun: it is under way; those behind it wait, as its transport may be theirs
 */
struct creation {
	struct rpc_call *call;
	const struct transport_params *params;
	bool begun;
	TAILQ_ENTRY(creation) link;
};

static TAILQ_HEAD(, creation) creations = TAILQ_HEAD_INITIALIZER(creations);

static void answer_existing(struct rpc_call *call,
			    const struct transport_params *p,
			    const struct nvmf_transport *t)
{
	struct nvmf_transport_opts opts = asked_opts(p);
	const char *diff = difference(t, nvmf_transport_opts(t), &opts);

	if (nvmf_transport_deleting(t))
		rpc_fail(call, -EBUSY,
			 "Transport type '%s' is being deleted; try again",
			 p->trtype);
	else if (diff)
		rpc_fail(call, RPC_INTERNAL,
			 "Transport type '%s' already exists with another %s",
			 p->trtype, diff);
	else
		rpc_reply_unchanged(call, json_true());
}

static void create_first(void);

static void created(void *ctx, int err, const struct weft_reason *why)
{
	struct creation *c = ctx;

	TAILQ_REMOVE(&creations, c, link);
	rpc_done(c->call, err, why);
	create_first();
}

/* Until one is under way or none is left */
static void create_first(void)
{
	struct nvmf_transport_opts opts;
	struct nvmf_transport *t;
	struct creation *c;

	while ((c = TAILQ_FIRST(&creations)) && !c->begun) {
		t = find_transport(c->params->trtype);
		if (t) {
			TAILQ_REMOVE(&creations, c, link);
			answer_existing(c->call, c->params, t);
			continue;
		}
		c->begun = true;
		opts = asked_opts(c->params);
		nvmf_transport_create(c->params->trtype, &opts, created, c);
	}
}

static void create_transport(struct rpc_call *call, const void *params)
{
	struct creation *c = rpc_call_data(call, sizeof(*c));

	if (!c) {
		rpc_fail(call, -ENOMEM, "no memory");
		return;
	}
	c->call = call;
	c->params = params;
	TAILQ_INSERT_TAIL(&creations, c, link);
	create_first();
}

/* What SPDK lists and has no counterpart here: as of one that is not tuned */
static json_t *untuned_json(void)
{
	return json_pack("{s:i, s:i, s:b, s:b, s:i, s:b}",
			 "iobuf_small_cache_size", 0,
			 "iobuf_large_cache_size", 0,
			 "dif_insert_or_strip", 0, "zcopy", 0,
			 "data_wr_pool_size", 0,
			 "disable_command_passthru", 0);
}

json_t *nvmf_transport_json(const struct nvmf_transport *t)
{
	const char *opts = (const char *)nvmf_transport_opts(t);
	json_t *j = json_pack("{s:s}", "trtype", nvmf_transport_name(t));
	const struct rpc_param *p;
	const char *at;

	for (p = transport_params; p->type != RPC_END; p++) {
		if (!is_option_of(p, t))
			continue;
		at = opts + p->offset - offsetof(struct transport_params, opts);
		if (p->type == RPC_U32)
			json_object_set_new(j, p->name,
					    json_integer(*(const u32 *)at));
		else
			json_object_set_new(j, p->name,
					    json_boolean(*(const bool *)at));
	}
	json_object_update_new(j, untuned_json());
	return j;
}

static json_t *create_transport_undo(const void *params, const json_t *result)
{
	const struct transport_params *p = params;

	(void)result;
	return rpc_config_call("nvmf_delete_transport",
			       json_pack("{s:s}", "trtype", p->trtype));
}

static const struct rpc_param trtype_params[] = {
	{ .name = "trtype", .type = RPC_STR, .required = true,
	  .offset = offsetof(struct transport_params, trtype),
	  .help = "RDMA or TCP" },
	RPC_TGT_NAME,
	{ .type = RPC_END }
};

static void delete_transport(struct rpc_call *call, const void *params)
{
	const struct transport_params *p = params;
	struct nvmf_transport *t = need_transport(call, p->trtype);

	if (t)
		nvmf_transport_delete(t, rpc_done, call);
}

/* What is not given stays as it is. */
static bool options_init(struct rpc_call *call, void *params,
			 const json_t *raw)
{
	const char *trtype = json_string_value(json_object_get(raw, "trtype"));
	struct nvmf_transport *t = trtype ? find_transport(trtype) : NULL;
	struct transport_params *p = params;

	(void)call;
	if (t)
		p->opts = *nvmf_transport_opts(t);
	return true;
}

static void set_options(struct rpc_call *call, const void *params)
{
	const struct transport_params *p = params;
	struct nvmf_transport *t = need_transport(call, p->trtype);
	struct nvmf_transport_opts opts, asked;
	struct weft_reason why = { "" };
	const char *fixed;

	/* answered, and the parameters are gone */
	if (!t)
		return;
	asked = asked_opts(p);
	rpc_undo(call, rpc_config_call("nvmf_set_transport_options",
				       nvmf_transport_json(t)));
	opts = *nvmf_transport_opts(t);
	nvmf_transport_opts_change(t, &opts, &asked);
	fixed = difference(t, &opts, &asked);
	if (fixed)
		rpc_fail(call, RPC_INVALID_PARAMS,
			 "%s: is as the transport was created with; nvmf_delete_transport and nvmf_create_transport change it",
			 fixed);
	else if (nvmf_transport_set_opts(t, &opts, &why))
		rpc_fail(call, RPC_INVALID_PARAMS, "%s", why.text);
	else
		rpc_reply(call, json_true());
}

static const struct rpc_method transport_methods[] = {
	{ "nvmf_create_transport", RPC_RUNTIME, transport_params,
	  sizeof(struct transport_params), transport_init, create_transport,
	  create_transport_undo, "Make a transport available" },
	{ "nvmf_set_transport_options", RPC_RUNTIME, transport_params,
	  sizeof(struct transport_params), options_init, set_options, NULL,
	  "Change options of a transport for connections that come" },
	{ "nvmf_delete_transport", RPC_RUNTIME | RPC_ALONE, trtype_params,
	  sizeof(struct transport_params), NULL, delete_transport, NULL,
	  "Remove a transport that has no listeners" },
};
RPC_METHODS(transport_methods)
