// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/names.h: NQNs, UUIDs, addresses and padded fields at every edge.
 * Whatever a check looks at lies in a heap block of exactly its length, so
 * that AddressSanitizer sees a byte read too many.
 */
#include "common/names.h"
#include "tests/unit/random.h"
#include "tests/unit/unit.h"

static int nqn(const char *s, size_t len, struct weft_reason *why)
{
	char *p = exact_copy(s, len);
	int ret = weft_nqn_check(p, len, "nqn", why);

	UNIT_EQ(weft_nqn_check(p, len, "nqn", NULL), ret);
	free(p);
	return ret;
}

static int addr(const char *s)
{
	char *p = exact_copy(s, strlen(s));
	int ret = weft_addr_check(p, strlen(s), "traddr", NULL);

	free(p);
	return ret;
}

static int port(const char *s)
{
	char *p = exact_copy(s, strlen(s));
	int ret = weft_port_check(p, strlen(s), "trsvcid", NULL);

	free(p);
	return ret;
}

#define UUID "0f01fb42-9f7f-4856-b0b3-51e60b8de349"
#define L63 "a23456789012345678901234567890123456789012345678901234567890123"

static void test_good_nqns(void)
{
	static const char *const good[] = {
		"nqn.2026-11.io.weft:disk1",
		"nqn.2014-08.org.nvmexpress.discovery",
		"nqn.2014-08.org.nvmexpress:uuid:" UUID,
		"nqn.2016-06.io.spdk:cnode1",
		"nqn.1970-01.x", "nqn.2999-12.x",
		"nqn.2014-08.a",
		"nqn.2014-08.a:",
		"nqn.2014-08.A-b.9c:x:y:z",
		"nqn.2014-08." L63 ":x",
		"nqn.2014-08.com.example:h\xc3\xa9t\xe2\x82\xac\xf0\x9f\x98\x80",
		"nqn.2014-08.com.example:\xc2\xa1\xe0\xa0\x80\xed\x9f\xbf"
		"\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		UNIT_EQ(nqn(good[i], strlen(good[i]), NULL), 0);
}

static void test_bad_nqns(void)
{
	static const char *const bad[] = {
		"n", "nqn", "nqn.", "NQN.2014-08.a:b", "iqn.2014-08.a:b",
		"nqn.2014-08", "nqn.2014-08.", "nqn.2014-08.:x",
		"nqn.2014-8.a:b", "nqn.201-08.a:b", "nqn.20144-08.a:b",
		"nqn.2014_08.a:b", "nqn.2014-08:a:b", "nqn.2014.08.org.x:y",
		"nqn.2o14-08.a:b", "nqn.2014-o8.a:b", "nqn.2014-0x.a:b",
		"nqn.2014-00.a:b", "nqn.2014-13.a:b", "nqn.1969-12.a:b",
		"nqn.3000-01.a:b",
		"nqn.2014-08..a:b", "nqn.2014-08.a..b:c", "nqn.2014-08.a.:b",
		"nqn.2014-08.-a:b", "nqn.2014-08.a-:b", "nqn.2014-08.a-",
		"nqn.2014-08.a-.b:c", "nqn.2014-08.a_b:c", "nqn.2014-08.a/b",
		"nqn.2014-08." L63 "4:x", "nqn.2014-08.caf\xc3\xa9:x",
		"nqn.2014-08.a:b c", " nqn.2014-08.a:b", "nqn.2014-08.a:b\t",
		"nqn.2014-08.a:b\x7f", "nqn.2014-08.a:\x1b[2J",
		/* not UTF-8, or not printable */
		"nqn.2014-08.a:\x80", "nqn.2014-08.a:\xc3",
		"nqn.2014-08.a:\xc3(", "nqn.2014-08.a:\xc1\xa1",
		"nqn.2014-08.a:\xc2\x85", "nqn.2014-08.a:\xc2\xa0",
		"nqn.2014-08.a:\xe0\x9f\xbf", "nqn.2014-08.a:\xe2\x82",
		"nqn.2014-08.a:\xed\xa0\x80", "nqn.2014-08.a:\xed\xbf\xbf",
		"nqn.2014-08.a:\xf0\x8f\xbf\xbf", "nqn.2014-08.a:\xf4\x90\x80\x80",
		"nqn.2014-08.a:\xf8\x88\x80\x80\x80", "nqn.2014-08.a:\xff",
		/* the uuid form must have a UUID */
		"nqn.2014-08.org.nvmexpress:uuid:",
		"nqn.2014-08.org.nvmexpress:uuid:0f01fb42",
		"nqn.2014-08.org.nvmexpress:uuid:" UUID "0",
		"nqn.2014-08.org.nvmexpress:uuid:0f01fb42-9f7f-4856-b0b3-51e60b8de34g",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct weft_reason why = { "" };
		int ret = nqn(bad[i], strlen(bad[i]), &why);

		if (ret != -EINVAL)
			fprintf(stderr, "  accepted: %s\n", bad[i]);
		UNIT_EQ(ret, -EINVAL);
		CU_ASSERT_EQUAL(strncmp(why.text, "nqn=", 4), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(why.text, ": "));
		CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "accepted"));
	}
	UNIT_EQ(nqn("nqn.2014-08.a:b\0c", 17, NULL), -EINVAL);
}

static void test_nqn_length(void)
{
	char s[NVMF_NQN_MAX + 2] = "nqn.2014-08.a:";
	struct weft_reason why;
	size_t len;

	memset(s + 14, 'x', sizeof(s) - 14);
	/* every prefix: too short ones are refused, none reads beyond itself */
	for (len = 0; len <= sizeof(s); len++)
		UNIT_EQ(nqn(s, len, NULL), len < 13 || len > NVMF_NQN_MAX ?
			-EINVAL : 0);
	nqn(s, sizeof(s), &why);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text,
			": 225 bytes; accepted are at most 223"));
	weft_nqn_check("", 0, "hostnqn", &why);
	UNIT_STR(why.text, "hostnqn=: empty; accepted is nqn.yyyy-mm.reverse.domain[:string], such as nqn.2026-11.io.weft:disk1");
}

static void test_discovery_nqn(void)
{
	static const char s[] = "nqn.2014-08.org.nvmexpress.discoveryy";
	size_t len;

	for (len = 0; len < sizeof(s); len++)
		UNIT_EQ(weft_nqn_is_discovery(s, len), len == sizeof(s) - 2);
	CU_ASSERT_FALSE(weft_nqn_is_discovery(
			"nqn.2014-08.org.nvmexpress.discoverY", sizeof(s) - 2));
}

static void test_nqn_field(void)
{
	char field[NVMF_NQN_FIELD];
	int len;

	for (len = 0; len < NVMF_NQN_FIELD; len++) {
		memset(field, 'x', sizeof(field));
		field[len] = '\0';
		UNIT_EQ(weft_nqn_from_field(field), len <= 223 ? len : -EINVAL);
	}
	memset(field, 'x', sizeof(field));
	UNIT_EQ(weft_nqn_from_field(field), -EINVAL);
}

static void test_uuid(void)
{
	static const u8 bytes[] = { 0x0f, 0x01, 0xfb, 0x42, 0x9f, 0x7f, 0x48,
		0x56, 0xb0, 0xb3, 0x51, 0xe6, 0x0b, 0x8d, 0xe3, 0x49 };
	char s[] = UUID, out[WEFT_UUID_LEN + 1];
	u8 id[WEFT_UUID_BYTES];
	size_t i;

	UNIT_EQ(weft_uuid_parse(s, 36, id), 0);
	CU_ASSERT_EQUAL(memcmp(id, bytes, 16), 0);
	UNIT_EQ(weft_uuid_parse("0F01FB42-9F7F-4856-B0B3-51E60B8DE349", 36, id), 0);
	CU_ASSERT_EQUAL(memcmp(id, bytes, 16), 0);
	memset(out, 'z', sizeof(out));
	weft_uuid_format(id, out);
	UNIT_STR(out, UUID);

	for (i = 0; i < 36; i++) {
		char *p = exact_copy(s, i);

		UNIT_EQ(weft_uuid_parse(p, i, id), -EINVAL);
		free(p);
	}
	UNIT_EQ(weft_uuid_parse(UUID "0", 37, id), -EINVAL);
	/* one wrong character at each place */
	for (i = 0; i < 36; i++) {
		char was = s[i];

		s[i] = was == '-' ? '0' : '-';
		UNIT_EQ(weft_uuid_parse(s, 36, id), -EINVAL);
		s[i] = 'g';
		UNIT_EQ(weft_uuid_parse(s, 36, id), -EINVAL);
		s[i] = was;
	}
}

static void test_zero_id(void)
{
	u8 id[16] = { 0 };
	size_t i;

	CU_ASSERT_TRUE(weft_id_is_zero(id, 16));
	CU_ASSERT_TRUE(weft_id_is_zero(id, 0));
	for (i = 0; i < 16; i++) {
		id[i] = 0x80;
		CU_ASSERT_FALSE(weft_id_is_zero(id, 16));
		UNIT_EQ(weft_id_is_zero(id, i), true);
		id[i] = 0;
	}
}

static void test_hex(void)
{
	static const u8 bytes[] = { 0x00, 0x9a, 0xfF };
	char out[7];
	u8 id[3];

	weft_hex_format(bytes, 3, out, false);
	UNIT_STR(out, "009aff");
	weft_hex_format(bytes, 3, out, true);
	UNIT_STR(out, "009AFF");
	weft_hex_format(bytes, 0, out, true);
	UNIT_STR(out, "");

	UNIT_EQ(weft_hex_parse("009aFF", 6, id, 3), 0);
	CU_ASSERT_EQUAL(memcmp(id, bytes, 3), 0);
	memset(id, 1, 3);
	UNIT_EQ(weft_hex_parse("00-9a-ff", 8, id, 3), 0);
	CU_ASSERT_EQUAL(memcmp(id, bytes, 3), 0);
	UNIT_EQ(weft_hex_parse("009a-ff", 7, id, 3), 0);
	UNIT_EQ(weft_hex_parse("", 0, id, 0), 0);
	UNIT_EQ(weft_hex_parse("-009aff", 7, id, 3), -EINVAL);
	UNIT_EQ(weft_hex_parse("009aff-", 7, id, 3), -EINVAL);
	UNIT_EQ(weft_hex_parse("00--9aff", 8, id, 3), -EINVAL);
	UNIT_EQ(weft_hex_parse("0-09aff", 7, id, 3), -EINVAL);
	UNIT_EQ(weft_hex_parse("009af", 5, id, 3), -EINVAL);
	UNIT_EQ(weft_hex_parse("009aff0", 7, id, 3), -EINVAL);
	UNIT_EQ(weft_hex_parse("009agf", 6, id, 3), -EINVAL);
	UNIT_EQ(weft_hex_parse("009afg", 6, id, 3), -EINVAL);
	UNIT_EQ(weft_hex_parse("00-", 3, id, 3), -EINVAL);
}

static void test_ipv4(void)
{
	static const char *const good[] = {
		"0.0.0.0", "255.255.255.255", "10.9.0.1", "1.20.200.0",
	};
	static const char *const bad[] = {
		"", ".", "1", "1.2", "1.2.3", "1.2.3.", ".1.2.3", "1..2.3",
		"1.2.3.4.", "1.2.3.4.5", "256.0.0.1", "0.0.0.256",
		"1.2.3.0004", "01.2.3.4", "1.2.3.00", "1.2.3.4 ", " 1.2.3.4",
		"1.2.3.a", "1.2.3.-4", "1,2.3.4", "1.2.3.4%eth0",
		"99999999999.1.1.1", "localhost", "1.2.3.4:4420",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		UNIT_EQ(addr(good[i]), WEFT_ADDR_IPV4);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		UNIT_EQ(addr(bad[i]), -EINVAL);
}

static void test_ipv6(void)
{
	static const char *const good[] = {
		"::", "::1", "1::", "fe80::1", "fe80::1%eth0", "fe80::1%2",
		"fe80::1%abcdefghijklmno", "2001:DB8:0:0:8:800:200C:417A",
		"1:2:3:4:5:6:7:8", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7::",
		"1::8", "1:2:3::5:6:7:8", "::1.2.3.4", "::ffff:10.9.0.1",
		"1:2:3:4:5:6:1.2.3.4", "64:ff9b::1.2.3.4", "1::1.2.3.4",
		"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		"0000:0000:0000:0000:0000:0000:0000:0000",
	};
	static const char *const bad[] = {
		":", ":::", "1:", ":1", "1", "::1::", "1::2::3", ":::1",
		"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:",
		"1:2:3:4:5:6:7:8:", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
		":1:2:3:4:5:6:7", "12345::", "::12345", "g::", "1::-2",
		"::1 ", "[::1]", "::1.2.3", "::1.2.3.4.5", "::1.2.3.256",
		"::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4",
		"1:2:3:4:5:6::7:1.2.3.4", "::.1.2.3", "1.2.3.4::",
		"fe80::1%", "fe80::1%abcdefghijklmnop", "fe80::1%eth 0",
		"fe80::1%eth/0", "fe80::1%eth0%1", "fe80::1%\x01", "%eth0",
		"::a.1.2.3",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		UNIT_EQ(addr(good[i]), WEFT_ADDR_IPV6);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (addr(bad[i]) != -EINVAL)
			fprintf(stderr, "  accepted: %s\n", bad[i]);
		UNIT_EQ(addr(bad[i]), -EINVAL);
	}
}

static void test_address_reason(void)
{
	struct weft_reason why;

	UNIT_EQ(weft_addr_check("10.9.0", 6, "host_traddr", &why), -EINVAL);
	UNIT_STR(why.text, "host_traddr=10.9.0: accepted is an IPv4 or IPv6 address, such as 10.9.0.1, 2001:db8::1 or fe80::1%eth0");
}

static void test_port(void)
{
	static const char *const bad[] = {
		"", "0", "65536", "99999", "100000", "04420", "00001", "-1",
		"+1", "1 ", " 1", "0x10", "44a0", "4420\n",
	};
	struct weft_reason why;
	size_t i;

	UNIT_EQ(port("1"), 1);
	UNIT_EQ(port("4420"), 4420);
	UNIT_EQ(port("65535"), 65535);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		UNIT_EQ(port(bad[i]), -EINVAL);
	UNIT_EQ(weft_port_check("70000", 5, "trsvcid", &why), -EINVAL);
	UNIT_STR(why.text, "trsvcid=70000: accepted range is 1-65535");
}

/* In blocks of their own size: what goes beyond is seen */
static const char *text_of(const char *field, size_t size)
{
	static char shown[8];
	char *copy = exact_copy(field, size), *out = malloc(size + 1);

	memset(out, 'z', size + 1);
	weft_pad_text(out, copy, size);
	snprintf(shown, sizeof(shown), "%s", out);
	free(out);
	free(copy);
	return shown;
}

static void test_pad(void)
{
	char f[8];

	memset(f, 'z', sizeof(f));
	weft_pad_copy(f, 6, "ab", ' ');
	CU_ASSERT_EQUAL(memcmp(f, "ab    zz", 8), 0);
	weft_pad_copy(f, 6, "abcdefgh", ' ');
	CU_ASSERT_EQUAL(memcmp(f, "abcdefzz", 8), 0);
	weft_pad_copy(f, 6, "", 0);
	CU_ASSERT_EQUAL(memcmp(f, "\0\0\0\0\0\0zz", 8), 0);
	weft_pad_copy(f, 0, "x", 0);
	CU_ASSERT_EQUAL(memcmp(f, "\0\0\0\0\0\0zz", 8), 0);

	UNIT_STR(text_of("ab  ", 4), "ab");
	UNIT_STR(text_of("ab\0 ", 4), "ab");
	UNIT_STR(text_of("ab \0c", 5), "ab");
	UNIT_STR(text_of(" a b", 4), " a b");
	UNIT_STR(text_of("    ", 4), "");
	UNIT_STR(text_of("a", 0), "");
}

/* Random bytes from the alphabets of names: nothing reads out of bounds, and
 * what is accepted has the promised form. */
static void test_random(void)
{
	static const char letters[] = "0123456789abcdefx.:-%nq\xc3\xa9 ";
	struct test_random r = { 20261121 };
	unsigned int i;

	for (i = 0; i < 50000; i++) {
		size_t len = random_u64(&r) % 48, j;
		char *s = malloc(len);
		u8 id[16];
		char text[48];

		for (j = 0; j < len; j++)
			s[j] = letters[random_u64(&r) % (sizeof(letters) - 1)];
		if (!weft_nqn_check(s, len, "nqn", NULL))
			CU_ASSERT_EQUAL(memcmp(s, "nqn.", 4), 0);
		weft_addr_check(s, len, "traddr", NULL);
		weft_port_check(s, len, "trsvcid", NULL);
		weft_uuid_parse(s, len, id);
		weft_hex_parse(s, len, id, 16);
		weft_pad_text(text, s, len);
		CU_ASSERT_TRUE(strlen(text) <= len);
		free(s);
	}
}

UNIT_MAIN(UNIT(test_good_nqns), UNIT(test_bad_nqns), UNIT(test_nqn_length),
	  UNIT(test_discovery_nqn), UNIT(test_nqn_field), UNIT(test_uuid),
	  UNIT(test_zero_id), UNIT(test_hex), UNIT(test_ipv4), UNIT(test_ipv6),
	  UNIT(test_address_reason), UNIT(test_port), UNIT(test_pad),
	  UNIT(test_random))
