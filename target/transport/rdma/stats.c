// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Counters of one poll group as the JSON object that nvmf_get_stats shows for
 * this transport: SPDK's members first, then ours. Called on the group's
 * reactor, so that plain reads are exact.
 */
#include "target/transport/counters.h"
#include "target/transport/rdma/rdma.h"

static const struct transport_counter members[] = {
#define MEMBER(name, field) { name, offsetof(struct rdma_stats, field) }
	MEMBER("polls", polls),
	MEMBER("idle_polls", idle_polls),
	MEMBER("completions", completions),
	MEMBER("requests", requests),
	MEMBER("request_latency", latency_us),
	MEMBER("pending_free_request", wait_request),
	MEMBER("pending_rdma_read", wait_read),
	MEMBER("pending_rdma_write", wait_write),
	MEMBER("pending_rdma_send", wait_send),
	MEMBER("total_send_wrs", send_wrs),
	MEMBER("send_doorbell_updates", send_doorbells),
	MEMBER("total_recv_wrs", recv_wrs),
	MEMBER("recv_doorbell_updates", recv_doorbells),
	MEMBER("rdma_reads", reads),
	MEMBER("rdma_writes", writes),
	MEMBER("invalidates", invalidates),
	MEMBER("copies", copies),
	MEMBER("inline_sends", inline_sends),
	MEMBER("wakeups", wakeups),
	MEMBER("forced_closes", forced),
	MEMBER("stalled", stalled),
	MEMBER("shared_receive_failures", ungrown),
#undef MEMBER
};

static void add_shared_receives(struct weft_text *json,
				const struct rdma_gdev *gd)
{
	const struct rdma_cqs *cqs;
	u32 claimed = 0, receives = 0, chunks = 0;

	TAILQ_FOREACH(cqs, &gd->cqs, link) {
		if (!cqs->srq)
			continue;
		claimed += cqs->srq->claimed;
		receives += cqs->srq->receives;
		chunks += cqs->srq->chunks;
	}
	weft_text_add(json, ",\"shared_receives\":%u,\"shared_receive_chunks\":%u,\"shared_receive_claims\":%u",
		      receives, chunks, claimed);
}

static void add_device(struct weft_text *json, const struct rdma_gdev *gd,
		       bool first)
{
	weft_text_add(json, "%s{\"name\":\"%s\"", first ? "" : ",", gd->name);
	transport_counters(json, members, ARRAY_SIZE(members), &gd->stats);
	add_shared_receives(json, gd);
	weft_text_add(json, ",\"buffers\":%u,\"buffers_in_use\":%u}",
		      gd->pool.total, gd->pool.in_use);
}

void rdma_group_stats(struct nvmf_transport *t, struct nvmf_group *base,
		      struct weft_text *json)
{
	struct rdma_group *g = base->transport_group[NVMF_TRTYPE_RDMA];
	struct rdma_gdev *gd;
	bool first = true;
	u64 waited = 0, shares = 0;

	(void)t;
	TAILQ_FOREACH(gd, &g->gdevs, link) {
		waited += gd->stats.wait_buffer;
		shares += gd->stats.wait_share;
	}
	weft_text_add(json, "{\"trtype\":\"RDMA\",\"pending_data_buffer\":%llu,\"pending_share\":%llu,\"devices\":[",
		      (unsigned long long)waited, (unsigned long long)shares);
	TAILQ_FOREACH(gd, &g->gdevs, link) {
		add_device(json, gd, first);
		first = false;
	}
	weft_text_add(json, "]}");
}
