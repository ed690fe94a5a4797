// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Any Connect command with any data, whole or cut off, and any completion of a
 * Connect put into words.
 */
#include "common/connect.h"
#include "tests/fuzz/fuzz.h"

#define MAX_SQSIZE	128
#define MAX_QID		64

static void check(const struct nvmf_connect *c)
{
	must(c->qid <= MAX_QID);
	must(c->sqsize >= 2 && c->sqsize <= MAX_SQSIZE);
	must(strnlen(c->subnqn, NVMF_NQN_FIELD) <= NVMF_NQN_MAX && *c->subnqn);
	must(strnlen(c->hostnqn, NVMF_NQN_FIELD) <= NVMF_NQN_MAX);
	must((c->cntlid >= NVMF_CNTLID_MIN && c->cntlid <= NVMF_CNTLID_MAX) ||
	     (!c->qid && c->cntlid >= NVMF_CNTLID_STATIC));
}

static void explain(nvme_status status, u32 result)
{
	struct weft_text t;
	char buf[256];

	weft_text_init(&t, buf, sizeof(buf));
	nvmf_connect_explain(status, result, &t);
	must(!t.cut && t.len && strlen(buf) == t.len);
}

static void parse(const struct nvmf_connect_cmd *cmd, const void *data,
		  size_t size)
{
	struct nvmf_connect_error err = { 0, 0 };
	struct nvmf_connect c;

	if (!nvmf_connect_parse(cmd, data, size, MAX_SQSIZE, MAX_QID, &c,
				&err)) {
		check(&c);
		return;
	}
	must(nvme_status_dnr(err.status));
	explain(err.status, err.result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct nvmf_connect_data whole;
	struct nvmf_connect_cmd cmd;
	uint8_t *exact;

	explain(fuzz_take(&in, 2), fuzz_take(&in, 4));
	fuzz_padded(&in, &cmd, sizeof(cmd));
	fuzz_skip(&in, sizeof(cmd));
	exact = fuzz_exact(&in);
	parse(&cmd, exact, in.size);
	free(exact);
	fuzz_padded(&in, &whole, sizeof(whole));
	parse(&cmd, &whole, sizeof(whole));
	return 0;
}

size_t fuzz_seed(unsigned int index, uint8_t *buf, size_t size)
{
	static const u8 hostid[16] = { 1, 2, 3, 4 };
	struct nvmf_connect_cmd cmd = { .opcode = NVME_OPC_FABRICS };
	struct nvmf_connect_data d;

	if (index > 1)
		return 0;
	must(size >= 6 + sizeof(cmd) + sizeof(d));
	cmd.fctype = NVMF_FC_CONNECT;
	cmd.qid = cpu_to_le16(index);
	cmd.sqsize = cpu_to_le16(31);
	nvmf_connect_data_encode(&d, hostid, index ? 1 : NVMF_CNTLID_DYNAMIC,
				 "nqn.2026-11.io.weft:disk1",
				 "nqn.2026-11.io.weft:host1");
	memset(buf, 0, 6);
	memcpy(buf + 6, &cmd, sizeof(cmd));
	memcpy(buf + 6 + sizeof(cmd), &d, sizeof(d));
	return 6 + sizeof(cmd) + sizeof(d);
}
