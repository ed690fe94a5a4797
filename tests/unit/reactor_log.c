// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/* Log lines: levels, one line each whatever is in it, and peers on a budget. */
#include <fcntl.h>
#include <unistd.h>

#include "target/reactor/reactor.h"
#include "tests/unit/unit.h"

static char got[65536];
static int saved, ends[2];

static void capture(void)
{
	UNIT_EQ(pipe2(ends, O_NONBLOCK), 0);
	fflush(stderr);
	saved = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
}

/* how many lines were written; the text is in got */
static unsigned int captured(void)
{
	unsigned int lines = 0;
	ssize_t n;
	char *c;

	dup2(saved, STDERR_FILENO);
	close(saved);
	n = read(ends[0], got, sizeof(got) - 1);
	got[n > 0 ? n : 0] = 0;
	close(ends[0]);
	close(ends[1]);
	for (c = got; *c; c++)
		lines += *c == '\n';
	return lines;
}

static void test_levels(void)
{
	UNIT_EQ(log_get_level(), LOG_NOTICE);
	capture();
	log_info("quiet");
	log_notice("loud %d", 7);
	log_set_level(LOG_ERROR);
	log_warn("quiet");
	log_error("wrong");
	log_set_level(LOG_NOTICE);
	UNIT_EQ(captured(), 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(got, " notice: loud 7\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(got, " error: wrong\n"));
	CU_ASSERT_PTR_NULL(strstr(got, "quiet"));
}

static void test_one_line(void)
{
	static char big[3000];

	memset(big, 'b', sizeof(big) - 1);
	capture();
	log_error("name '%s' of a peer", "a\nb\x1b[2J\x7f");
	log_error("%s", big);
	UNIT_EQ(captured(), 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "name 'a?b?[2J?' of a peer\n"));
	CU_ASSERT(strlen(got) < 1200);
	UNIT_EQ(got[strlen(got) - 1], '\n');
}

static void test_peer_budget(void)
{
	struct log_budget budget = { 0 };
	int i;

	capture();
	for (i = 0; i < 25; i++)
		log_peer(&budget, LOG_WARNING, "peer %d", i);
	UNIT_EQ(captured(), 10);
	UNIT_EQ(budget.dropped, 15);
	budget.window_us = 1;	/* long ago */
	capture();
	log_peer(&budget, LOG_WARNING, "peer %d", 99);
	log_peer(&budget, LOG_DEBUG, "not even counted");
	UNIT_EQ(captured(), 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "15 lines like the next"));
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "peer 99\n"));
	UNIT_EQ(budget.used, 1);
}

UNIT_MAIN(UNIT(test_levels), UNIT(test_one_line), UNIT(test_peer_budget))
