// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Counters as JSON objects: of one poll group, as nvmf_get_stats shows them for
 * this transport, SPDK's members first, then ours; and of one connection. Called
 * on their reactor, so that plain reads are exact.
 */
#include "target/transport/counters.h"
#include "target/transport/tcp/tcp.h"

static const struct transport_counter members[] = {
#define MEMBER(name) { #name, offsetof(struct tcp_stats, name) }
	MEMBER(wakeups),
	MEMBER(recv_calls),
	MEMBER(recv_bytes),
	MEMBER(recv_pdus),
	MEMBER(copied_bytes),
	MEMBER(direct_bytes),
	MEMBER(send_calls),
	MEMBER(send_bytes),
	MEMBER(send_pdus),
	MEMBER(send_full),
	MEMBER(r2ts),
	MEMBER(requests),
	MEMBER(digest_errors),
	MEMBER(faults),
	MEMBER(stalled),
#undef MEMBER
};

static void add_members(struct weft_text *json, const struct tcp_stats *s)
{
	weft_text_add(json, "\"pending_data_buffer\":%llu,\"pending_share\":%llu",
		      (unsigned long long)s->wait_buffer,
		      (unsigned long long)s->wait_share);
	transport_counters(json, members, ARRAY_SIZE(members), s);
}

void tcp_group_stats(struct nvmf_transport *t, struct nvmf_group *base,
		     struct weft_text *json)
{
	struct tcp_group *g = base->transport_group[NVMF_TRTYPE_TCP];

	(void)t;
	weft_text_add(json, "{\"trtype\":\"TCP\",");
	add_members(json, &g->stats);
	weft_text_add(json, ",\"connections\":%u,\"buffers\":%u,\"buffers_in_use\":%u}",
		      g->nconns, g->pool.total, g->pool.in_use);
}

void tcp_qpair_stats(struct nvmf_qpair *q, struct weft_text *json)
{
	weft_text_add(json, "{");
	add_members(json, &to_conn(q)->stats);
	weft_text_add(json, "}");
}
