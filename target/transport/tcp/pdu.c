// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * What received PDUs mean. The receiver of common/ has checked each by itself;
 * here it is checked against the commands that are under way, and the place of
 * its payload is chosen. Called by rx.c on the connection's reactor.
 */
#include "target/transport/tcp/tcp.h"

/* Small PDUs in a row after which large ones are not expected any more */
#define LARGE_MEMORY	8

/* Ends the connection with what nvme_tcp_fail() says of @f. */
#define REFUSE(c, ...)						\
	do {							\
		struct nvme_tcp_fault f_;			\
								\
		nvme_tcp_fail(&f_, __VA_ARGS__);		\
		tcp_conn_fault(c, &f_);				\
	} while (0)

/* Commands */

static u32 capsule_room(const struct tcp_conn *c, const struct nvme_sqe *sqe)
{
	if (c->base.admin || sqe->opcode == NVME_OPC_FABRICS)
		return NVME_TCP_ADMIN_CCSZ;
	return c->base.opts.in_capsule_data_size;
}

static struct tcp_request *take(struct tcp_conn *c, const union nvme_cmd *cmd)
{
	struct tcp_request *r = tcp_conn_take(c);

	if (!r)
		return NULL;
	r->state = TCP_REQ_NVMF;
	r->damaged = false;
	tcp_limits_begin(r);
	r->cmd = *cmd;
	r->base.qpair = &c->base;
	r->base.cmd = &r->cmd;
	r->base.iov = &r->one;
	r->base.capsule_data = NULL;
	r->base.capsule_len = c->rx.data_len;
	return r;
}

static bool is_connect(const union nvme_cmd *cmd)
{
	return cmd->sqe.opcode == NVME_OPC_FABRICS &&
	       cmd->fabrics.fctype == NVMF_FC_CONNECT;
}

/* Its data has a place in the capsule; what stands there is nvmf's to judge. */
static bool carries_data(const struct nvme_sqe *sqe)
{
	return sqe->sgl.id ==
	       NVME_SGL_ID(NVME_SGL_DATA_BLOCK, NVME_SGL_SUB_OFFSET);
}

static void command(struct tcp_conn *c)
{
	union nvme_cmd cmd = c->rx.pdu.cmd.cmd;
	u32 room = capsule_room(c, &cmd.sqe);
	struct tcp_request *r;

	if (c->rx.data_len > room) {
		REFUSE(c, NVME_TCP_FES_DATA_LIMIT, 0,
		       "capsule with %u bytes of data: at most %u are accepted",
		       c->rx.data_len, room);
		return;
	}
	if (c->rx.data_len && !carries_data(&cmd.sqe)) {
		REFUSE(c, NVME_TCP_FES_INVALID_HDR,
		       offsetof(struct nvme_tcp_hdr, plen),
		       "capsule with %u bytes of data, of a command that has none in it (SGL %02xh)",
		       c->rx.data_len, cmd.sqe.sgl.id);
		return;
	}
	/* one on a queue that is connected is refused, and changes nothing */
	if (is_connect(&cmd) && !c->base.ctrlr &&
	    tcp_conn_resize(c, le16_to_cpu(cmd.connect.sqsize) + 1u)) {
		tcp_conn_break(c, "requests", ENOMEM);
		return;
	}
	r = take(c, &cmd);
	if (!r) {
		REFUSE(c, NVME_TCP_FES_PDU_SEQ, 0,
		       "a command more than the queue's %u entries", c->nreqs);
		return;
	}
	TCP_COUNT(c, requests, 1);
	c->rx_req = c->rx.data_len ? r : NULL;
	nvmf_request_start(&r->base);
}

static void command_end(struct tcp_conn *c, bool damaged)
{
	struct tcp_request *r = c->rx_req;

	c->rx_req = NULL;
	if (!r)
		return;
	r->damaged = damaged;
	if (r->state == TCP_REQ_CAPSULE)
		tcp_request_filled(r);
	else if (r->state == TCP_REQ_HELD)
		tcp_request_respond(r);
}

/* Data that R2Ts have asked for */

static struct tcp_request *find_fetch(struct tcp_conn *c, u16 ttag)
{
	struct tcp_request *r = tcp_conn_request(c, ttag % c->nreqs);

	return r->state == TCP_REQ_R2T ? r : NULL;
}

static void h2c_data(struct tcp_conn *c)
{
	const struct nvme_tcp_data *d = &c->rx.pdu.data;
	struct tcp_request *r = find_fetch(c, le16_to_cpu(d->ttag));
	struct nvme_tcp_fault f;

	if (!r) {
		REFUSE(c, NVME_TCP_FES_INVALID_HDR,
		       offsetof(struct nvme_tcp_data, ttag),
		       "H2CData with TTAG %u, which no R2T has given",
		       le16_to_cpu(d->ttag));
		return;
	}
	if (nvme_tcp_fetch_h2c(&r->fetch, d, &f)) {
		tcp_conn_fault(c, &f);
		return;
	}
	c->rx_req = r;
	c->sink.iov = r->base.iov;
	c->sink.block = r->base.block;
	c->sink.offset = le32_to_cpu(d->datao);
	c->sink.left = le32_to_cpu(d->datal);
	tcp_sink_seek(&c->sink);
}

static void h2c_data_end(struct tcp_conn *c, bool damaged)
{
	struct tcp_request *r = c->rx_req;

	c->rx_req = NULL;
	if (!r)
		return;
	nvme_tcp_fetch_end(&r->fetch);
	/* one bad piece spoils it; what was asked for comes all the same */
	if (damaged)
		nvme_tcp_fetch_cut(&r->fetch);
	r->damaged |= damaged;
	if (nvme_tcp_fetch_done(&r->fetch))
		tcp_request_filled(r);
	else
		tcp_tx_queue(r);
}

/* The host gives up */

static void term(struct tcp_conn *c)
{
	static __thread struct log_budget budget;
	const struct nvme_tcp_term *t = &c->rx.pdu.term;

	log_peer(&budget, LOG_WARNING,
		 "tcp: %s:%s: the host ends the connection: %s (FES %u, FEI %u)",
		 c->base.peer, c->base.peer_port,
		 nvme_tcp_fes_name(le16_to_cpu(t->fes)), le16_to_cpu(t->fes),
		 le32_to_cpu(t->fei));
	tcp_conn_close(c);
}

static const struct {
	void (*begin)(struct tcp_conn *c);
	void (*end)(struct tcp_conn *c, bool damaged);
} kinds[] = {
	[NVME_TCP_H2C_TERM] = { term, NULL },
	[NVME_TCP_CMD] = { command, command_end },
	[NVME_TCP_H2C_DATA] = { h2c_data, h2c_data_end },
};

void tcp_pdu_begin(struct tcp_conn *c)
{
	u8 type = c->rx.pdu.hdr.type;

	memset(&c->sink, 0, sizeof(c->sink));
	c->rx_req = NULL;
	if (c->rx.data_len >= TCP_LARGE)
		c->large = LARGE_MEMORY;
	else if (c->large)
		c->large--;
	if (type < ARRAY_SIZE(kinds) && kinds[type].begin)
		kinds[type].begin(c);
	else
		REFUSE(c, NVME_TCP_FES_PDU_SEQ, 0,
		       "PDU type %u is not expected", type);
}

void tcp_pdu_end(struct tcp_conn *c, bool damaged)
{
	u8 type = c->rx.pdu.hdr.type;

	if (damaged)
		TCP_COUNT(c, digest_errors, 1);
	if (kinds[type].end)
		kinds[type].end(c, damaged);
}
