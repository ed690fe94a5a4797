// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The userspace initiator's controllers and queues against a scripted target:
 * the way up and down, refusals in words, time limits, keep-alive, events,
 * reconnecting.
 */
#include "tests/unit/initiator_peer.h"
#include "tools/initiator/internal.h"

static struct peer p;

#define SECOND	(1000 * INI_MS)

static void test_way_up_and_down(void)
{
	u16 cid;

	peer_init(&p, NULL);
	peer_up(&p);
	UNIT_EQ(ini_ctrlr_cntlid(p.c), 7);
	UNIT_EQ(ini_ctrlr_io_queues(p.c), 1);
	UNIT_EQ(ini_ctrlr_max_transfer(p.c), UINT32_MAX);
	UNIT_EQ(ini_ctrlr_vs(p.c), NVME_VS(2, 0, 0));
	UNIT_EQ(ini_ctrlr_cap(p.c), peer_cap(&p));
	UNIT_STR(ini_ctrlr_info(p.c)->model, "M");
	peer_queue(&p, 16);
	UNIT_EQ(ini_queue_depth(p.q), 16);
	UNIT_EQ(ini_queue_id(p.q), 1);
	ini_queue_destroy(p.q);
	p.q = NULL;
	UNIT_EQ(peer_next(&p, 1), -2);
	ini_ctrlr_shutdown(p.c);
	cid = peer_cmd(&p, 0, NVME_OPC_FABRICS);
	UNIT_EQ(le64_to_cpu(p.conn[0].rx.pdu.cmd.cmd.prop.value) &
		NVME_CC_SHN_MASK, NVME_CC_SHN_NORMAL);
	peer_rsp(&p, 0, cid, 0, 0);
	peer_property(&p, NVMF_FC_PROPERTY_GET, NVME_REG_CSTS,
		      NVME_CSTS_RDY | NVME_CSTS_SHST_OCCURRING);
	UNIT_EQ(ini_ctrlr_state(p.c), INI_CLOSING);
	p.now += SECOND;
	peer_property(&p, NVMF_FC_PROPERTY_GET, NVME_REG_CSTS,
		      NVME_CSTS_RDY | NVME_CSTS_SHST_COMPLETE);
	UNIT_EQ(ini_ctrlr_state(p.c), INI_CLOSED);
	UNIT_EQ(peer_next(&p, 0), -2);
	peer_free(&p);
}

/* What no SGL of the transport can name is refused, and harms nobody. */
static void test_too_much_data(void)
{
	struct ini_transport_ops small = ini_tcp_ops;
	struct peer_answer a = { 0 };
	static u8 data[8192];

	UNIT_EQ(ini_tcp_ops.max_data, UINT32_MAX);
	UNIT_EQ(ini_rdma_ops.max_data, 0xffffff);
	small.max_data = 4096;
	peer_init(&p, NULL);
	p.mdts = 1;
	peer_up(&p);
	peer_queue(&p, 4);
	UNIT_EQ(ini_ctrlr_max_transfer(p.c), 8192);
	p.c->ops = p.q->ops = &small;
	UNIT_EQ(ini_ctrlr_max_transfer(p.c), 4096);
	UNIT_EQ(ini_queue_max_data(p.q), 4096);
	UNIT_EQ(ini_read(p.q, 1, 0, 16, 0, data, 8192, peer_done, &a), -EINVAL);
	UNIT_EQ(ini_queue_outstanding(p.q), 0);
	UNIT_EQ(ini_read(p.q, 1, 0, 8, 0, data, 4096, peer_done, &a), 0);
	peer_cmd(&p, 1, NVME_CMD_READ);
	UNIT_EQ(ini_queue_state(p.q), INI_LIVE);
	peer_free(&p);
}

static void test_byte_by_byte(void)
{
	peer_init(&p, "hdr_digest,data_digest");
	p.chunk = 1;
	p.dgst = NVME_TCP_DGST_HDR | NVME_TCP_DGST_DATA;
	p.opts.hpda = 31;
	p.cpda = 31;
	peer_up(&p);
	peer_queue(&p, 4);
	peer_free(&p);
}

static void expect_failed(const char *words, int err)
{
	peer_settle(&p);
	UNIT_EQ(ini_ctrlr_state(p.c), INI_FAILED);
	UNIT_EQ(ini_ctrlr_error(p.c), err);
	PEER_WORDS(ini_ctrlr_reason(p.c), words);
	UNIT_EQ(ini_ctrlr_poll(p.c, p.now), 0);
	UNIT_EQ(ini_ctrlr_deadline(p.c), INI_NEVER);
	peer_free(&p);
}

static void test_connect_refused(void)
{
	u16 cid;

	peer_init(&p, NULL);
	UNIT_EQ(ini_ctrlr_create(&p.opts, &p.c, &p.why), 0);
	peer_ic(&p, 0);
	cid = peer_cmd(&p, 0, NVME_OPC_FABRICS);
	peer_rsp(&p, 0, cid, NVME_SC_CONNECT_INVALID_HOST | NVME_STATUS_DNR, 0);
	expect_failed("queue 0: Connect: Connect Invalid Host",
		      nvme_status_to_errno(NVME_SC_CONNECT_INVALID_HOST));

	peer_init(&p, NULL);
	UNIT_EQ(ini_ctrlr_create(&p.opts, &p.c, &p.why), 0);
	peer_ic(&p, 0);
	cid = peer_cmd(&p, 0, NVME_OPC_FABRICS);
	peer_rsp(&p, 0, cid, 0, 7 | NVMF_CONNECT_AUTHREQ_ATR);
	expect_failed("authentication", -ENOKEY);
}

static void test_digest_not_granted(void)
{
	static const char *const words[] = {
		"does not offer hdr_digest and data_digest: connect without",
		"does not offer data_digest: connect without",
		"does not offer hdr_digest: connect without",
	};
	u8 granted;

	for (granted = 0; granted < ARRAY_SIZE(words); granted++) {
		peer_init(&p, "hdr_digest,data_digest");
		p.dgst = granted;
		UNIT_EQ(ini_ctrlr_create(&p.opts, &p.c, &p.why), 0);
		peer_ic(&p, 0);
		expect_failed(words[granted], -EPROTONOSUPPORT);
	}
}

/* CSTS is what the host wants to know next */
static void up_to_cc(u32 vs, u32 crto)
{
	peer_init(&p, NULL);
	p.vs = vs;
	p.crto = crto;
	UNIT_EQ(ini_ctrlr_create(&p.opts, &p.c, &p.why), 0);
	peer_ic(&p, 0);
	peer_rsp(&p, 0, peer_cmd(&p, 0, NVME_OPC_FABRICS), 0, 7);
	peer_properties(&p);
}

static void test_fatal_and_never_ready(void)
{
	int i;

	up_to_cc(NVME_VS(2, 0, 0), 20);
	peer_property(&p, NVMF_FC_PROPERTY_GET, NVME_REG_CSTS, NVME_CSTS_CFS);
	expect_failed("fatal status", -ENODEV);

	up_to_cc(NVME_VS(2, 0, 0), 20);
	for (i = 0; i < 4; i++) {
		peer_property(&p, NVMF_FC_PROPERTY_GET, NVME_REG_CSTS, 0);
		UNIT_EQ(ini_ctrlr_state(p.c), INI_CONNECTING);
		/* not asked again before its time */
		UNIT_EQ(peer_next(&p, 0), -1);
		CU_ASSERT(ini_ctrlr_deadline(p.c) > p.now);
		p.now += SECOND;
	}
	p.now += 20 * SECOND;
	peer_property(&p, NVMF_FC_PROPERTY_GET, NVME_REG_CSTS, 0);
	expect_failed("not ready", -ETIMEDOUT);
}

/* CRTO goes beyond CAP.TO, and is asked for only where it is */
static void test_slow_controller(void)
{
	up_to_cc(NVME_VS(2, 0, 0), 0x200);
	p.now += 250 * SECOND;
	peer_property(&p, NVMF_FC_PROPERTY_GET, NVME_REG_CSTS, 0);
	UNIT_EQ(ini_ctrlr_state(p.c), INI_CONNECTING);
	p.now += 7 * SECOND;
	peer_property(&p, NVMF_FC_PROPERTY_GET, NVME_REG_CSTS, 0);
	expect_failed("not ready after 256500 ms", -ETIMEDOUT);

	up_to_cc(NVME_VS(1, 4, 0), 0x200);
	p.now += 11 * SECOND;
	peer_property(&p, NVMF_FC_PROPERTY_GET, NVME_REG_CSTS, 0);
	expect_failed("not ready after 10500 ms", -ETIMEDOUT);
}

static void test_bad_identify(void)
{
	struct nvme_id_ctrl id;
	u16 cid;

	peer_init(&p, NULL);
	peer_enable(&p);
	cid = peer_cmd(&p, 0, NVME_ADMIN_IDENTIFY);
	peer_id(&p, &id);
	id.cntlid = cpu_to_le16(8);
	peer_c2h(&p, 0, cid, 0, &id, sizeof(id),
		 NVME_TCP_F_LAST | NVME_TCP_F_SUCCESS);
	expect_failed("Identify Controller: ", -EINVAL);
}

static void test_refused_step(void)
{
	u16 cid;

	peer_init(&p, NULL);
	peer_enable(&p);
	cid = peer_cmd(&p, 0, NVME_ADMIN_IDENTIFY);
	peer_rsp(&p, 0, cid, NVME_SC_INVALID_FIELD | NVME_STATUS_DNR, 0);
	expect_failed("Identify Controller: Invalid Field",
		      nvme_status_to_errno(NVME_SC_INVALID_FIELD));
}

/* Not success, but no code either: an error all the same */
static void test_status_without_code(void)
{
	peer_init(&p, NULL);
	UNIT_EQ(ini_ctrlr_create(&p.opts, &p.c, &p.why), 0);
	peer_ic(&p, 0);
	peer_rsp(&p, 0, peer_cmd(&p, 0, NVME_OPC_FABRICS), NVME_STATUS_DNR, 7);
	expect_failed("queue 0: Connect: ", -EIO);

	peer_init(&p, NULL);
	peer_enable(&p);
	peer_rsp(&p, 0, peer_cmd(&p, 0, NVME_ADMIN_IDENTIFY), NVME_STATUS_MORE,
		 0);
	expect_failed("Identify Controller: ", -EIO);
}

static void test_closed_and_silent(void)
{
	peer_init(&p, NULL);
	UNIT_EQ(ini_ctrlr_create(&p.opts, &p.c, &p.why), 0);
	UNIT_EQ(peer_next(&p, 0), NVME_TCP_ICREQ);
	close(p.conn[0].fd);
	p.conn[0].fd = -1;
	expect_failed("connection lost", -ECONNRESET);

	peer_init(&p, NULL);
	p.opts.connect_ms = 700;
	UNIT_EQ(ini_ctrlr_create(&p.opts, &p.c, &p.why), 0);
	peer_settle(&p);
	UNIT_EQ(ini_ctrlr_deadline(p.c), 1 + 700 * INI_MS);
	p.now = 700 * INI_MS;
	peer_settle(&p);
	UNIT_EQ(ini_ctrlr_state(p.c), INI_CONNECTING);
	p.now += 1;
	expect_failed("not connected after 700 ms", -ETIMEDOUT);
}

static void test_options(void)
{
	struct weft_connstr c;
	struct ini_opts o;
	const char *text;

	text = "transport=tcp,traddr=::1,nqn=n,duplicate_connect";
	UNIT_EQ(weft_connstr_parse(text, strlen(text), &c, NULL), 0);
	UNIT_EQ(ini_opts_init(&o, &c, &p.why), -EINVAL);
	PEER_WORDS(p.why.text, "duplicate_connect: not supported");
	text = "transport=rdma,traddr=::1,nqn=n,hdr_digest";
	UNIT_EQ(weft_connstr_parse(text, strlen(text), &c, NULL), 0);
	UNIT_EQ(ini_opts_init(&o, &c, &p.why), -EINVAL);
	text = "transport=tcp,nqn=n";
	UNIT_EQ(weft_connstr_parse(text, strlen(text), &c, NULL), 0);
	UNIT_EQ(ini_opts_init(&o, &c, &p.why), -EINVAL);

	peer_init(&p, NULL);
	p.opts.maxr2t = 9;
	UNIT_EQ(ini_ctrlr_create(&p.opts, &p.c, &p.why), -EINVAL);
	PEER_WORDS(p.why.text, "maxr2t=9");
	p.opts.maxr2t = 0;
	p.opts.hpda = 32;
	UNIT_EQ(ini_ctrlr_create(&p.opts, &p.c, &p.why), -EINVAL);
	PEER_WORDS(p.why.text, "hpda=32");
	CU_ASSERT(!p.c);
}

static void test_queue_rules(void)
{
	peer_init(&p, NULL);
	p.cap_mqes = 15;
	UNIT_EQ(ini_ctrlr_create(&p.opts, &p.c, &p.why), 0);
	UNIT_EQ(ini_queue_create(p.c, 1, 8, &p.q, &p.why), -ENOTCONN);
	ini_ctrlr_destroy(p.c);
	close(p.conn[0].fd);
	p.nconns = 0;
	peer_up(&p);
	UNIT_EQ(ini_queue_create(p.c, 0, 8, &p.q, &p.why), -EINVAL);
	UNIT_EQ(ini_queue_create(p.c, 2, 8, &p.q, &p.why), -EINVAL);
	PEER_WORDS(p.why.text, "qid=2");
	UNIT_EQ(ini_queue_create(p.c, 1, 0, &p.q, &p.why), -EINVAL);
	UNIT_EQ(ini_queue_create(p.c, 1, WEFT_QUEUE_SIZE_MAX, &p.q, &p.why),
		-EINVAL);
	CU_ASSERT(!p.q);
	peer_queue(&p, 100);
	UNIT_EQ(ini_queue_depth(p.q), 15);
	peer_free(&p);
}

static void test_full_queue_and_data_rules(void)
{
	struct peer_answer a = { 0 };
	union nvme_cmd cmd;
	u8 buf[512];
	int i;

	peer_init(&p, NULL);
	peer_up(&p);
	UNIT_EQ(ini_queue_create(p.c, 1, 3, &p.q, &p.why), 0);
	/* not before Connect has succeeded */
	UNIT_EQ(ini_flush(p.q, 1, peer_done, &a), -ENOTCONN);
	peer_ic(&p, 1);
	UNIT_EQ(ini_flush(p.q, 1, peer_done, &a), -ENOTCONN);
	peer_rsp(&p, 1, peer_cmd(&p, 1, NVME_OPC_FABRICS), 0, 7);
	memset(&cmd, 0, sizeof(cmd));
	cmd.sqe.opcode = 0x83;		/* both ways */
	UNIT_EQ(ini_submit_buf(p.q, &cmd, buf, 512, peer_done, &a), -EINVAL);
	cmd.sqe.opcode = NVME_CMD_WRITE_ZEROES;
	UNIT_EQ(ini_submit_buf(p.q, &cmd, buf, 512, peer_done, &a), -EINVAL);
	UNIT_EQ(ini_submit(p.q, &cmd, NULL, -1, peer_done, &a), -EINVAL);
	UNIT_EQ(ini_read(p.q, 1, 0, 0, 0, buf, 512, peer_done, &a), -EINVAL);
	UNIT_EQ(ini_read(p.q, 1, 0, 65537, 0, buf, 512, peer_done, &a),
		-EINVAL);
	UNIT_EQ(ini_dsm(p.q, 1, NULL, 257, 0, peer_done, &a), -EINVAL);
	UNIT_EQ(ini_copy(p.q, 1, 0, NULL, 0, peer_done, &a), -EINVAL);
	UNIT_EQ(ini_resv_report(p.q, 1, buf, 6, peer_done, &a), -EINVAL);
	for (i = 0; i < 3; i++)
		UNIT_EQ(ini_flush(p.q, 1, peer_done, &a), 0);
	UNIT_EQ(ini_flush(p.q, 1, peer_done, &a), -EAGAIN);
	UNIT_EQ(ini_queue_outstanding(p.q), 3);
	for (i = 0; i < 3; i++)
		peer_rsp(&p, 1, peer_cmd(&p, 1, NVME_CMD_FLUSH), 0, 0);
	UNIT_EQ(a.times, 3);
	UNIT_EQ(ini_queue_outstanding(p.q), 0);
	UNIT_EQ(ini_queue_stats(p.q)->submitted, 4);
	peer_free(&p);
}

static void test_time_limit(void)
{
	struct peer_answer a = { 0 }, b = { 0 };

	peer_init(&p, NULL);
	p.opts.timeout_ms = 2000;
	peer_up(&p);
	peer_queue(&p, 4);
	UNIT_EQ(ini_queue_deadline(p.q), INI_NEVER);
	UNIT_EQ(ini_flush(p.q, 1, peer_done, &a), 0);
	peer_settle(&p);
	p.now += SECOND;
	peer_settle(&p);
	UNIT_EQ(ini_flush(p.q, 2, peer_done, &b), 0);
	UNIT_EQ(ini_queue_deadline(p.q), 1 + 2 * SECOND);
	p.now = 2 * SECOND;
	peer_settle(&p);
	UNIT_EQ(a.times, 0);
	p.now += 1;
	peer_settle(&p);
	UNIT_EQ(a.times, 1);
	UNIT_EQ(b.times, 1);
	UNIT_EQ(a.status, NVME_SC_HOST_ABORTED_CMD);
	UNIT_EQ(ini_queue_state(p.q), INI_FAILED);
	UNIT_EQ(ini_queue_error(p.q), -ETIMEDOUT);
	PEER_WORDS(ini_queue_reason(p.q), "queue 1: Flush (CID ");
	UNIT_EQ(ini_flush(p.q, 1, peer_done, &a), -ENOTCONN);
	UNIT_EQ(ini_ctrlr_state(p.c), INI_LIVE);
	peer_free(&p);
}

/* Nobody polls a queue that has nothing to do: that is not the command's time. */
static void test_time_after_a_pause(void)
{
	struct peer_answer a = { 0 };
	u16 cid;

	peer_init(&p, NULL);
	p.opts.timeout_ms = 2000;
	peer_up(&p);
	peer_queue(&p, 4);
	p.now += 10 * SECOND;
	UNIT_EQ(ini_flush(p.q, 1, peer_done, &a), 0);
	peer_settle(&p);
	UNIT_EQ(ini_queue_state(p.q), INI_LIVE);
	UNIT_EQ(ini_queue_deadline(p.q), 1 + 12 * SECOND);
	cid = peer_cmd(&p, 1, NVME_CMD_FLUSH);
	peer_rsp(&p, 1, cid, 0, 0);
	UNIT_EQ(a.times, 1);
	UNIT_EQ(a.status, 0);
	peer_free(&p);
}

static void submit_fails(struct ini_queue *q, struct ini_req *r)
{
	(void)r;
	ini_queue_fail(q, -ENOMEM, "no memory");
}

/* One half was taken: the pair ends by its callback, and not before. */
static void test_half_a_pair(void)
{
	struct ini_transport_ops ops;
	struct peer_answer a = { 0 };
	struct ini_pair pair = { .done = peer_done, .ctx = &a };
	u8 block[512] = { 0 };

	peer_init(&p, NULL);
	peer_up(&p);
	peer_queue(&p, 4);
	ops = *p.q->ops;
	ops.submit = submit_fails;
	p.q->ops = &ops;
	UNIT_EQ(ini_compare_write(p.q, 1, 0, 1, block, block, sizeof(block),
				  &pair), 0);
	UNIT_EQ(a.times, 0);
	peer_settle(&p);
	UNIT_EQ(a.times, 1);
	UNIT_EQ(a.status, NVME_SC_HOST_ABORTED_CMD);
	PEER_WORDS(ini_queue_reason(p.q), "no memory");
	p.q->ops = ini_transport("tcp");
	peer_free(&p);
}

static void test_keep_alive(void)
{
	u16 cid;

	peer_init(&p, "keep_alive_tmo=4");
	peer_up(&p);
	UNIT_EQ(peer_next(&p, 0), -1);
	p.now += 2 * SECOND;
	cid = peer_cmd(&p, 0, NVME_ADMIN_KEEP_ALIVE);
	UNIT_EQ(peer_next(&p, 0), -1);
	peer_rsp(&p, 0, cid, 0, 0);
	UNIT_EQ(ini_ctrlr_deadline(p.c), p.now + 2 * SECOND);
	p.now += 2 * SECOND;
	peer_cmd(&p, 0, NVME_ADMIN_KEEP_ALIVE);
	p.now += 4 * SECOND;
	expect_failed("Keep Alive: no answer within 4 s", -ETIMEDOUT);

	peer_init(&p, "keep_alive_tmo=4");
	peer_up(&p);
	peer_settle(&p);
	p.now += 2 * SECOND;
	cid = peer_cmd(&p, 0, NVME_ADMIN_KEEP_ALIVE);
	peer_rsp(&p, 0, cid, NVME_SC_KA_TIMEOUT_EXPIRED, 0);
	peer_settle(&p);
	PEER_WORDS(ini_ctrlr_reason(p.c), "queue 0: Keep Alive: ");
	peer_free(&p);
}

static u32 events[8], nevents;

static void on_event(void *ctx, u32 dw0)
{
	(void)ctx;
	events[nevents++] = dw0;
}

static void test_events(void)
{
	u16 cid[4], again;
	u32 dw0 = NVME_AER_DW0(NVME_AER_NOTICE, NVME_AER_NOTICE_NS_CHANGED,
			       NVME_LOG_CHANGED_NS);
	int i;

	nevents = 0;
	peer_init(&p, NULL);
	p.opts.event = on_event;
	peer_enable(&p);
	peer_identify(&p);
	peer_rsp(&p, 0, peer_cmd(&p, 0, NVME_ADMIN_SET_FEATURES), 0,
		 0x00030003);
	again = peer_cmd(&p, 0, NVME_ADMIN_SET_FEATURES);
	UNIT_EQ(le32_to_cpu(p.conn[0].rx.pdu.cmd.cmd.sqe.cdw10),
		NVME_FEAT_ASYNC_EVENT);
	UNIT_EQ(le32_to_cpu(p.conn[0].rx.pdu.cmd.cmd.sqe.cdw11),
		NVME_OAES_NS_ATTR);
	peer_rsp(&p, 0, again, 0, 0);
	for (i = 0; i < 4; i++)
		cid[i] = peer_cmd(&p, 0, NVME_ADMIN_ASYNC_EVENT);
	UNIT_EQ(peer_next(&p, 0), -1);
	/* they have no time limit */
	p.now += 3600 * SECOND;
	cid[0] = cid[2];
	peer_rsp(&p, 0, cid[0], 0, dw0);
	UNIT_EQ(nevents, 1);
	UNIT_EQ(events[0], dw0);
	/* Keep Alive was due, too, and another request for events follows */
	peer_rsp(&p, 0, peer_cmd(&p, 0, NVME_ADMIN_KEEP_ALIVE), 0, 0);
	again = peer_cmd(&p, 0, NVME_ADMIN_ASYNC_EVENT);
	/* one that is refused is not sent again */
	peer_rsp(&p, 0, again, NVME_SC_ASYNC_LIMIT, 0);
	UNIT_EQ(peer_next(&p, 0), -1);
	UNIT_EQ(ini_ctrlr_state(p.c), INI_LIVE);
	peer_free(&p);
	UNIT_EQ(nevents, 1);
}

/* After a failure everything starts over on new connections. */
static void test_reconnect(void)
{
	struct peer_answer a = { 0 };
	u16 cid;
	int i;

	peer_init(&p, NULL);
	peer_up(&p);
	peer_queue(&p, 4);
	UNIT_EQ(ini_flush(p.q, 1, peer_done, &a), 0);
	peer_cmd(&p, 1, NVME_CMD_FLUSH);
	for (i = 0; i < 2; i++)
		shutdown(p.conn[i].fd, SHUT_RDWR);
	peer_settle(&p);
	UNIT_EQ(ini_ctrlr_state(p.c), INI_FAILED);
	UNIT_EQ(ini_queue_state(p.q), INI_FAILED);
	UNIT_EQ(a.times, 1);
	UNIT_EQ(ini_queue_reconnect(p.q, &p.why), -ENOTCONN);

	UNIT_EQ(ini_ctrlr_reconnect(p.c, &p.why), 0);
	UNIT_EQ(ini_ctrlr_state(p.c), INI_CONNECTING);
	close(p.conn[0].fd);
	p.conn[0] = p.conn[2];
	p.conn[2].fd = -1;
	peer_ic(&p, 0);
	peer_rsp(&p, 0, peer_cmd(&p, 0, NVME_OPC_FABRICS), 0, 7);
	peer_properties(&p);
	peer_property(&p, NVMF_FC_PROPERTY_GET, NVME_REG_CSTS, NVME_CSTS_RDY);
	peer_identify(&p);
	peer_rsp(&p, 0, peer_cmd(&p, 0, NVME_ADMIN_SET_FEATURES), 0, 0);
	UNIT_EQ(ini_ctrlr_state(p.c), INI_LIVE);
	UNIT_EQ(ini_queue_reconnect(p.q, &p.why), 0);
	peer_ic(&p, 3);
	peer_rsp(&p, 3, peer_cmd(&p, 3, NVME_OPC_FABRICS), 0, 7);
	UNIT_EQ(ini_queue_state(p.q), INI_LIVE);
	UNIT_EQ(ini_flush(p.q, 1, peer_done, &a), 0);
	cid = peer_cmd(&p, 3, NVME_CMD_FLUSH);
	peer_rsp(&p, 3, cid, 0, 0);
	UNIT_EQ(a.times, 2);
	UNIT_EQ(a.status, 0);
	ini_queue_disconnect(p.q);
	UNIT_EQ(ini_queue_state(p.q), INI_CLOSED);
	peer_free(&p);
}

/* Who does not ask why is told later all the same. */
static void test_reconnect_in_vain(void)
{
	int conns;

	peer_init(&p, NULL);
	peer_up(&p);
	conns = p.nconns;
	p.nconns = PEER_CONNS;	/* no more of them */
	UNIT_EQ(ini_ctrlr_reconnect(p.c, NULL), -EMFILE);
	p.nconns = conns;
	UNIT_EQ(ini_ctrlr_state(p.c), INI_FAILED);
	PEER_WORDS(ini_ctrlr_reason(p.c), "queue 0: no connection");
	peer_free(&p);
}

static void test_fds(void)
{
	struct ini_fd fds[INI_FDS_MAX];

	peer_init(&p, NULL);
	peer_up(&p);
	peer_settle(&p);
	UNIT_EQ(ini_queue_fds(ini_ctrlr_admin(p.c), fds), 1);
	UNIT_EQ(fds[0].events, 1 /* POLLIN */);
	CU_ASSERT(ini_queue_arm(ini_ctrlr_admin(p.c)));
	peer_free(&p);
}

UNIT_MAIN(UNIT(test_way_up_and_down), UNIT(test_too_much_data),
	  UNIT(test_byte_by_byte), UNIT(test_connect_refused),
	  UNIT(test_digest_not_granted), UNIT(test_fatal_and_never_ready),
	  UNIT(test_slow_controller), UNIT(test_bad_identify),
	  UNIT(test_refused_step), UNIT(test_status_without_code),
	  UNIT(test_closed_and_silent),
	  UNIT(test_options), UNIT(test_queue_rules),
	  UNIT(test_full_queue_and_data_rules), UNIT(test_time_limit),
	  UNIT(test_time_after_a_pause), UNIT(test_half_a_pair),
	  UNIT(test_keep_alive),
	  UNIT(test_events), UNIT(test_reconnect),
	  UNIT(test_reconnect_in_vain), UNIT(test_fds))
