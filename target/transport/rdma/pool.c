// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Data buffers of one reactor on one device: the transports' common pool, with
 * memory that is registered with the device. Called by request.c and group.c on
 * the reactor that owns it.
 */
#include "target/transport/options.h"
#include "target/transport/rdma/rdma.h"

static int mem_get(void *ctx, size_t len, struct pool_mem *m)
{
	static struct log_budget budget;
	struct rdma_gdev *gd = ctx;
	struct weft_reason why = { "" };
	struct rdma_region region;
	int err = rdma_region_alloc(gd->dev, len, &region, &why);

	if (err) {
		log_peer(&budget, LOG_WARNING, "rdma: %s: no more data buffers: %s",
			 gd->name, why.text);
		return err;
	}
	*m = (struct pool_mem){ region.base, region.len, region.mr };
	return 0;
}

static void mem_put(void *ctx, struct pool_mem *m)
{
	struct rdma_region region = { m->base, m->len, m->key };

	(void)ctx;
	rdma_region_free(&region);
}

static const struct pool_ops mem_ops = { .get = mem_get, .put = mem_put };

void rdma_pool_init(struct rdma_gdev *gd,
		    const struct nvmf_transport_opts *opts)
{
	pool_init(&gd->pool, "rdma", opts->io_unit_size,
		  transport_pieces(opts), opts->num_shared_buffers, &mem_ops,
		  gd);
}

static void ready(struct pool_user *u)
{
	rdma_request_buffered((struct rdma_request *)((char *)u -
			      offsetof(struct rdma_request, buf)));
}

int rdma_pool_take(struct rdma_gdev *gd, struct rdma_request *r)
{
	int err;

	r->buf.ready = ready;
	r->buf.urgent = r->base.urgent;
	err = pool_take(&gd->pool, &r->q->share, &r->buf, r->base.length);
	if (err == -EAGAIN) {
		gd->stats.wait_buffer++;
		gd->stats.wait_share += r->buf.place == POOL_PARKED;
	}
	return err;
}
