// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/text.h: bounded text at every buffer size, escaping, reasons, numbers.
 */
#include "common/text.h"
#include "tests/unit/unit.h"

static void test_add_fits_or_is_cut(void)
{
	static const char full[] = "value=42,name=x";
	char buf[32];
	size_t size;

	for (size = 1; size < sizeof(buf); size++) {
		struct weft_text t;
		char want[32] = "";

		memset(buf, 0x55, sizeof(buf));
		weft_text_init(&t, buf, size);
		UNIT_STR(buf, "");
		weft_text_add(&t, "value=%d", 42);
		weft_text_add(&t, ",name=%s", "x");
		memcpy(want, full, size - 1 < sizeof(full) ? size - 1 : sizeof(full));
		UNIT_STR(buf, want);
		UNIT_EQ(t.len, strlen(want));
		UNIT_EQ(t.cut, size < sizeof(full));
		UNIT_EQ(buf[size], 0x55);
	}
}

static void test_escaped(void)
{
	struct weft_text t;
	char buf[64];

	weft_text_init(&t, buf, sizeof(buf));
	weft_text_add_escaped(&t, " a~\n\x1b\0\x7f\xff", 8);
	UNIT_STR(buf, " a~\\x0a\\x1b\\x00\\x7f\\xff");
	CU_ASSERT_FALSE(t.cut);
	weft_text_add_escaped(&t, NULL, 0);
	CU_ASSERT_FALSE(t.cut);
}

/* an escape stands whole or not at all, whatever the room */
static void test_escaped_is_never_halved(void)
{
	char buf[16];
	size_t size;

	for (size = 1; size <= 11; size++) {
		struct weft_text t;

		memset(buf, 0x55, sizeof(buf));
		weft_text_init(&t, buf, size);
		weft_text_add_escaped(&t, "a\nb\n", 4);
		UNIT_STR(buf, size < 2 ? "" : size < 6 ? "a" :
			 size < 7 ? "a\\x0a" : size < 11 ? "a\\x0ab" :
			 "a\\x0ab\\x0a");
		UNIT_EQ(t.len, strlen(buf));
		UNIT_EQ(t.cut, size < 11);
		UNIT_EQ(buf[size], 0x55);
	}
}

static void test_value_is_shortened(void)
{
	char buf[256], s[80];
	struct weft_text t;
	size_t i;

	for (i = 0; i < sizeof(s); i++)
		s[i] = (char)('0' + i % 10);
	weft_text_init(&t, buf, sizeof(buf));
	weft_text_add_value(&t, s, 60);
	UNIT_EQ(t.len, 60);
	weft_text_init(&t, buf, sizeof(buf));
	weft_text_add_value(&t, s, 61);
	UNIT_STR(buf, "012345678901234567890123456789012345678901234567"
		 "...34567890");
	/* sixty escapes and what follows still fit a reason line */
	memset(s, '\n', sizeof(s));
	weft_text_init(&t, buf, sizeof(buf));
	weft_text_add_value(&t, s, sizeof(s));
	CU_ASSERT_FALSE(t.cut);
}

static void test_fail(void)
{
	struct weft_reason why;
	char big[400];

	UNIT_EQ(weft_fail(&why, -EINVAL, "nsid=%u: accepted is %d", 7u, 1), -EINVAL);
	UNIT_STR(why.text, "nsid=7: accepted is 1");
	UNIT_EQ(weft_fail(NULL, -ENOMEM, "%d", 1), -ENOMEM);
	UNIT_EQ(weft_fail(&why, -EIO, "a\nb\x1b[0m\xc3"), -EIO);
	UNIT_STR(why.text, "a?b?[0m?");

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	weft_fail(&why, -EIO, "%s", big);
	UNIT_EQ(strlen(why.text), WEFT_REASON_MAX - 1);
	UNIT_STR(why.text + WEFT_REASON_MAX - 5, "x...");
	big[WEFT_REASON_MAX - 1] = '\0';
	weft_fail(&why, -EIO, "%s", big);
	UNIT_STR(why.text, big);
}

static void test_fail_value(void)
{
	struct weft_reason why;
	char big[500];

	UNIT_EQ(weft_fail_value(&why, -EINVAL, "queue_size", "7x", 1,
				"accepted range is %d-%d", 16, 1024), -EINVAL);
	UNIT_STR(why.text, "queue_size=7: accepted range is 16-1024");
	UNIT_EQ(weft_fail_value(NULL, -EIO, "k", "v", 1, "x"), -EIO);
	UNIT_EQ(weft_fail_value(&why, -EIO, "k", NULL, 0, "empty"), -EIO);
	UNIT_STR(why.text, "k=: empty");
	weft_fail_value(&why, -EIO, "k", "\r\n", 2, "no");
	UNIT_STR(why.text, "k=\\x0d\\x0a: no");

	memset(big, 'y', sizeof(big));
	weft_fail_value(&why, -EIO, "k", big, sizeof(big), "at most 5");
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "...yyyyyyyy: at most 5"));
}

static void test_bad_format_leaves_text_whole(void)
{
	static const wchar_t bad[] = { 0x7fffffff, 0 };
	struct weft_text t;
	char buf[16];

	weft_text_init(&t, buf, sizeof(buf));
	weft_text_add(&t, "ab");
	weft_text_add(&t, "%ls", bad);	/* not convertible: an error */
	UNIT_STR(buf, "ab");
	CU_ASSERT_TRUE(t.cut);
}

static void test_u64(void)
{
	static const struct { const char *s; int err; u64 v; } cases[] = {
		{ "0", 0, 0 }, { "1", 0, 1 }, { "007", 0, 7 },
		{ "4294967296", 0, 4294967296ull },
		{ "18446744073709551615", 0, ~0ull },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "18446744073709551620", -ERANGE, 0 },
		{ "99999999999999999999999999", -ERANGE, 0 },
		{ "0x0", 0, 0 }, { "0xfF", 0, 255 }, { "0X10", 0, 16 },
		{ "0xffffffffffffffff", 0, ~0ull },
		{ "0x10000000000000000", -ERANGE, 0 },
		{ "0x00000000000000000001", 0, 1 },
		{ "", -EINVAL, 0 }, { "0x", -EINVAL, 0 }, { "x", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 }, { "+1", -EINVAL, 0 }, { " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 }, { "1a", -EINVAL, 0 }, { "0xg", -EINVAL, 0 },
		{ "0x-1", -EINVAL, 0 }, { "1\n", -EINVAL, 0 },
		{ "99999999999999999999999999x", -EINVAL, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 v = 4711;

		UNIT_EQ(weft_parse_u64(cases[i].s, strlen(cases[i].s), &v),
			cases[i].err);
		UNIT_EQ(v, cases[i].err ? 4711 : cases[i].v);
	}
	/* the length counts, not a terminator */
	{
		u64 v;

		UNIT_EQ(weft_parse_u64("1234", 2, &v), 0);
		UNIT_EQ(v, 12);
		UNIT_EQ(weft_parse_u64("1\0", 2, &v), -EINVAL);
		UNIT_EQ(weft_parse_u64(NULL, 0, &v), -EINVAL);
	}
}

static void test_s64(void)
{
	static const struct { const char *s; int err; s64 v; } cases[] = {
		{ "0", 0, 0 }, { "-0", 0, 0 }, { "-1", 0, -1 }, { "5", 0, 5 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "-9223372036854775807", 0, -INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "-9223372036854775809", -ERANGE, 0 },
		{ "-18446744073709551616", -ERANGE, 0 },
		{ "-0x10", 0, -16 }, { "-", -EINVAL, 0 }, { "--1", -EINVAL, 0 },
		{ "", -EINVAL, 0 }, { "1-", -EINVAL, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		s64 v = 4711;

		UNIT_EQ(weft_parse_s64(cases[i].s, strlen(cases[i].s), &v),
			cases[i].err);
		UNIT_EQ(v, cases[i].err ? 4711 : cases[i].v);
	}
}

UNIT_MAIN(UNIT(test_add_fits_or_is_cut), UNIT(test_escaped),
	  UNIT(test_escaped_is_never_halved), UNIT(test_value_is_shortened),
	  UNIT(test_fail), UNIT(test_fail_value),
	  UNIT(test_bad_format_leaves_text_whole), UNIT(test_u64),
	  UNIT(test_s64))
