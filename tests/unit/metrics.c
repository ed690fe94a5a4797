// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The text of the metrics endpoint: what labels look like, and that long ones
 * cost no more calls than short ones. Calls are counted by --wrap.
 */
#include <stdarg.h>

#include "target/metrics/metrics.h"
#include "tests/unit/unit.h"

static unsigned int calls;

int __real_vsnprintf(char *s, size_t n, const char *fmt, va_list args);
int __wrap_vsnprintf(char *s, size_t n, const char *fmt, va_list args);
int __wrap___vsnprintf_chk(char *s, size_t n, int flag, size_t len,
			   const char *fmt, va_list args);

int __wrap_vsnprintf(char *s, size_t n, const char *fmt, va_list args)
{
	calls++;
	return __real_vsnprintf(s, n, fmt, args);
}

int __wrap___vsnprintf_chk(char *s, size_t n, int flag, size_t len,
			   const char *fmt, va_list args)
{
	(void)flag, (void)len;
	return __wrap_vsnprintf(s, n, fmt, args);
}

static struct metrics_text text;

static void render(const char *host)
{
	json_t *j = json_pack("{s:[{s:s, s:i}]}", "hosts", "hostnqn", host,
			      "read_ops", 5);

	text = (struct metrics_text){ 0 };
	calls = 0;
	metrics_render(&text, j);
	CU_ASSERT_FALSE(text.failed);
	json_decref(j);
}

static bool has(const char *line)
{
	return text.bytes && strstr(text.bytes, line);
}

static void test_labels(void)
{
	render("");
	CU_ASSERT(has("weft_host_ops_total{hostnqn=\"\",op=\"read\"} 5\n"));
	free(text.bytes);
	render("\"a\\b\n\nc\"");
	CU_ASSERT(has("{hostnqn=\"\\\"a\\\\b\\n\\nc\\\"\",op=\"read\"} 5\n"));
	free(text.bytes);
}

static void test_long_labels(void)
{
	char name[224] = "n";
	unsigned int few;

	render(name);
	few = calls;
	CU_ASSERT(few > 0);
	free(text.bytes);
	memset(name, 'n', sizeof(name) - 1);
	render(name);
	UNIT_EQ(calls, few);
	CU_ASSERT(has(name));
	free(text.bytes);
}

UNIT_MAIN(UNIT(test_labels), UNIT(test_long_labels))
