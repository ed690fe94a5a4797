// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The TCP transport's life: defaults and checks of its options, creation,
 * destruction, and its table of operations, which a constructor makes known to
 * nvmf. All of it runs on the control reactor.
 */
#include <stdlib.h>
#include <sys/resource.h>

#include "target/transport/options.h"
#include "target/transport/tcp/tcp.h"

#define MAX_PRIORITY		6	/* above it needs CAP_NET_ADMIN */
#define MAX_MS			(24u * 3600 * 1000)
/* Descriptors that are no connection's, or a quarter if there are few */
#define SPARE_FDS		64u

static void opts_init(struct nvmf_transport_opts *o)
{
	transport_defaults(o);
	o->c2h_success = true;
	o->transfer_timeout = 60000;
}

static const struct transport_range ranges[] = {
	TRANSPORT_RANGE(max_queue_depth, 2, 4096, 1),
	TRANSPORT_RANGE(sock_priority, 0, MAX_PRIORITY, 1),
	TRANSPORT_RANGE(ack_timeout, 0, MAX_MS, 1),
	TRANSPORT_RANGE(transfer_timeout, 100, MAX_MS, 1),
};

/*
 * A descriptor per connection: as many as the administrator allows, but for
 * some that RPC and disks may need.
 */
static u32 connection_descriptors(void)
{
	struct rlimit r;
	u32 all;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return UINT32_MAX;
	if (r.rlim_cur != r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &r)) {
			log_warn("tcp: no more descriptors than before: %s",
				 strerror(errno));
			getrlimit(RLIMIT_NOFILE, &r);
		}
	}
	all = r.rlim_cur < UINT32_MAX ? (u32)r.rlim_cur : UINT32_MAX;
	return all / 4 < SPARE_FDS ? all - all / 4 : all - SPARE_FDS;
}

static const struct nvmf_transport_ops tcp_ops;

static int opts_check(const struct nvmf_transport_opts *opts,
		      struct weft_reason *why)
{
	return transport_check(opts, ranges, ARRAY_SIZE(ranges), why);
}

static int transport_create(const struct nvmf_transport_opts *opts,
			    struct nvmf_transport **out,
			    struct weft_reason *why)
{
	struct tcp_transport *t = calloc(1, sizeof(*t));

	if (!t)
		return weft_fail(why, -ENOMEM, "no memory for the transport");
	t->base.ops = &tcp_ops;
	t->base.opts = *opts;
	TAILQ_INIT(&t->listeners);
	TAILQ_INIT(&t->hellos);
	t->max_fd = connection_descriptors();
	*out = &t->base;
	return 0;
}

static void transport_destroy(struct nvmf_transport *base)
{
	struct tcp_transport *t = to_transport(base);

	tcp_listeners_free(t);
	tcp_hello_drop(t, NULL);
	free(t);
}

static void ctrlr_desc(const struct nvmf_transport_opts *opts,
		       struct nvme_ctrl_desc *d)
{
	transport_describe(opts, NVME_SGLS_TRANSPORT, d);
}

static void disc_record(struct nvmf_disc_record *r)
{
	r->tcp_sectype = NVMF_TCP_SECTYPE_NONE;
}

/* Memory is used by its address: nothing has to be done to reach it. */
static int map_memory(struct nvmf_transport *t, struct nvmf_memory *m)
{
	m->key[NVMF_TRTYPE_TCP] = t;
	return 0;
}

static void unmap_memory(struct nvmf_transport *t, struct nvmf_memory *m)
{
	(void)t;
	m->key[NVMF_TRTYPE_TCP] = NULL;
}

static const char *const own_options[] = {
	"c2h_success", "sock_priority", NULL
};

static void opts_change(struct nvmf_transport_opts *to,
			const struct nvmf_transport_opts *from)
{
	to->c2h_success = from->c2h_success;
	to->sock_priority = from->sock_priority;
}

static const struct nvmf_transport_ops tcp_ops = {
	.name = "TCP",
	.trtype = NVMF_TRTYPE_TCP,
	.slot = NVMF_TRTYPE_TCP,
	.options = own_options,
	.opts_init = opts_init,
	.opts_change = opts_change,
	.check = opts_check,
	.create = transport_create,
	.destroy = transport_destroy,
	.listen = tcp_listen,
	.stop_listen = tcp_stop_listen,
	.ctrlr_desc = ctrlr_desc,
	.disc_record = disc_record,
	.map_memory = map_memory,
	.unmap_memory = unmap_memory,
	.group_create = tcp_group_create,
	.group_destroy = tcp_group_destroy,
	.group_stats = tcp_group_stats,
	.qpair_stats = tcp_qpair_stats,
	.req_get_data = tcp_req_get_data,
	.req_abort = tcp_req_abort,
	.req_complete = tcp_req_complete,
	.qpair_disconnect = tcp_qpair_disconnect,
	.qpair_free = tcp_qpair_free,
};

static void __attribute__((constructor)) tcp_transport_register(void)
{
	nvmf_transport_register(&tcp_ops);
}
