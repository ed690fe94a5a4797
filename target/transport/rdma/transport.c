// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The RDMA transport's life: defaults and checks of its options, creation with
 * the connection manager's event channel, destruction, and its table of
 * operations, which a constructor makes known to nvmf. All of it runs on the
 * control reactor.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "target/transport/options.h"
#include "target/transport/rdma/rdma.h"

#define MAX_ACK_TIMEOUT	31
#define MAX_MS		(24u * 3600 * 1000)

static void opts_init(struct nvmf_transport_opts *o)
{
	transport_defaults(o);
	/* see "Memory" in target.md for the reason */
	o->no_srq = true;
	o->max_srq_depth = 4096;
	o->num_cqe = 4096;
	o->remote_invalidate = true;
	o->transfer_timeout = 60000;
}

static const struct transport_range ranges[] = {
	TRANSPORT_RANGE(max_queue_depth, 16, 4096, 1),
	TRANSPORT_RANGE(max_srq_depth, 16, 1u << 16, 1),
	TRANSPORT_RANGE(num_cqe, 64, 1u << 22, 1),
	TRANSPORT_RANGE(ack_timeout, 0, MAX_ACK_TIMEOUT, 1),
	TRANSPORT_RANGE(transfer_timeout, 100, MAX_MS, 1),
};

static int opts_check(const struct nvmf_transport_opts *opts,
		      struct weft_reason *why)
{
	return transport_check(opts, ranges, ARRAY_SIZE(ranges), why);
}

static int open_cm(struct rdma_transport *t, struct weft_reason *why)
{
	int err;

	t->cm = rdma_create_event_channel();
	if (!t->cm)
		return weft_fail(why, -errno,
				 "no RDMA connection manager (%s): load rdma_ucm, have an RDMA device or a soft-RoCE link, and access to /dev/infiniband",
				 strerror(errno));
	if (fcntl(t->cm->fd, F_SETFL,
		  fcntl(t->cm->fd, F_GETFL) | O_NONBLOCK) < 0) {
		err = -errno;
		goto close;
	}
	t->cm_fd = fd_source_add("rdma-cm", t->cm->fd, EPOLLIN,
				 rdma_cm_event_ready, t);
	if (t->cm_fd)
		return 0;
	err = -ENOMEM;
close:
	rdma_destroy_event_channel(t->cm);
	return weft_fail(why, err, "cannot watch the RDMA event channel: %s",
			 strerror(-err));
}

static const struct nvmf_transport_ops rdma_ops;

static int transport_create(const struct nvmf_transport_opts *opts,
			    struct nvmf_transport **out,
			    struct weft_reason *why)
{
	struct rdma_transport *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return weft_fail(why, -ENOMEM, "no memory for the transport");
	t->base.ops = &rdma_ops;
	t->base.opts = *opts;
	t->refs = 1;
	TAILQ_INIT(&t->devices);
	TAILQ_INIT(&t->listeners);
	TAILQ_INIT(&t->memories);
	TAILQ_INIT(&t->conns);
	err = open_cm(t, why);
	if (err) {
		free(t);
		return err;
	}
	*out = &t->base;
	return 0;
}

void rdma_transport_put(struct rdma_transport *t)
{
	if (--t->refs)
		return;
	rdma_devices_free(t);
	rdma_destroy_event_channel(t->cm);
	free(t);
}

static void transport_destroy(struct nvmf_transport *base)
{
	struct rdma_transport *t = to_transport(base);

	rdma_listeners_free(t);
	fd_source_remove(&t->cm_fd);
	rdma_transport_put(t);
}

static void ctrlr_desc(const struct nvmf_transport_opts *opts,
		       struct nvme_ctrl_desc *d)
{
	transport_describe(opts, NVME_SGLS_KEYED, d);
}

static void disc_record(struct nvmf_disc_record *r)
{
	r->rdma_qptype = NVMF_RDMA_QPTYPE_CONNECTED;
	r->rdma_prtype = NVMF_RDMA_PRTYPE_NONE;
	r->rdma_cms = NVMF_RDMA_CMS_RDMA_CM;
}

static const char *const own_options[] = {
	"max_srq_depth", "no_srq", "num_cqe", "remote_invalidate",
	"trust_iwarp_hosts", NULL
};

static const struct nvmf_transport_ops rdma_ops = {
	.name = "RDMA",
	.trtype = NVMF_TRTYPE_RDMA,
	.slot = NVMF_TRTYPE_RDMA,
	.options = own_options,
	.opts_init = opts_init,
	.check = opts_check,
	.create = transport_create,
	.destroy = transport_destroy,
	.listen = rdma_listen_at,
	.stop_listen = rdma_stop_listen,
	.ctrlr_desc = ctrlr_desc,
	.disc_record = disc_record,
	.map_memory = rdma_map_memory,
	.unmap_memory = rdma_unmap_memory,
	.group_create = rdma_group_create,
	.group_destroy = rdma_group_destroy,
	.group_stats = rdma_group_stats,
	.req_get_data = rdma_req_get_data,
	.req_abort = rdma_req_abort,
	.req_complete = rdma_req_complete,
	.qpair_disconnect = rdma_qpair_disconnect,
	.qpair_free = rdma_qpair_free,
};

static void __attribute__((constructor)) rdma_transport_register(void)
{
	nvmf_transport_register(&rdma_ops);
}
