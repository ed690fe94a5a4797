// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Listeners: which addresses a subsystem may be reached at. Several subsystems
 * may share an address; the transport hears of it once. Called by rpc and by
 * Connect; control reactor.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>

#include "common/ana.h"
#include "target/nvmf/internal.h"

/**
 * struct listener_op - a listener comes or goes
 * @copies: of its ANA states, one for each reactor
 */
struct listener_op {
	struct nvmf_op op;
	struct nvmf_trid trid;
	struct nvmf_listener_opts opts;
	u16 index;
	bool no_memory;
	int err;
	struct nvmf_ana *copies[REACTOR_MAX];
};

/* Addresses */

/* Referrals may lead to these, whether this daemon has them or not */
static const struct {
	const char *name;
	u16 trtype;
} standard[] = {
	{ "RDMA", NVMF_TRTYPE_RDMA },
	{ "TCP", NVMF_TRTYPE_TCP },
};

static int unknown(const char *trtype, struct weft_reason *why)
{
	const struct nvmf_transport_ops *ops = NULL;
	struct weft_text names;
	char buf[64];

	weft_text_init(&names, buf, sizeof(buf));
	while ((ops = nvmf_transport_known_next(ops)))
		if (ops->trtype != NVMF_TRTYPE_RDMA &&
		    ops->trtype != NVMF_TRTYPE_TCP)
			weft_text_add(&names, ", %s", ops->name);
	return weft_fail_value(why, -EINVAL, "trtype", trtype, strlen(trtype),
			       "RDMA, TCP%s are accepted",
			       names.len ? buf : "");
}

/* One that this daemon has not: what referrals name */
static int parse_standard(struct nvmf_trid *t, const char *trtype,
			  struct weft_reason *why)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(standard); i++) {
		if (!strcasecmp(trtype, standard[i].name)) {
			t->trtype = standard[i].trtype;
			return 0;
		}
	}
	return unknown(trtype, why);
}

const char *nvmf_trid_transport(const struct nvmf_trid *t)
{
	const struct nvmf_transport_ops *ops = NULL;
	size_t i;

	while ((ops = nvmf_transport_known_next(ops)))
		if (ops->trtype == t->trtype)
			return ops->name;
	for (i = 0; i < ARRAY_SIZE(standard); i++)
		if (standard[i].trtype == t->trtype)
			return standard[i].name;
	return "unknown";
}

static int check_adrfam(u8 found, const char *adrfam, const char *traddr,
			struct weft_reason *why)
{
	const char *is = found == NVMF_ADRFAM_IPV4 ? "IPv4" : "IPv6";

	if (!adrfam || !*adrfam || !strcasecmp(adrfam, is))
		return 0;
	return weft_fail_value(why, -EINVAL, "adrfam", adrfam, strlen(adrfam),
			       "traddr %s is an %s address", traddr, is);
}

/* One spelling for each address: IPv6 has many. */
static void fill_address(struct nvmf_trid *t, const char *traddr)
{
	size_t n = strcspn(traddr, "%");
	char text[INET6_ADDRSTRLEN] = "";
	struct in6_addr addr;

	snprintf(t->traddr, sizeof(t->traddr), "%.*s", (int)n, traddr);
	if (t->adrfam == NVMF_ADRFAM_IPV6 &&
	    inet_pton(AF_INET6, t->traddr, &addr) == 1 &&
	    inet_ntop(AF_INET6, &addr, text, sizeof(text)))
		snprintf(t->traddr, sizeof(t->traddr), "%s%s", text,
			 traddr + n);
}

static int parse_ip(struct nvmf_trid *t, const char *adrfam, const char *traddr,
		    const char *trsvcid, struct weft_reason *why)
{
	int err, ret;

	ret = weft_addr_check(traddr, strlen(traddr), "traddr", why);
	if (ret < 0)
		return ret;
	if (strlen(traddr) >= sizeof(t->traddr))
		return weft_fail_value(why, -EINVAL, "traddr", traddr,
				       strlen(traddr), "at most %zu characters",
				       sizeof(t->traddr) - 1);
	t->adrfam = ret;
	err = check_adrfam(t->adrfam, adrfam, traddr, why);
	if (err)
		return err;
	if (!trsvcid || !*trsvcid)
		trsvcid = "4420";
	ret = weft_port_check(trsvcid, strlen(trsvcid), "trsvcid", why);
	if (ret < 0)
		return ret;
	fill_address(t, traddr);
	snprintf(t->trsvcid, sizeof(t->trsvcid), "%u", ret & 0xffff);
	return 0;
}

int nvmf_trid_parse(struct nvmf_trid *t, const char *trtype, const char *adrfam,
		    const char *traddr, const char *trsvcid,
		    struct weft_reason *why)
{
	const struct nvmf_transport_ops *ops = nvmf_transport_known(trtype);
	int err = 0;

	memset(t, 0, sizeof(*t));
	if (ops)
		t->trtype = ops->trtype;
	else
		err = parse_standard(t, trtype, why);
	if (err)
		return err;
	if (ops && ops->parse_address)
		return ops->parse_address(t, adrfam, traddr, trsvcid, why);
	return parse_ip(t, adrfam, traddr, trsvcid, why);
}

bool nvmf_trid_equal(const struct nvmf_trid *a, const struct nvmf_trid *b)
{
	return a->trtype == b->trtype && a->adrfam == b->adrfam &&
	       !strcasecmp(a->traddr, b->traddr) &&
	       !strcmp(a->trsvcid, b->trsvcid);
}

/* What transports listen at */

static struct nvmf_listen *find_listen(const struct nvmf_trid *trid)
{
	struct nvmf_listen *l;

	TAILQ_FOREACH(l, &nvmf_target.listens, link)
		if (nvmf_trid_equal(&l->trid, trid))
			return l;
	return NULL;
}

static int listen_begin(const struct nvmf_trid *trid, struct nvmf_listen **out,
			struct weft_reason *why)
{
	struct nvmf_transport *t = nvmf_transport_find(trid->trtype);
	struct nvmf_listen *l;
	int err;

	if (!t)
		return weft_fail(why, -ENOENT,
				 "trtype=%s: create the transport first (nvmf_create_transport)",
				 nvmf_trid_transport(trid));
	if (nvmf_transport_deleting(t))
		return weft_fail(why, -EBUSY,
				 "trtype=%s: the transport is being deleted; create it again first",
				 nvmf_trid_transport(trid));
	l = calloc(1, sizeof(*l));
	if (!l)
		return weft_fail(why, -ENOMEM, "not enough memory");
	err = t->ops->listen(t, trid, why);
	if (err) {
		free(l);
		return err;
	}
	l->transport = t;
	l->trid = *trid;
	l->portid = nvmf_target.next_portid++;
	TAILQ_INSERT_TAIL(&nvmf_target.listens, l, link);
	*out = l;
	return 0;
}

/* Discovery answers at any address, so it ends there with the last listener */
static void close_discovery(const struct nvmf_trid *trid)
{
	struct nvmf_subsystem *s = nvmf_subsystem_find(NVMF_DISCOVERY_NQN);
	struct nvmf_ctrlr *c;

	if (!s)
		return;
	TAILQ_FOREACH(c, &s->ctrlrs, link) {
		if (c->leaving || !nvmf_trid_equal(&c->listen, trid))
			continue;
		c->leaving = true;
		reactor_send(c->group->reactor, nvmf_ctrlr_close, c);
	}
}

static void listen_put(const struct nvmf_trid *trid)
{
	struct nvmf_listen *l = find_listen(trid);

	if (--l->users)
		return;
	l->transport->ops->stop_listen(l->transport, trid);
	TAILQ_REMOVE(&nvmf_target.listens, l, link);
	close_discovery(&l->trid);
	free(l);
}

/* Listeners of a subsystem */

static struct nvmf_listener *find(const struct nvmf_subsystem *s,
				  const struct nvmf_trid *trid)
{
	struct nvmf_listener *l;

	TAILQ_FOREACH(l, &s->listeners, link)
		if (nvmf_trid_equal(&l->trid, trid))
			return l;
	return NULL;
}

struct nvmf_listener *
nvmf_subsystem_listener(const struct nvmf_subsystem *s,
			const struct nvmf_trid *trid)
{
	return find(s, trid);
}

bool nvmf_subsystem_listens(const struct nvmf_subsystem *s,
			    const struct nvmf_trid *trid)
{
	/* discovery answers wherever anything listens */
	return s->subtype == NVMF_SUBTYPE_DISCOVERY ? !!find_listen(trid) :
						      !!find(s, trid);
}

static int free_index(const struct nvmf_subsystem *s, u16 *index,
		      struct weft_reason *why)
{
	struct nvmf_listener *l;

	for (*index = 0; *index < NVMF_MAX_LISTENERS; ++*index) {
		TAILQ_FOREACH(l, &s->listeners, link)
			if (l->index == *index)
				break;
		if (!l)
			return 0;
	}
	return weft_fail(why, -ENOSPC,
			 "%s listens at %u addresses already, which is the most",
			 s->nqn, NVMF_MAX_LISTENERS);
}

static struct nvmf_listener *alloc(const struct nvmf_subsystem *s,
				   const struct listener_op *o)
{
	struct nvmf_listener *l = calloc(1, sizeof(*l));

	if (l && s->ana_reporting) {
		l->ana = nvmf_ana_new(o->opts.ana_state);
		if (!l->ana) {
			free(l);
			return NULL;
		}
	}
	return l;
}

static void listener_free(struct nvmf_listener *l)
{
	free(l->ana);
	free(l);
}

static int add(struct nvmf_subsystem *s, struct listener_op *o,
	       struct weft_reason *why)
{
	struct nvmf_listen *at = find_listen(&o->trid);
	struct nvmf_listener *l;
	u16 index;
	int err = free_index(s, &index, why);

	if (err)
		return err;
	l = alloc(s, o);
	if (!l)
		return weft_fail(why, -ENOMEM, "not enough memory");
	if (!at) {
		err = listen_begin(&o->trid, &at, why);
		if (err) {
			listener_free(l);
			return err;
		}
	}
	at->users++;
	l->trid = o->trid;
	l->portid = at->portid;
	l->index = index;
	l->invalidate = o->opts.invalidate;
	o->index = index;
	TAILQ_INSERT_TAIL(&s->listeners, l, link);
	return 0;
}

static void drop(struct nvmf_subsystem *s, struct nvmf_listener *l)
{
	TAILQ_REMOVE(&s->listeners, l, link);
	listen_put(&l->trid);
	listener_free(l);
}

static void op_free(struct nvmf_op *op)
{
	struct listener_op *o = container_of(op, struct listener_op, op);
	unsigned int i;

	for (i = 0; i < REACTOR_MAX; i++)
		free(o->copies[i]);
	free(o);
}

static bool match(const struct nvmf_op *op, const struct nvmf_ctrlr *c)
{
	return nvmf_trid_equal(&c->listen, &container_of(op,
			       const struct listener_op, op)->trid);
}

/* Poll groups have the states before the first connection can arrive */
static void install_here(void *ctx)
{
	struct listener_op *o = ctx;
	struct nvmf_group *g = nvmf_group_self();
	unsigned int i = reactor_index(g->reactor);
	struct nvmf_sgroup *sg = nvmf_group_sgroup(g, o->op.s);

	if (!sg) {
		o->no_memory = true;
		return;
	}
	sg->ana[o->index] = o->copies[i];
	o->copies[i] = NULL;
}

static void uninstall_here(void *ctx)
{
	struct listener_op *o = ctx;
	struct nvmf_sgroup *sg = nvmf_group_self()->core->sgroups[o->op.s->id];

	if (!sg)
		return;
	free(sg->ana[o->index]);
	sg->ana[o->index] = NULL;
}

static void uninstalled(void *ctx)
{
	struct listener_op *o = ctx;

	nvmf_op_end(&o->op, o->no_memory ? weft_fail(&o->op.why, -ENOMEM,
						     "not enough memory") :
				     o->err);
}

/*
 * Linux reads the whole log of ANA states with one command, of the length that
 * Identify lets it expect, and turns ANA off if that is more than MDTS.
 */
static void warn_of_ana_log(const struct nvmf_subsystem *s,
			    const struct nvmf_trid *trid)
{
	const struct nvmf_transport *t = nvmf_transport_find(trid->trtype);
	u32 n = s->max_namespaces;
	u64 head = nvme_ana_log_size(0, 0);

	if (s->ana_reporting && nvme_ana_log_size(n, n) > t->opts.max_io_size)
		log_warn("%s: max_namespaces=%u: Linux hosts turn ANA off at %s:%s, as its log is longer than max_io_size=%u of the transport: with %u it fits",
			 s->nqn, n, trid->traddr, trid->trsvcid,
			 t->opts.max_io_size,
			 (u32)((t->opts.max_io_size - head) /
			       (nvme_ana_log_size(1, 1) - head)));
}

static void listening(struct listener_op *o)
{
	o->err = add(o->op.s, o, &o->op.why);
	if (o->err && o->op.s->ana_reporting) {
		reactor_for_each(uninstall_here, o, uninstalled);
		return;
	}
	if (!o->err) {
		warn_of_ana_log(o->op.s, &o->trid);
		nvmf_discovery_changed();
	}
	nvmf_op_end(&o->op, o->err);
}

static void installed(void *ctx)
{
	struct listener_op *o = ctx;

	if (o->no_memory)
		reactor_for_each(uninstall_here, o, uninstalled);
	else
		listening(o);
}

static bool make_copies(struct listener_op *o)
{
	unsigned int i;

	for (i = 0; i < reactor_count(); i++) {
		o->copies[i] = nvmf_ana_new(o->opts.ana_state);
		if (!o->copies[i])
			return false;
	}
	return true;
}

static void add_start(struct nvmf_op *op)
{
	struct listener_op *o = container_of(op, struct listener_op, op);
	int err = 0;

	if (find(op->s, &o->trid)) {
		nvmf_op_end(op, 0);
		return;
	}
	if (op->s->ana_reporting) {
		err = free_index(op->s, &o->index, &op->why);
		if (!err && !make_copies(o))
			err = weft_fail(&op->why, -ENOMEM, "not enough memory");
	}
	if (err)
		nvmf_op_end(op, err);
	else if (op->s->ana_reporting)
		reactor_for_each(install_here, o, installed);
	else
		listening(o);
}

static void op_left(struct nvmf_op *op)
{
	reactor_for_each(uninstall_here,
			 container_of(op, struct listener_op, op), uninstalled);
}

static void remove_start(struct nvmf_op *op)
{
	struct listener_op *o = container_of(op, struct listener_op, op);
	struct nvmf_listener *l = find(op->s, &o->trid);

	if (!l) {
		nvmf_op_end(op, weft_fail(&op->why, -ENOENT,
					  "%s does not listen at %s %s:%s",
					  op->s->nqn,
					  nvmf_trid_transport(&o->trid),
					  o->trid.traddr, o->trid.trsvcid));
		return;
	}
	o->index = l->index;
	drop(op->s, l);
	nvmf_discovery_changed();
	nvmf_op_disconnect(op, match, op_left);
}

static void queue(struct nvmf_subsystem *s, const struct nvmf_trid *trid,
		  const struct nvmf_listener_opts *opts,
		  void (*start)(struct nvmf_op *op), nvmf_done done, void *ctx)
{
	struct listener_op *o;

	if (nvmf_subsystem_busy(s, done, ctx))
		return;
	o = calloc(1, sizeof(*o));
	if (!o) {
		nvmf_op_refuse(done, ctx, -ENOMEM, NULL);
		return;
	}
	o->trid = *trid;
	o->opts = *opts;
	if (!o->opts.ana_state)
		o->opts.ana_state = NVME_ANA_OPTIMIZED;
	o->op.start = start;
	o->op.free = op_free;
	nvmf_op_queue(&o->op, s, done, ctx);
}

void nvmf_subsystem_add_listener(struct nvmf_subsystem *s,
				 const struct nvmf_trid *trid,
				 const struct nvmf_listener_opts *opts,
				 nvmf_done done, void *ctx)
{
	queue(s, trid, opts, add_start, done, ctx);
}

void nvmf_subsystem_remove_listener(struct nvmf_subsystem *s,
				    const struct nvmf_trid *trid,
				    nvmf_done done, void *ctx)
{
	queue(s, trid, &(struct nvmf_listener_opts){ 0 }, remove_start, done,
	      ctx);
}

void nvmf_listener_free_all(struct nvmf_subsystem *s)
{
	struct nvmf_listener *l;

	while ((l = TAILQ_FIRST(&s->listeners)))
		drop(s, l);
}
