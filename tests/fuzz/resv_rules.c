// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Any reservation command with any data: what is accepted has values that
 * exist, and nothing beyond the data is looked at.
 */
#include "common/resv_rules.h"
#include "tests/fuzz/fuzz.h"

static void command(const struct nvme_sqe *sqe, const u8 *data, size_t len)
{
	struct nvme_resv_cmd r;
	u16 loc;

	if (nvme_resv_cmd_decode(sqe, data, len, &r, &loc))
		return;
	must(nvme_resv_cmd_bytes(r.opcode) && len >=
	     nvme_resv_cmd_bytes(r.opcode));
	must(r.action <= 2 && r.cptpl != 1);
	must(r.type <= NVME_RESV_TYPE_MAX || r.action == NVME_RESV_CLEAR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct nvme_sqe sqe;
	u8 *exact;

	fuzz_padded(&in, &sqe, sizeof(sqe));
	fuzz_skip(&in, sizeof(sqe));
	exact = fuzz_exact(&in);
	command(&sqe, exact, in.size);
	free(exact);
	return 0;
}

size_t fuzz_seed(unsigned int index, uint8_t *buf, size_t size)
{
	static const struct nvme_resv_cmd cmds[] = {
		{ NVME_CMD_RESV_REGISTER, 0, false, 0, 3, 1, 2 },
		{ NVME_CMD_RESV_ACQUIRE, 2, false, 6, 0, 1, 2 },
		{ NVME_CMD_RESV_RELEASE, 1, false, 0, 0, 1, 0 },
	};
	union nvme_cmd c;

	must(size >= 64 + 16);
	memset(buf, 0, 64 + 16);
	if (index < ARRAY_SIZE(cmds)) {
		nvme_resv_cmd_encode(&c, 1, &cmds[index], buf + 64);
		memcpy(buf, &c, 64);
		return 64 + 16;
	}
	return 0;
}
