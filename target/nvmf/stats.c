// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Listings that need the other reactors: statistics of poll groups, and the
 * controllers and queue pairs of a subsystem. Each poll group adds its part to
 * one collection in turn; the control reactor hands it out. Called by rpc.
 */
#include <stdlib.h>

#include "target/nvmf/internal.h"

/* A transport's text is given twice the room until it fits */
#define FIRST_TEXT	2048

/**
 * struct collection - rows from all reactors
 * @hand_out: passes a row to the caller's function
 * @transports: as of the beginning, because the list is the control reactor's
 */
struct collection {
	const struct nvmf_subsystem *s;
	size_t row_size;
	size_t count;
	size_t room;
	u8 *rows;
	void (*hand_out)(struct collection *col, const void *row);
	int (*order)(const void *a, const void *b);
	struct nvmf_transport *transports[NVMF_TRANSPORTS + 1];
	union {
		void (*stats)(void *ctx, const struct nvmf_group_stats *s);
		void (*ctrlr)(void *ctx, const struct nvmf_ctrlr_info *i);
		void (*qpair)(void *ctx, const struct nvmf_qpair_info *i);
	} fn;
	reactor_fn done;
	void *ctx;
};

static void *add_row(struct collection *col)
{
	void *row;

	if (col->count == col->room) {
		size_t room = col->room ? 2 * col->room : 16;
		u8 *rows = reallocarray(col->rows, room, col->row_size);

		if (!rows) {
			log_error("listing: not enough memory for all rows");
			return NULL;
		}
		col->rows = rows;
		col->room = room;
	}
	row = col->rows + col->count++ * col->row_size;
	memset(row, 0, col->row_size);
	return row;
}

static void collected(void *ctx)
{
	struct collection *col = ctx;
	size_t i;

	if (col->order && col->count)
		qsort(col->rows, col->count, col->row_size, col->order);
	for (i = 0; i < col->count; i++)
		col->hand_out(col, col->rows + i * col->row_size);
	col->done(col->ctx);
	free(col->rows);
	free(col);
}

static struct collection *begin(size_t row_size, reactor_fn done, void *ctx)
{
	struct collection *col = calloc(1, sizeof(*col));

	if (!col) {
		log_error("listing: not enough memory");
		reactor_send(reactor_self(), done, ctx);
		return NULL;
	}
	col->row_size = row_size;
	col->done = done;
	col->ctx = ctx;
	return col;
}

/* Statistics */

static void write_text(struct nvmf_transport *t, struct nvmf_group *g,
		       struct weft_text *text)
{
	if (t->ops->group_stats)
		t->ops->group_stats(t, g, text);
	else
		weft_text_add(text, "{}");
}

/* How long it is depends on what the transport has seen, devices for instance. */
static char *transport_text(struct nvmf_transport *t, struct nvmf_group *g)
{
	struct weft_text text;
	char *buf = NULL, *more;
	size_t size = FIRST_TEXT;

	do {
		more = realloc(buf, size);
		if (!more) {
			log_error("listing: not enough memory for statistics");
			free(buf);
			return NULL;
		}
		buf = more;
		weft_text_init(&text, buf, size);
		write_text(t, g, &text);
		size *= 2;
	} while (text.cut);
	return buf;
}

static void add_transport(struct nvmf_group_stats *st, struct nvmf_group *g,
			  struct nvmf_transport *t)
{
	if (st->ntransports == ARRAY_SIZE(st->transports))
		return;
	st->transports[st->ntransports].trtype = t->ops->name;
	st->transports[st->ntransports].json = transport_text(t, g);
	st->ntransports++;
}

static void stats_add(void *ctx)
{
	struct collection *col = ctx;
	struct nvmf_group *g = nvmf_group_self();
	struct nvmf_group_stats *st;
	int i;

	if (!g)
		return;
	st = add_row(col);
	if (!st)
		return;
	*st = g->core->stats;
	st->current_unassociated_qpairs = g->core->unconnected;
	for (i = 0; col->transports[i]; i++)
		add_transport(st, g, col->transports[i]);
}

static void stats_hand_out(struct collection *col, const void *row)
{
	const struct nvmf_group_stats *st = row;
	unsigned int i;

	col->fn.stats(col->ctx, st);
	for (i = 0; i < st->ntransports; i++)
		free(st->transports[i].json);
}

void nvmf_stats_collect(void (*fn)(void *ctx,
				   const struct nvmf_group_stats *s),
			reactor_fn done, void *ctx)
{
	struct collection *col = begin(sizeof(struct nvmf_group_stats), done,
				       ctx);
	struct nvmf_transport *t;
	int i = 0;

	if (!col)
		return;
	/* there is at most one of each type, and type 0 does not exist */
	TAILQ_FOREACH(t, &nvmf_target.transports, link)
		col->transports[i++] = t;
	col->fn.stats = fn;
	col->hand_out = stats_hand_out;
	reactor_for_each(stats_add, col, collected);
}

/* Controllers */

static void ctrlrs_add(void *ctx)
{
	struct collection *col = ctx;
	struct nvmf_group *g = nvmf_group_self();
	struct nvmf_ctrlr_info *i;
	struct nvmf_ctrlr *c;

	if (!g)
		return;
	TAILQ_FOREACH(c, &g->core->ctrlrs, group_link) {
		if (c->subsystem != col->s)
			continue;
		i = add_row(col);
		if (!i)
			return;
		i->cntlid = c->cntlid;
		memcpy(i->hostnqn, c->hostnqn, sizeof(i->hostnqn));
		memcpy(i->hostid, c->hostid, sizeof(i->hostid));
		i->io_qpairs = c->nqpairs;
		i->kato_ms = c->kato_ms;
	}
}

static void ctrlr_hand_out(struct collection *col, const void *row)
{
	col->fn.ctrlr(col->ctx, row);
}

static int ctrlr_order(const void *a, const void *b)
{
	const struct nvmf_ctrlr_info *x = a, *y = b;

	return (int)x->cntlid - (int)y->cntlid;
}

void nvmf_subsystem_ctrlrs(struct nvmf_subsystem *s,
			   void (*fn)(void *ctx,
				      const struct nvmf_ctrlr_info *i),
			   reactor_fn done, void *ctx)
{
	struct collection *col = begin(sizeof(struct nvmf_ctrlr_info), done,
				       ctx);

	if (!col)
		return;
	col->s = s;
	col->fn.ctrlr = fn;
	col->hand_out = ctrlr_hand_out;
	col->order = ctrlr_order;
	reactor_for_each(ctrlrs_add, col, collected);
}

/* Queue pairs */

static const char *state_name(const struct nvmf_qpair *q)
{
	switch (q->state) {
	case NVMF_QPAIR_NEW:
	case NVMF_QPAIR_CONNECTING:
		return "connecting";
	case NVMF_QPAIR_ENABLED:
		return "enabled";
	default:
		return "deactivating";
	}
}

static void add_counters(struct nvmf_qpair_info *i, struct nvmf_qpair *q)
{
	struct weft_text text;

	weft_text_init(&text, i->counters, sizeof(i->counters));
	if (q->transport->ops->qpair_stats)
		q->transport->ops->qpair_stats(q, &text);
}

static void qpairs_add(void *ctx)
{
	struct collection *col = ctx;
	struct nvmf_group *g = nvmf_group_self();
	struct nvmf_qpair_info *i;
	struct nvmf_qpair *q;

	if (!g)
		return;
	TAILQ_FOREACH(q, &g->core->qpairs, link) {
		/* one that is being released may have no controller any more */
		if (!q->ctrlr || q->state == NVMF_QPAIR_RELEASING ||
		    q->ctrlr->subsystem != col->s)
			continue;
		i = add_row(col);
		if (!i)
			return;
		i->cntlid = q->ctrlr->cntlid;
		i->qid = q->qid;
		i->state = state_name(q);
		i->reactor = reactor_index(g->reactor);
		memcpy(i->hostnqn, q->ctrlr->hostnqn, sizeof(i->hostnqn));
		i->listen = q->listen;
		memcpy(i->peer, q->peer, sizeof(i->peer));
		memcpy(i->peer_port, q->peer_port, sizeof(i->peer_port));
		add_counters(i, q);
		i->depth = q->sqsize;
		i->outstanding = q->outstanding;
	}
}

static void qpair_hand_out(struct collection *col, const void *row)
{
	col->fn.qpair(col->ctx, row);
}

static int qpair_order(const void *a, const void *b)
{
	const struct nvmf_qpair_info *x = a, *y = b;

	if (x->cntlid != y->cntlid)
		return (int)x->cntlid - (int)y->cntlid;
	return (int)x->qid - (int)y->qid;
}

void nvmf_subsystem_qpairs(struct nvmf_subsystem *s,
			   void (*fn)(void *ctx,
				      const struct nvmf_qpair_info *i),
			   reactor_fn done, void *ctx)
{
	struct collection *col = begin(sizeof(struct nvmf_qpair_info), done,
				       ctx);

	if (!col)
		return;
	col->s = s;
	col->fn.qpair = fn;
	col->hand_out = qpair_hand_out;
	col->order = qpair_order;
	reactor_for_each(qpairs_add, col, collected);
}
