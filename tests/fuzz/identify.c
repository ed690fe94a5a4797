// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Any bytes as each kind of Identify data, cut off where the input ends and
 * filled up to 4 KiB: text that ends, block sizes and capacities that can be
 * shifted, lists that ascend.
 */
#include "common/identify.h"
#include "tests/fuzz/fuzz.h"

static void controller(const void *data, size_t size)
{
	struct weft_reason why = { "" };
	struct nvme_ctrl_info c;

	if (nvme_id_ctrl_decode(data, size, &c, &why)) {
		must(why.text[0]);
		return;
	}
	must(strnlen(c.serial, sizeof(c.serial)) < sizeof(c.serial));
	must(strnlen(c.model, sizeof(c.model)) < sizeof(c.model));
	must(strnlen(c.firmware, sizeof(c.firmware)) < sizeof(c.firmware));
	must(strnlen(c.subnqn, sizeof(c.subnqn)) < sizeof(c.subnqn));
	if (nvme_ctrl_info_check(&c, c.cntlid, false, true, &why))
		must(why.text[0]);
	else
		must(c.kas && c.ioccsz >= 4u + c.icdoff && c.iorcsz);
}

static void namespace(const void *data, size_t size)
{
	struct weft_reason why = { "" };
	struct nvme_ns_facts f;

	if (nvme_id_ns_decode(data, size, &f, &why)) {
		must(why.text[0]);
		return;
	}
	must(f.lbads >= 9 && f.lbads <= 16 && f.nsze);
	must(f.nsze <= ((1ull << 63) - 1) >> f.lbads);
}

static void descriptors(const void *data, size_t size)
{
	struct nvme_ns_facts f = { .nsze = 1 }, back = { .nsze = 1 };
	u8 list[NVME_IDENTIFY_SIZE];

	if (nvme_ns_descs_decode(data, size, &f, NULL))
		return;
	nvme_ns_descs_encode(list, &f);
	must(!nvme_ns_descs_decode(list, sizeof(list), &back, NULL));
	must(!memcmp(f.uuid, back.uuid, sizeof(f.uuid)));
	must(!memcmp(f.nguid, back.nguid, sizeof(f.nguid)));
	must(!memcmp(f.eui64, back.eui64, sizeof(f.eui64)));
	must(f.csi == back.csi);
}

static void list(const void *data, size_t size, u32 after)
{
	u32 out[NVME_NSID_LIST_MAX];
	int i, n;

	n = nvme_nsid_list_decode(data, size, after, out, NULL);
	must(n <= NVME_NSID_LIST_MAX);
	for (i = 0; i < n; i++) {
		must(out[i] > after && out[i] != NVME_NSID_ALL);
		after = out[i];
	}
}

static void each(const void *data, size_t size, u32 after)
{
	controller(data, size);
	namespace(data, size);
	descriptors(data, size);
	list(data, size, after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	u8 whole[NVME_IDENTIFY_SIZE];
	uint8_t *exact;
	u32 after;

	after = fuzz_take(&in, 1);
	exact = fuzz_exact(&in);
	each(exact, in.size, after);
	free(exact);
	fuzz_padded(&in, whole, sizeof(whole));
	each(whole, sizeof(whole), after);
	return 0;
}

static void seed_controller(void *buf)
{
	static const struct nvme_ctrl_desc d = {
		.serial = "1", .model = "Weft", .firmware = "1",
		.subnqn = "nqn.2026-11.io.weft:disk1", .cntlid = 1, .kas = 10,
		.ioccsz = 260, .iorcsz = 1,
	};

	nvme_id_ctrl_encode(buf, &d);
}

size_t fuzz_seed(unsigned int index, uint8_t *buf, size_t size)
{
	static const u32 ids[] = { 1, 2, 3, 1000 };
	static const struct nvme_ns_facts f = {
		.nsze = 1u << 20, .ncap = 1u << 20, .lbads = 12,
		.uuid = { 1 }, .nguid = { 2 }, .eui64 = { 3 },
	};
	__le32 wire[NVME_NSID_LIST_MAX];

	must(size >= 1 + NVME_IDENTIFY_SIZE);
	*buf++ = 0;
	switch (index) {
	case 0:
		seed_controller(buf);
		break;
	case 1:
		nvme_id_ns_encode((struct nvme_id_ns *)buf, &f);
		break;
	case 2:
		nvme_ns_descs_encode(buf, &f);
		break;
	case 3:
		nvme_nsid_list_encode(wire, ids, ARRAY_SIZE(ids));
		memcpy(buf, wire, sizeof(wire));
		break;
	default:
		return 0;
	}
	return 1 + NVME_IDENTIFY_SIZE;
}
