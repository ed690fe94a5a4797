// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The walk over an ANA log. A host calls it from process context with what a
 * controller sent: every count and state is checked here, so that callers can
 * take groups as they come.
 */
#include "common/ana.h"

static const char *const state_names[] = {
	[NVME_ANA_OPTIMIZED]		= "optimized",
	[NVME_ANA_NONOPTIMIZED]		= "non-optimized",
	[NVME_ANA_INACCESSIBLE]		= "inaccessible",
	[NVME_ANA_PERSISTENT_LOSS]	= "persistent-loss",
	[NVME_ANA_CHANGE]		= "change",
};

static bool state_known(u8 state)
{
	return state < ARRAY_SIZE(state_names) && state_names[state];
}

const char *nvme_ana_state_name(u8 state)
{
	return state_known(state) ? state_names[state] : "unknown";
}

int nvme_ana_iter_init(struct nvme_ana_iter *it, const void *data, size_t len,
		       struct weft_reason *why)
{
	struct nvme_ana_log_header h;

	if (len < sizeof(h))
		return weft_fail(why, -EMSGSIZE,
				 "ANA log of %zu bytes: its header has %zu",
				 len, sizeof(h));
	memcpy(&h, data, sizeof(h));
	it->data = data;
	it->len = len;
	it->pos = sizeof(h);
	it->left = le16_to_cpu(h.ngrps);
	it->chgcnt = le64_to_cpu(h.chgcnt);
	return 0;
}

int nvme_ana_iter_next(struct nvme_ana_iter *it, struct nvme_ana_group *g,
		       struct weft_reason *why)
{
	struct nvme_ana_log_group d;
	size_t room = it->len - it->pos;

	if (!it->left)
		return 0;
	if (room < sizeof(d))
		return weft_fail(why, -EMSGSIZE,
				 "ANA log of %zu bytes: %u more groups should follow",
				 it->len, it->left);
	memcpy(&d, it->data + it->pos, sizeof(d));
	g->id = le32_to_cpu(d.grpid);
	g->state = d.state & NVME_ANA_STATE_MASK;
	g->nnsids = le32_to_cpu(d.nnsids);
	g->nsids = it->data + it->pos + sizeof(d);
	if (!g->id || !state_known(g->state))
		return weft_fail(why, -EPROTO,
				 "ANA log: group %u with state %xh", g->id,
				 g->state);
	room -= sizeof(d);
	if (g->nnsids > room / sizeof(__le32))
		return weft_fail(why, -EMSGSIZE,
				 "ANA log of %zu bytes: group %u should have %u namespaces",
				 it->len, g->id, g->nnsids);
	it->pos += sizeof(d) + (size_t)g->nnsids * sizeof(__le32);
	it->left--;
	return 1;
}
