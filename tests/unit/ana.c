// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/ana.h: a log in one piece and in many, every cut, every refusal.
 */
#include "common/ana.h"
#include "tests/unit/unit.h"

/* Bytes as the specification draws them: two groups, of two and no members. */
static const u8 log_page[] = {
	9, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
	7, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0,
	2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	1, 0, 0, 0, 0x10, 0x27, 0, 0,
	8, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0,
	0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};
#define GROUP_1		16
#define GROUP_2		56

static void check_first(const struct nvme_ana_group *g)
{
	UNIT_EQ(g->id, 7);
	UNIT_EQ(g->state, NVME_ANA_NONOPTIMIZED);
	UNIT_EQ(g->nnsids, 2);
	UNIT_EQ(nvme_ana_nsid(g, 0), 1);
	UNIT_EQ(nvme_ana_nsid(g, 1), 10000);
}

static void test_whole(void)
{
	struct nvme_ana_iter it;
	struct nvme_ana_group g;

	UNIT_EQ(nvme_ana_iter_init(&it, log_page, sizeof(log_page), NULL), 0);
	UNIT_EQ(it.chgcnt, 9);
	UNIT_EQ(it.left, 2);
	UNIT_EQ(nvme_ana_iter_next(&it, &g, NULL), 1);
	check_first(&g);
	UNIT_EQ(nvme_ana_iter_next(&it, &g, NULL), 1);
	UNIT_EQ(g.id, 8);
	UNIT_EQ(g.state, NVME_ANA_CHANGE);
	UNIT_EQ(g.nnsids, 0);
	UNIT_EQ(nvme_ana_iter_next(&it, &g, NULL), 0);
	UNIT_EQ(nvme_ana_iter_next(&it, &g, NULL), 0);
}

/* Cut anywhere, it asks for more, and goes on where it stood. */
static void test_pieces(void)
{
	struct nvme_ana_iter it;
	struct nvme_ana_group g;
	struct weft_reason why;
	size_t cut;

	for (cut = 0; cut < 16; cut++)
		UNIT_EQ(nvme_ana_iter_init(&it, log_page, cut, &why),
			-EMSGSIZE);
	for (cut = GROUP_1; cut < sizeof(log_page); cut++) {
		UNIT_EQ(nvme_ana_iter_init(&it, log_page, cut, &why), 0);
		if (cut >= GROUP_2) {
			UNIT_EQ(nvme_ana_iter_next(&it, &g, &why), 1);
			check_first(&g);
		}
		UNIT_EQ(nvme_ana_iter_next(&it, &g, &why), -EMSGSIZE);
		it.len = sizeof(log_page);
		UNIT_EQ(nvme_ana_iter_next(&it, &g, &why), 1);
		UNIT_EQ(g.id, cut >= GROUP_2 ? 8 : 7);
	}
}

static void test_refused(void)
{
	static const struct {
		size_t at;
		u8 value;
		int err;
	} bad[] = {
		{ GROUP_1, 0, -EPROTO },		/* group 0 */
		{ GROUP_1 + 16, 0, -EPROTO },		/* states */
		{ GROUP_1 + 16, 5, -EPROTO },
		{ GROUP_1 + 16, 0x1e, -EPROTO },
		{ GROUP_1 + 7, 0xff, -EMSGSIZE },	/* members */
		{ GROUP_1 + 4, 11, -EMSGSIZE },
	};
	u8 page[sizeof(log_page)];
	struct nvme_ana_iter it;
	struct nvme_ana_group g;
	struct weft_reason why;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		memcpy(page, log_page, sizeof(page));
		page[bad[i].at] = bad[i].value;
		UNIT_EQ(nvme_ana_iter_init(&it, page, sizeof(page), &why), 0);
		UNIT_EQ(nvme_ana_iter_next(&it, &g, &why), bad[i].err);
		CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "ANA log"));
	}
}

static void test_names(void)
{
	UNIT_STR(nvme_ana_state_name(1), "optimized");
	UNIT_STR(nvme_ana_state_name(2), "non-optimized");
	UNIT_STR(nvme_ana_state_name(3), "inaccessible");
	UNIT_STR(nvme_ana_state_name(4), "persistent-loss");
	UNIT_STR(nvme_ana_state_name(15), "change");
	UNIT_STR(nvme_ana_state_name(0), "unknown");
	UNIT_STR(nvme_ana_state_name(200), "unknown");
}

static void test_size(void)
{
	UNIT_EQ(nvme_ana_log_size(0, 0), 16);
	UNIT_EQ(nvme_ana_log_size(2, 3), 16 + 64 + 12);
	UNIT_EQ(nvme_ana_log_size(UINT32_MAX, UINT32_MAX),
		16 + 36ull * UINT32_MAX);
}

UNIT_MAIN(UNIT(test_whole), UNIT(test_pieces), UNIT(test_refused),
	  UNIT(test_names), UNIT(test_size))
