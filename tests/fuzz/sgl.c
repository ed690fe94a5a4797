// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Any command and any rules: a descriptor that is accepted stays within the
 * capsule, the longest transfer and the kinds that the queue knows.
 */
#include "common/sgl.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct nvme_sgl *s, enum nvme_xfer_dir dir,
		  const struct nvme_sgl_rules *rules)
{
	must(s->len <= rules->max_len || s->place == NVME_SGL_PLACE_NONE);
	must((s->len == 0) == (s->place == NVME_SGL_PLACE_NONE));
	must(dir != NVME_XFER_NONE || s->place == NVME_SGL_PLACE_NONE);
	must(!s->invalidate || s->place == NVME_SGL_PLACE_REMOTE);
	switch (s->place) {
	case NVME_SGL_PLACE_CAPSULE:
		must(dir == NVME_XFER_HOST_TO_CTRL);
		must(s->offset >= rules->icdoff);
		must((u64)s->offset + s->len <= rules->capsule_data);
		break;
	case NVME_SGL_PLACE_REMOTE:
		must(rules->keyed);
		break;
	case NVME_SGL_PLACE_TRANSPORT:
		must(rules->transport);
		break;
	case NVME_SGL_PLACE_NONE:
		break;
	}
}

static void capsule_limits(struct fuzz_input *in)
{
	struct nvme_capsule_limits l = {
		.ioccsz = fuzz_take(in, 4), .icdoff = fuzz_take(in, 2),
		.sgls = fuzz_take(in, 4), .max_segments = fuzz_take(in, 1),
	};
	u32 len = fuzz_take(in, 4), segments = fuzz_take(in, 1);

	if (!nvme_use_incapsule(&l, NVME_XFER_HOST_TO_CTRL, segments, len))
		return;
	must(segments <= l.max_segments);
	must((u64)len + NVME_SQE_SIZE + l.icdoff * 16ull <= l.ioccsz * 16ull);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	u8 flags = fuzz_take(&in, 1);
	struct nvme_sgl_rules rules = {
		.keyed = flags & 1, .transport = flags & 2,
		.capsule_data = fuzz_take(&in, 2),
		.icdoff = fuzz_take(&in, 1), .max_len = fuzz_take(&in, 4),
	};
	enum nvme_xfer_dir dir = flags >> 2 & 3;
	struct nvme_sqe sqe;
	struct nvme_sgl s;

	fuzz_padded(&in, &sqe, sizeof(sqe));
	if (!nvme_sgl_parse(&sqe, dir, &rules, &s))
		check(&s, dir, &rules);
	capsule_limits(&in);
	return 0;
}

size_t fuzz_seed(unsigned int index, uint8_t *buf, size_t size)
{
	struct nvme_sqe sqe = { .flags = NVME_SQE_PSDT_SGL };
	static const u8 rules[8] = {
		3 | NVME_XFER_HOST_TO_CTRL << 2, 0, 0x10, 0, 0, 0, 0x10, 0,
	};

	switch (index) {
	case 0:
		nvme_sgl_keyed(&sqe.sgl, 0x1000, 4096, 7, true);
		break;
	case 1:
		nvme_sgl_incapsule(&sqe.sgl, 0, 4096);
		break;
	case 2:
		nvme_sgl_transport(&sqe.sgl, 512);
		break;
	default:
		return 0;
	}
	must(size >= sizeof(rules) + sizeof(sqe));
	memcpy(buf, rules, sizeof(rules));
	memcpy(buf + sizeof(rules), &sqe, sizeof(sqe));
	return sizeof(rules) + sizeof(sqe);
}
