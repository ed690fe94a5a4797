// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Any bytes as discovery log: entries that are accepted have text that ends
 * and survive being encoded again; a reader fed with them always comes to an
 * end; windows anywhere in the page write what they were asked to and no more.
 */
#include "common/discovery.h"
#include "tests/fuzz/fuzz.h"

struct feed {
	struct fuzz_input in;
	u64 want;
};

static void same_again(const struct nvmf_disc_record *r)
{
	struct nvmf_disc_record back;
	struct nvmf_disc_entry e;

	nvmf_disc_entry_encode(&e, r);
	must(!nvmf_disc_entry_decode(&e, sizeof(e), &back, NULL));
	must(!strcmp(r->subnqn, back.subnqn));
	must(!strcmp(r->traddr, back.traddr));
	must(!strcmp(r->trsvcid, back.trsvcid));
	must(r->portid == back.portid && r->rdma_pkey == back.rdma_pkey);
}

static void took(void *ctx, u64 index, const struct nvmf_disc_record *r)
{
	struct feed *f = ctx;

	must(index == 0 || index == f->want);
	f->want = index + 1;
	must(strnlen(r->subnqn, sizeof(r->subnqn)) < sizeof(r->subnqn));
	must(strnlen(r->traddr, sizeof(r->traddr)) < sizeof(r->traddr));
	must(strnlen(r->trsvcid, sizeof(r->trsvcid)) < sizeof(r->trsvcid));
	same_again(r);
}

/* A target that answers each window with the next bytes of the input. */
static void read_log(const struct fuzz_input *in, u32 max)
{
	struct feed f = { .in = *in };
	struct nvmf_disc_reader r;
	static u8 buf[4096];
	unsigned int reads = 0;
	u64 offset;
	u32 len;
	int ret;

	nvmf_disc_reader_init(&r);
	while (reads++ < 64 && nvmf_disc_next(&r, max, &offset, &len)) {
		must(len && len <= max && len <= sizeof(buf));
		must(len % 1024 == 0 && offset % 1024 == 0);
		fuzz_padded(&f.in, buf, len);
		fuzz_skip(&f.in, len);
		ret = nvmf_disc_feed(&r, buf, len, took, &f, NULL);
		if (ret && ret != -EAGAIN)
			return;
	}
}

static bool hand_out(void *ctx, u64 index, struct nvmf_disc_record *r)
{
	const u64 *count = ctx;

	if (index >= *count)
		return false;
	memset(r, 0, sizeof(*r));
	r->trtype = index & 3;
	memset(r->traddr, 'a', index % NVMF_TRADDR_FIELD);
	return true;
}

static void window(struct fuzz_input *in)
{
	u64 numrec = fuzz_take(in, 8), offset = fuzz_take(in, 8);
	u64 count = fuzz_take(in, 2);
	size_t len = fuzz_take(in, 2) % 4097;
	u8 *out = malloc(len ? len : 1);

	must(out);
	nvmf_disc_window(1, numrec, hand_out, &count, offset, out, len);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	u32 max = 1024 + fuzz_take(&in, 2) % 3073;
	struct nvmf_disc_record r;
	u64 genctr, numrec;
	uint8_t *exact;

	read_log(&in, max);
	exact = fuzz_exact(&in);
	nvmf_disc_header_decode(exact, in.size, &genctr, &numrec, NULL);
	nvmf_disc_entry_decode(exact, in.size, &r, NULL);
	free(exact);
	window(&in);
	return 0;
}

size_t fuzz_seed(unsigned int index, uint8_t *buf, size_t size)
{
	struct nvmf_disc_record r = {
		.trtype = NVMF_TRTYPE_RDMA, .adrfam = NVMF_ADRFAM_IPV4,
		.subtype = NVMF_SUBTYPE_NVME, .trsvcid = "4420",
		.subnqn = "nqn.2026-11.io.weft:disk1", .traddr = "10.9.0.1",
	};
	unsigned int i, n = index + 1;

	if (index > 2)
		return 0;
	/* header, entries, header; one window at a time */
	must(size >= 2 + 1024 * (n + 2));
	memset(buf, 0, 2);
	buf += 2;
	nvmf_disc_header_encode((struct nvmf_disc_header *)buf, 5, n);
	for (i = 1; i <= n; i++)
		nvmf_disc_entry_encode((struct nvmf_disc_entry *)
				       (buf + 1024 * i), &r);
	memcpy(buf + 1024 * i, buf, 1024);
	return 2 + 1024 * (n + 2);
}
