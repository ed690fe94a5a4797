// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The discovery log: one record per listener of each subsystem that admits the
 * asking host, one for the service itself where the host is connected, if it has
 * a name of its own, and one per referral to another discovery service. Of a
 * listener at any address the host is told the one that it has come to. The control
 * reactor takes a snapshot; a generation counter tells the host when it moved
 * between two of its requests. A controller has one on its way at a time, and
 * what it is asked for meanwhile shares the next: however many requests a host
 * sends at once, they take little of the control reactor's time. Hosts that wait
 * for changes are told by an asynchronous event.
 */
#include <stdlib.h>
#include <strings.h>

#include "target/nvmf/internal.h"

#define REFERRAL_ASQSZ	32

/** struct nvmf_snapshot - for @asking, requests of @c that came before it */
struct nvmf_snapshot {
	struct nvmf_ctrlr *c;
	struct nvmf_request_list asking;
	u64 genctr;
	u64 count;
	struct nvmf_disc_record *records;
	bool no_memory;
};

static bool visible(const struct nvmf_subsystem *s, const char *hostnqn)
{
	return s->subtype == NVMF_SUBTYPE_NVME && !s->removing &&
	       nvmf_subsystem_host_allowed(s, hostnqn);
}

/* Does it take connections to any address of its family? */
static bool is_any(const struct nvmf_trid *trid)
{
	return (trid->adrfam == NVMF_ADRFAM_IPV4 &&
		!strcmp(trid->traddr, "0.0.0.0")) ||
	       (trid->adrfam == NVMF_ADRFAM_IPV6 && !strcmp(trid->traddr, "::"));
}

/* The address that the host of @c has come to; "" if nobody knows */
static const char *come_to(const struct nvmf_ctrlr *c)
{
	return is_any(&c->listen) ? c->local : c->listen.traddr;
}

/*
 * Where the host of @c reaches @l. If that is at any address, it is at the one
 * of @c too, of the same kind. Of others the host may know some: "".
 */
static const char *address_for(const struct nvmf_trid *l,
			       const struct nvmf_ctrlr *c)
{
	if (!is_any(l))
		return l->traddr;
	return l->trtype == c->listen.trtype && l->adrfam == c->listen.adrfam ?
	       come_to(c) : "";
}

/* A zone is a name of this machine's: it says nothing to a host */
static void set_traddr(struct nvmf_disc_record *r, const char *traddr)
{
	snprintf(r->traddr, sizeof(r->traddr), "%.*s",
		 (int)strcspn(traddr, "%"), traddr);
}

static void fill_address(const struct nvmf_trid *trid,
			 const struct nvmf_ctrlr *c, struct nvmf_disc_record *r)
{
	const char *traddr = address_for(trid, c);
	struct nvmf_transport *t = nvmf_transport_find(trid->trtype);

	memset(r, 0, sizeof(*r));
	r->trtype = (u8)trid->trtype;
	r->adrfam = trid->adrfam;
	/* "not required" is an offer: libnvme then connects with TLS over TCP */
	r->treq = NVMF_TREQ_NOT_SPECIFIED | NVMF_TREQ_DISABLE_SQFLOW;
	r->asqsz = t->opts.max_aq_depth;
	set_traddr(r, traddr);
	snprintf(r->trsvcid, sizeof(r->trsvcid), "%s", trid->trsvcid);
	if (t->ops->disc_record)
		t->ops->disc_record(r);
}

static void fill_record(const struct nvmf_subsystem *s,
			const struct nvmf_listener *l,
			const struct nvmf_ctrlr *c, struct nvmf_disc_record *r)
{
	fill_address(&l->trid, c, r);
	r->subtype = s->subtype;
	r->portid = l->portid;
	r->cntlid = s->static_cntlid ? NVMF_CNTLID_STATIC : NVMF_CNTLID_DYNAMIC;
	snprintf(r->subnqn, sizeof(r->subnqn), "%s", s->nqn);
}

/* This service, where the host has come to it; connections may be kept */
static void fill_current(const struct nvmf_ctrlr *c, struct nvmf_disc_record *r)
{
	fill_address(&c->listen, c, r);
	r->subtype = NVMF_SUBTYPE_DISCOVERY;
	r->cntlid = NVMF_CNTLID_DYNAMIC;
	r->eflags = NVMF_DISC_DUPRETINFO | NVMF_DISC_EPCSD;
	snprintf(r->subnqn, sizeof(r->subnqn), "%s",
		 nvmf_target.config.disc_nqn);
}

/* Has it an address for @c, and does the filter let it through to there? */
static bool shown_at(const struct nvmf_trid *l, const struct nvmf_ctrlr *c)
{
	const struct nvmf_config *cf = &nvmf_target.config;
	const char *traddr = address_for(l, c);

	/* a record has a byte for the transport's number */
	return l->trtype <= UINT8_MAX && *traddr &&
	       (!cf->disc_transport || l->trtype == c->listen.trtype) &&
	       (!cf->disc_address || !strcasecmp(traddr, come_to(c))) &&
	       (!cf->disc_svcid || !strcmp(l->trsvcid, c->listen.trsvcid));
}

static void fill_referral(const struct nvmf_referral *ref,
			  struct nvmf_disc_record *r)
{
	memset(r, 0, sizeof(*r));
	r->trtype = (u8)ref->trid.trtype;
	r->adrfam = ref->trid.adrfam;
	r->subtype = NVMF_SUBTYPE_REFERRAL;
	r->treq = NVMF_TREQ_NOT_SPECIFIED;
	r->cntlid = NVMF_CNTLID_DYNAMIC;
	r->asqsz = REFERRAL_ASQSZ;
	set_traddr(r, ref->trid.traddr);
	snprintf(r->trsvcid, sizeof(r->trsvcid), "%s", ref->trid.trsvcid);
	snprintf(r->subnqn, sizeof(r->subnqn), "%s", ref->subnqn);
}

/* How many there are for @c; into @r as well, if it is not NULL */
static u64 records(const struct nvmf_ctrlr *c, struct nvmf_disc_record *r)
{
	const struct nvmf_referral *ref;
	struct nvmf_subsystem *s;
	struct nvmf_listener *l;
	u64 n = 0;

	TAILQ_FOREACH(s, &nvmf_target.subsystems, link) {
		if (!visible(s, c->hostnqn))
			continue;
		TAILQ_FOREACH(l, &s->listeners, link) {
			if (!shown_at(&l->trid, c))
				continue;
			if (r)
				fill_record(s, l, c, &r[n]);
			n++;
		}
	}
	if (nvmf_target.config.disc_nqn[0] && *come_to(c)) {
		if (r)
			fill_current(c, &r[n]);
		n++;
	}
	TAILQ_FOREACH(ref, &nvmf_target.referrals, link) {
		if (r)
			fill_referral(ref, &r[n]);
		n++;
	}
	return n;
}

static bool get_record(void *ctx, u64 index, struct nvmf_disc_record *r)
{
	const struct nvmf_snapshot *sn = ctx;

	if (index >= sn->count)
		return false;
	*r = sn->records[index];
	return true;
}

static void answer(struct nvmf_snapshot *sn, struct nvmf_request *req)
{
	u64 offset = nvme_log_offset(&req->cmd->sqe);
	size_t n, left = req->length;
	int i;

	if (sn->no_memory) {
		nvmf_request_complete(req, NVME_SC_INTERNAL);
		return;
	}
	for (i = 0; i < req->iovcnt && left; i++) {
		n = req->iov[i].iov_len < left ? req->iov[i].iov_len : left;
		nvmf_disc_window(sn->genctr, sn->count, get_record, sn, offset,
				 req->iov[i].iov_base, n);
		offset += n;
		left -= n;
	}
	nvmf_request_complete(req, NVME_SC_SUCCESS);
}

static void begin(struct nvmf_ctrlr *c);

/* Back on the controller's home; the last answer may be its end */
static void answer_all(void *ctx)
{
	struct nvmf_snapshot *sn = ctx;
	struct nvmf_request *req;

	sn->c->snapshot = NULL;
	if (!TAILQ_EMPTY(&sn->c->log_waits))
		begin(sn->c);
	while ((req = TAILQ_FIRST(&sn->asking))) {
		TAILQ_REMOVE(&sn->asking, req, link);
		answer(sn, req);
	}
	free(sn->records);
	free(sn);
}

/* On the control reactor */
static void take_snapshot(void *ctx)
{
	struct nvmf_snapshot *sn = ctx;
	const struct nvmf_ctrlr *c = sn->c;

	sn->genctr = nvmf_target.genctr;
	sn->count = records(c, NULL);
	if (sn->count) {
		sn->records = calloc(sn->count, sizeof(*sn->records));
		if (sn->records)
			records(c, sn->records);
		else
			sn->no_memory = true;
	}
	reactor_send(c->group->reactor, answer_all, sn);
}

/* Those that wait now; who comes later may know of changes that it misses */
static void begin(struct nvmf_ctrlr *c)
{
	struct nvmf_snapshot *sn = calloc(1, sizeof(*sn));
	struct nvmf_request *req;

	if (sn) {
		sn->c = c;
		TAILQ_INIT(&sn->asking);
		TAILQ_CONCAT(&sn->asking, &c->log_waits, link);
		c->snapshot = sn;
		reactor_send(reactor_control(), take_snapshot, sn);
		return;
	}
	while ((req = TAILQ_FIRST(&c->log_waits))) {
		TAILQ_REMOVE(&c->log_waits, req, link);
		nvmf_request_complete(req, NVME_SC_INTERNAL);
	}
}

void nvmf_discovery_log_execute(struct nvmf_request *req)
{
	struct nvmf_ctrlr *c = req->qpair->ctrlr;

	TAILQ_INSERT_TAIL(&c->log_waits, req, link);
	if (!c->snapshot)
		begin(c);
}

/* Changes */

static void tell_group(void *ctx)
{
	struct nvmf_group *g = nvmf_group_self();
	struct nvmf_ctrlr *c;

	(void)ctx;
	/* a stop may have overtaken the news */
	if (!g)
		return;
	TAILQ_FOREACH(c, &g->core->ctrlrs, group_link)
		if (c->discovery)
			nvmf_event_raise(c, NVMF_EVENT_DISC_CHANGED);
}

void nvmf_discovery_changed(void)
{
	nvmf_target.genctr++;
	reactor_for_each(tell_group, NULL, NULL);
}

/* Referrals */

struct nvmf_referral *nvmf_referral_first(void)
{
	return TAILQ_FIRST(&nvmf_target.referrals);
}

struct nvmf_referral *nvmf_referral_next(struct nvmf_referral *r)
{
	return TAILQ_NEXT(r, link);
}

struct nvmf_referral *nvmf_referral_find(const struct nvmf_trid *trid,
					 const char *subnqn)
{
	const char *nqn = subnqn ? subnqn : NVMF_DISCOVERY_NQN;
	struct nvmf_referral *r;

	TAILQ_FOREACH(r, &nvmf_target.referrals, link)
		if (nvmf_trid_equal(&r->trid, trid) && !strcmp(r->subnqn, nqn))
			return r;
	return NULL;
}

int nvmf_referral_add(const struct nvmf_trid *trid, const char *subnqn,
		      struct weft_reason *why)
{
	const char *nqn = subnqn ? subnqn : NVMF_DISCOVERY_NQN;
	struct nvmf_referral *r;
	int err = weft_nqn_check(nqn, strlen(nqn), "subnqn", why);

	if (err || nvmf_referral_find(trid, nqn))
		return err;
	r = calloc(1, sizeof(*r));
	if (!r)
		return weft_fail(why, -ENOMEM, "not enough memory");
	r->trid = *trid;
	snprintf(r->subnqn, sizeof(r->subnqn), "%s", nqn);
	TAILQ_INSERT_TAIL(&nvmf_target.referrals, r, link);
	nvmf_discovery_changed();
	return 0;
}

void nvmf_referral_remove(struct nvmf_referral *r)
{
	TAILQ_REMOVE(&nvmf_target.referrals, r, link);
	free(r);
	nvmf_discovery_changed();
}

/* At the target's end, when nobody is left to be told */
void nvmf_referral_free_all(void)
{
	struct nvmf_referral *r;

	while ((r = TAILQ_FIRST(&nvmf_target.referrals))) {
		TAILQ_REMOVE(&nvmf_target.referrals, r, link);
		free(r);
	}
}
