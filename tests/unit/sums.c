// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Rows of I/O counts, added up: what belongs together, in which order, and that
 * many rows do not cost each other anything.
 */
#include "target/rpc/sums.h"
#include "tests/unit/unit.h"

#define REACTORS	4
#define MANY		4096

static struct sums sums;

static void add(enum nvmf_io_row_kind kind, u32 subsystem, u32 nsid,
		unsigned int host)
{
	struct nvmf_io_row row = {
		.kind = kind, .subsystem = subsystem, .nsid = nsid,
		.io.errors = 1,
	};

	snprintf(row.nqn, sizeof(row.nqn), "nqn.2026-11.io.weft:%u", host);
	sums_add(&sums, &row);
}

static u32 count(enum nvmf_io_row_kind kind, u64 errors)
{
	const struct sum *s;
	u32 n = 0;

	for (s = sums.kinds[kind].first; s; s = s->next, n++)
		UNIT_EQ(s->row.io.errors, errors);
	return n;
}

static void test_what_belongs_together(void)
{
	int i;

	for (i = 0; i < REACTORS; i++) {
		add(NVMF_ROW_REACTOR, 0, 0, 0);
		add(NVMF_ROW_GONE, 7, 0, 0);
		add(NVMF_ROW_NAMESPACE, 7, 2, 0);
		add(NVMF_ROW_NAMESPACE, 7, 1, 0);
		add(NVMF_ROW_NAMESPACE, 8, 1, 0);
		add(NVMF_ROW_HOST, 0, 0, 1);
		add(NVMF_ROW_HOST, 0, 0, 2);
		add(NVMF_ROW_CONNECTION, 7, 0, 1);
	}
	UNIT_EQ(count(NVMF_ROW_REACTOR, 1), REACTORS);
	UNIT_EQ(count(NVMF_ROW_GONE, REACTORS), 1);
	UNIT_EQ(count(NVMF_ROW_NAMESPACE, REACTORS), 3);
	UNIT_EQ(count(NVMF_ROW_HOST, REACTORS), 2);
	UNIT_EQ(count(NVMF_ROW_CONNECTION, 1), REACTORS);
	UNIT_EQ(sums.kinds[NVMF_ROW_NAMESPACE].first->row.nsid, 2);
	UNIT_EQ(sums.kinds[NVMF_ROW_NAMESPACE].last->row.subsystem, 8);
	sums_free(&sums);
	UNIT_EQ(count(NVMF_ROW_HOST, 0), 0);
}

/* a row is compared with no more than a tree of all of them is high */
static void test_many(void)
{
	const u64 height = 2 * 12;	/* at most twice log2(MANY) */
	unsigned int i;

	for (i = 0; i < MANY; i++)
		add(NVMF_ROW_CONNECTION, 0, 0, i);
	UNIT_EQ(count(NVMF_ROW_CONNECTION, 1), MANY);
	UNIT_EQ(sums.compared, 0);
	for (i = 0; i < REACTORS * MANY; i++)
		add(NVMF_ROW_HOST, 0, 0, i % MANY);
	UNIT_EQ(count(NVMF_ROW_HOST, REACTORS), MANY);
	CU_ASSERT(sums.compared > 0);
	CU_ASSERT(sums.compared <= REACTORS * MANY * height);
	sums_free(&sums);
}

UNIT_MAIN(UNIT(test_what_belongs_together), UNIT(test_many))
