// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Addresses that connections are accepted at. A listener whose device goes
 * away stays configured and is bound again when a device with its address is
 * there. Control reactor only.
 */
#include <netdb.h>
#include <stdlib.h>

#include "target/transport/address.h"
#include "target/transport/rdma/rdma.h"

#define NO_DEVICE \
	": no RDMA device has this address; is the port up, or a soft-RoCE link on its interface?"
#define RETRY_US	(1000 * 1000)
/* Calls of retry() in which a pulled device has left the device list */
#define RESYNCS		10

/* One id bound and listening, or none. */
static int start(struct rdma_listener *l, struct weft_reason *why)
{
	struct addrinfo *ai;
	struct rdma_cm_id *id;
	int on = 1;
	int err = transport_resolve(&l->trid, &ai, why);

	if (err)
		return err;
	if (rdma_create_id(l->t->cm, &id, l, RDMA_PS_TCP)) {
		err = errno;
		goto free_ai;
	}
	if (ai->ai_family == AF_INET6)
		rdma_set_option(id, RDMA_OPTION_ID, RDMA_OPTION_ID_AFONLY, &on,
				sizeof(on));
	if (rdma_bind_addr(id, ai->ai_addr) ||
	    rdma_listen(id, (int)l->t->base.opts.acceptor_backlog)) {
		err = errno;
		rdma_destroy_id(id);
		goto free_ai;
	}
	l->id = id;
free_ai:
	freeaddrinfo(ai);
	return err ? transport_listen_failed(&l->trid, err, NO_DEVICE, why) : 0;
}

int rdma_listen_at(struct nvmf_transport *base, const struct nvmf_trid *trid,
		   struct weft_reason *why)
{
	struct rdma_transport *t = to_transport(base);
	struct rdma_listener *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return weft_fail(why, -ENOMEM, "no memory for a listener");
	l->kind = RDMA_CTX_LISTENER;
	l->t = t;
	l->trid = *trid;
	err = start(l, why);
	if (err) {
		free(l);
		return err;
	}
	TAILQ_INSERT_TAIL(&t->listeners, l, link);
	return 0;
}

/* Connections that came here and are not established have no future. */
static void drop_pending(struct rdma_transport *t,
			 const struct nvmf_trid *trid)
{
	struct rdma_qpair *q;

	TAILQ_FOREACH(q, &t->conns, link)
		if (!q->established && nvmf_trid_equal(&q->base.listen, trid))
			reactor_send(q->reactor, rdma_qpair_down, q);
}

static void listener_free(struct rdma_listener *l)
{
	struct rdma_transport *t = l->t;

	TAILQ_REMOVE(&t->listeners, l, link);
	/* also refuses requests that were not picked up yet */
	if (l->id)
		rdma_destroy_id(l->id);
	drop_pending(t, &l->trid);
	free(l);
}

void rdma_stop_listen(struct nvmf_transport *base, const struct nvmf_trid *trid)
{
	struct rdma_transport *t = to_transport(base);
	struct rdma_listener *l;

	TAILQ_FOREACH(l, &t->listeners, link) {
		if (nvmf_trid_equal(&l->trid, trid)) {
			listener_free(l);
			return;
		}
	}
}

/*
 * librdmacm looks at the list of devices only when it is asked for one. Until
 * then it keeps a pulled device open, and for devices like soft-RoCE the
 * kernel waits for that. An empty list it takes for an error: the last device
 * of a machine stays open until this process ends.
 */
static void resync_devices(void)
{
	struct ibv_context **list = rdma_get_devices(NULL);

	if (list)
		rdma_free_devices(list);
}

static int retry(void *ctx)
{
	struct rdma_transport *t = ctx;
	struct rdma_listener *l;
	bool again = false;

	if (t->resyncs) {
		t->resyncs--;
		again = true;
	}
	resync_devices();
	TAILQ_FOREACH(l, &t->listeners, link) {
		if (l->id)
			continue;
		if (start(l, NULL))
			again = true;
		else
			log_notice("rdma: listening at %s:%s again",
				   l->trid.traddr, l->trid.trsvcid);
	}
	if (!again)
		poller_unregister(&t->retry);
	return 0;
}

void rdma_device_gone(struct rdma_transport *t)
{
	t->resyncs = RESYNCS;
	if (t->retry || !t->cm_fd)
		return;
	t->retry = poller_register("rdma-listen", retry, t, RETRY_US, NULL);
	if (!t->retry)
		log_error("rdma: no memory to look for devices that come back: remove and add listeners whose device is gone");
}

void rdma_listener_lost(struct rdma_listener *l)
{
	log_warn("rdma: the device of listener %s:%s is gone; waiting for one with this address",
		 l->trid.traddr, l->trid.trsvcid);
	rdma_destroy_id(l->id);
	l->id = NULL;
	rdma_device_gone(l->t);
}

void rdma_listeners_free(struct rdma_transport *t)
{
	struct rdma_listener *l;

	while ((l = TAILQ_FIRST(&t->listeners)))
		listener_free(l);
	if (t->retry)
		poller_unregister(&t->retry);
}
