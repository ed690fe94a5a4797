// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RDMA devices: one protection domain each, the registrations of bdevs' RAM,
 * and the way down when a device is pulled or breaks. Devices belong to the
 * control reactor; only rdma_region_*() is called from queue pairs' reactors.
 *
 * librdmacm holds a device open as long as an id is bound to it, and closes it
 * with the last one. A removed device is therefore taken down from above:
 * queue pairs, completion queues and regions by their reactors, then
 * registrations and protection domain, then the ids.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "target/transport/rdma/rdma.h"

/* What a failed registration wants, in words. */
static int register_failed(int err, size_t len, struct weft_reason *why)
{
	struct rlimit rl;

	if ((err == ENOMEM || err == EPERM || err == EAGAIN) &&
	    !getrlimit(RLIMIT_MEMLOCK, &rl) && rl.rlim_cur != RLIM_INFINITY)
		return weft_fail(why, -err,
				 "cannot register %zu bytes: RLIMIT_MEMLOCK is %llu bytes and must hold all that is registered; raise it (ulimit -l, LimitMEMLOCK=) or give CAP_IPC_LOCK",
				 len, (unsigned long long)rl.rlim_cur);
	return weft_fail(why, -err, "cannot register %zu bytes: %s", len,
			 strerror(err));
}

static struct ibv_mr *register_at(struct rdma_device *dev, void *base,
				  size_t len, struct weft_reason *why)
{
	struct ibv_mr *mr = ibv_reg_mr(dev->pd, base, len, dev->access);

	if (!mr)
		register_failed(errno ? errno : EIO, len, why);
	return mr;
}

int rdma_region_alloc(struct rdma_device *dev, size_t len,
		      struct rdma_region *r, struct weft_reason *why)
{
	int err;

	r->len = len;
	r->base = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->base == MAP_FAILED) {
		err = -errno;
		r->base = NULL;
		return weft_fail(why, err, "no memory: %zu bytes: %s", len,
				 strerror(-err));
	}
	r->mr = register_at(dev, r->base, len, why);
	if (r->mr)
		return 0;
	err = errno ? -errno : -EIO;
	rdma_region_free(r);
	return err;
}

void rdma_region_unregister(struct rdma_region *r)
{
	if (r->mr)
		ibv_dereg_mr(r->mr);
	r->mr = NULL;
}

void rdma_region_free(struct rdma_region *r)
{
	rdma_region_unregister(r);
	if (r->base)
		munmap(r->base, r->len);
	r->base = NULL;
}

/* Mapped memory of bdevs */

static void register_memory(struct rdma_device *dev, struct rdma_memory *rm)
{
	struct weft_reason why = { "" };

	rm->mr[dev->index] = register_at(dev, rm->mem->base, rm->mem->len,
					 &why);
	if (!rm->mr[dev->index])
		log_warn("rdma: %s: data of a RAM disk will be copied: %s",
			 dev->name, why.text);
}

static void unregister_memory(unsigned int index, struct rdma_memory *rm)
{
	if (rm->mr[index])
		ibv_dereg_mr(rm->mr[index]);
	rm->mr[index] = NULL;
}

int rdma_map_memory(struct nvmf_transport *base, struct nvmf_memory *m)
{
	struct rdma_transport *t = to_transport(base);
	struct rdma_memory *rm = calloc(1, sizeof(*rm));
	struct rdma_device *dev;

	if (!rm)
		return -ENOMEM;
	rm->mem = m;
	TAILQ_FOREACH(dev, &t->devices, link)
		register_memory(dev, rm);
	TAILQ_INSERT_TAIL(&t->memories, rm, link);
	m->key[NVMF_TRTYPE_RDMA] = rm;
	return 0;
}

void rdma_unmap_memory(struct nvmf_transport *base, struct nvmf_memory *m)
{
	struct rdma_transport *t = to_transport(base);
	struct rdma_memory *rm = m->key[NVMF_TRTYPE_RDMA];
	unsigned int i;

	if (!rm)
		return;
	for (i = 0; i < RDMA_MAX_DEVICES; i++)
		unregister_memory(i, rm);
	m->key[NVMF_TRTYPE_RDMA] = NULL;
	TAILQ_REMOVE(&t->memories, rm, link);
	free(rm);
}

/* Devices */

static void device_free(struct rdma_device *dev)
{
	struct rdma_transport *t = dev->t;
	struct rdma_memory *rm;
	struct rdma_qpair *q;

	TAILQ_FOREACH(rm, &t->memories, link)
		unregister_memory(dev->index, rm);
	if (dev->async)
		fd_source_remove(&dev->async);
	if (dev->pd)
		ibv_dealloc_pd(dev->pd);
	t->by_index[dev->index] = NULL;
	TAILQ_REMOVE(&t->devices, dev, link);
	/* @t may be gone after the last of them */
	while ((q = TAILQ_FIRST(&dev->dead))) {
		TAILQ_REMOVE(&dev->dead, q, group_link);
		rdma_conn_free(q);
	}
	free(dev);
}

static void tell_conns(struct rdma_device *dev, reactor_fn fn)
{
	struct rdma_qpair *q;

	TAILQ_FOREACH(q, &dev->t->conns, link)
		if (q->dev == dev)
			reactor_send(q->reactor, fn, q);
}

void rdma_device_removed(struct rdma_device *dev)
{
	if (dev->removed)
		return;
	dev->removed = true;
	log_warn("rdma: device %s is gone; closing its connections", dev->name);
	tell_conns(dev, rdma_qpair_down);
	rdma_device_gone(dev->t);
	if (!dev->conns)
		device_free(dev);
}

static void last_recv(struct rdma_qpair *q)
{
	reactor_send(q->reactor, rdma_qpair_last_recv, q);
}

/*
 * Its reactor cannot free @cq before the event is acknowledged, but may have
 * done so when a message arrives: those go to connections.
 */
static void cq_failed(struct rdma_device *dev, struct rdma_cq *cq)
{
	__atomic_store_n(&cq->failed, true, __ATOMIC_RELAXED);
	tell_conns(dev, rdma_qpair_cq_failed);
}

static void async_event(void *ctx, u32 events)
{
	struct rdma_device *dev = ctx;
	struct ibv_async_event ev;
	bool fatal;

	if (ibv_get_async_event(dev->verbs, &ev)) {
		if (rdma_fd_ended(events))
			fd_source_remove(&dev->async);
		return;
	}
	fatal = ev.event_type == IBV_EVENT_DEVICE_FATAL;
	if (fatal || ev.event_type == IBV_EVENT_CQ_ERR)
		log_error("rdma: %s: %s", dev->name,
			  ibv_event_type_str(ev.event_type));
	/* a connection's memory goes by a message that comes after this one */
	if (ev.event_type == IBV_EVENT_QP_LAST_WQE_REACHED)
		last_recv(ev.element.qp->qp_context);
	if (ev.event_type == IBV_EVENT_CQ_ERR)
		cq_failed(dev, ev.element.cq->cq_context);
	/* errors of queue pairs show in their completions as well */
	ibv_ack_async_event(&ev);
	if (fatal)
		rdma_device_removed(dev);
}

static int watch_async(struct rdma_device *dev)
{
	int fd = dev->verbs->async_fd;

	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return -errno;
	dev->async = fd_source_add("rdma-async", fd, EPOLLIN, async_event, dev);
	return dev->async ? 0 : -ENOMEM;
}

static int device_open(const struct rdma_transport *t, struct rdma_device *dev,
		       struct weft_reason *why)
{
	int err = ibv_query_device(dev->verbs, &dev->attr);

	if (err)
		return weft_fail(why, -err, "device %s cannot be queried: %s",
				 dev->name, strerror(err));
	dev->pd = ibv_alloc_pd(dev->verbs);
	if (!dev->pd)
		return weft_fail(why, -errno,
				 "no protection domain on device %s: %s",
				 dev->name, strerror(errno));
	dev->access = IBV_ACCESS_LOCAL_WRITE;
	/*
	 * There the answer to a READ is a remote write (RFC 5040), so that a
	 * host learns a key for the memory that it goes to: of whole RAM disks
	 * and of buffers that other hosts use, too.
	 */
	if (dev->verbs->device->transport_type == IBV_TRANSPORT_IWARP) {
		if (!t->base.opts.trust_iwarp_hosts)
			return weft_fail(why, -EACCES,
				"device %s is iWARP: its hosts could write to RAM disks and to each other's data; trust_iwarp_hosts of the transport allows it",
				dev->name);
		dev->access |= IBV_ACCESS_REMOTE_WRITE;
	}
	dev->can_invalidate =
		dev->attr.device_cap_flags & IBV_DEVICE_MEM_MGT_EXTENSIONS;
	err = watch_async(dev);
	if (err)
		return weft_fail(why, err, "device %s cannot be watched: %s",
				 dev->name, strerror(-err));
	return 0;
}

static struct rdma_device *device_new(struct rdma_transport *t,
				      struct ibv_context *verbs,
				      struct weft_reason *why)
{
	struct rdma_device *dev = calloc(1, sizeof(*dev));
	struct rdma_memory *rm;
	unsigned int i = 0;

	while (i < RDMA_MAX_DEVICES && t->by_index[i])
		i++;
	if (!dev || i == RDMA_MAX_DEVICES) {
		weft_fail(why, 0, "no room for another device: %u are in use",
			  i);
		free(dev);
		return NULL;
	}
	dev->t = t;
	dev->verbs = verbs;
	dev->index = i;
	snprintf(dev->name, sizeof(dev->name), "%s",
		 ibv_get_device_name(verbs->device));
	TAILQ_INIT(&dev->dead);
	TAILQ_INSERT_TAIL(&t->devices, dev, link);
	t->by_index[i] = dev;
	if (device_open(t, dev, why)) {
		device_free(dev);
		return NULL;
	}
	TAILQ_FOREACH(rm, &t->memories, link)
		register_memory(dev, rm);
	return dev;
}

struct rdma_device *rdma_device_find(struct rdma_transport *t,
				     const struct ibv_context *verbs)
{
	struct rdma_device *dev;

	TAILQ_FOREACH(dev, &t->devices, link)
		if (dev->verbs == verbs)
			return dev;
	return NULL;
}

struct rdma_device *rdma_device_get(struct rdma_transport *t,
				    struct ibv_context *verbs,
				    struct weft_reason *why)
{
	struct rdma_device *dev = rdma_device_find(t, verbs);

	if (!dev)
		dev = device_new(t, verbs, why);
	if (dev && dev->removed) {
		weft_fail(why, 0, "device %s is being removed", dev->name);
		return NULL;
	}
	if (dev)
		dev->conns++;
	return dev;
}

void rdma_device_put(struct rdma_qpair *q)
{
	struct rdma_device *dev = q->dev;

	dev->conns--;
	if (!dev->removed) {
		rdma_conn_free(q);
		return;
	}
	TAILQ_INSERT_TAIL(&dev->dead, q, group_link);
	if (!dev->conns)
		device_free(dev);
}

void rdma_devices_free(struct rdma_transport *t)
{
	struct rdma_device *dev;

	while ((dev = TAILQ_FIRST(&t->devices)))
		device_free(dev);
}
