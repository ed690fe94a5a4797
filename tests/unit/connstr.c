// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/connstr.h: every option at its limits, every refusal's words, the
 * way to text and back, and what a transport's masks let through.
 */
#include "common/connstr.h"
#include "tests/unit/random.h"
#include "tests/unit/unit.h"

#include <errno.h>

#define NQN	"nqn.2026-11.io.weft:d"
#define BASE	"transport=rdma,nqn=" NQN
#define TCP	"transport=tcp,nqn=" NQN
#define UUID	"0f01fb42-9f7f-4856-b0b3-51e60b8de349"
#define DISC	"transport=rdma,nqn=" NVMF_DISCOVERY_NQN
#define LONG31	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct weft_connstr opts;
static struct weft_reason why;

/* the text lies in a block of its own size: reading on is seen */
static int parse_bytes(const char *s, size_t len)
{
	char *p = exact_copy(s, len);
	int ret;

	memset(&opts, 0x5a, sizeof(opts));
	why.text[0] = '\0';
	ret = weft_connstr_parse(p, len, &opts, &why);
	free(p);
	return ret;
}

static int parse(const char *s)
{
	return parse_bytes(s, strlen(s));
}

static const char *printed(void)
{
	static char buf[WEFT_CONNSTR_MAX];
	struct weft_text t;

	weft_text_init(&t, buf, sizeof(buf));
	weft_connstr_print(&opts, &t);
	CU_ASSERT_FALSE(t.cut);
	return buf;
}

static void test_defaults(void)
{
	static const struct weft_connstr zero;

	UNIT_EQ(parse(BASE), 0);
	UNIT_EQ(opts.given, WEFT_OPT_BIT(WEFT_OPT_TRANSPORT) |
		WEFT_OPT_BIT(WEFT_OPT_NQN));
	UNIT_STR(opts.transport, "rdma");
	UNIT_STR(opts.nqn, NQN);
	UNIT_STR(opts.traddr, "");
	UNIT_STR(opts.trsvcid, "4420");
	UNIT_STR(opts.hostnqn, "");
	UNIT_STR(opts.host_traddr, "");
	UNIT_STR(opts.host_iface, "");
	UNIT_STR(opts.dhchap_secret, "");
	UNIT_STR(opts.dhchap_ctrl_secret, "");
	CU_ASSERT_EQUAL(memcmp(opts.hostid, zero.hostid, 16), 0);
	UNIT_EQ(opts.adrfam, 0);
	UNIT_EQ(opts.queue_size, 128);
	UNIT_EQ(opts.nr_io_queues, 0);
	UNIT_EQ(opts.nr_write_queues, 0);
	UNIT_EQ(opts.nr_poll_queues, 0);
	UNIT_EQ(opts.keep_alive_tmo, 5);
	UNIT_EQ(opts.reconnect_delay, 10);
	UNIT_EQ(opts.ctrl_loss_tmo, 600);
	UNIT_EQ(opts.fast_io_fail_tmo, -1);
	UNIT_EQ(opts.tos, -1);
	UNIT_EQ(opts.keyring, 0);
	UNIT_EQ(opts.tls_key, 0);
	UNIT_EQ(opts.duplicate_connect || opts.disable_sqflow || opts.hdr_digest ||
		opts.data_digest || opts.discovery || opts.tls, 0);
	UNIT_EQ(parse(TCP), 0);
	UNIT_STR(opts.trsvcid, "8009");
}

/* each integer option with its limits and what lies beyond them */
static void test_numbers(void)
{
	static const struct {
		const char *key;
		size_t offset;
		s64 min, max;
		int below, above;	/* what it becomes; 0: refused */
		const char *range;
	} o[] = {
#define N(f) #f, offsetof(struct weft_connstr, f)
		{ N(queue_size), 16, 1024, 0, 0, "16-1024" },
		{ N(nr_io_queues), 1, 65535, 0, 0, "1-65535" },
		{ N(nr_write_queues), 1, 65535, 0, 0, "1-65535" },
		{ N(nr_poll_queues), 1, 65535, 0, 0, "1-65535" },
		{ N(keep_alive_tmo), 1, 2147483, 5, 0, "0-2147483 seconds" },
		{ N(reconnect_delay), 1, 2147483, 0, 0, "1-2147483 seconds" },
		{ N(ctrl_loss_tmo), 0, 2147483, -1, 0,
		  "0-2147483 seconds, or negative for ever" },
		{ N(fast_io_fail_tmo), 0, 2147483, -1, 0,
		  "0-2147483 seconds, or negative for off" },
		{ N(tos), 0, 255, 0, 255, "0-255; more counts as 255" },
		{ N(keyring), 1, INT_MAX, 0, 0, "1-2147483647" },
		{ N(tls_key), 1, INT_MAX, 0, 0, "1-2147483647" },
	};
	static const char *const no_number[] = {
		"abc", "12x", "0x", "--1", "1.5", "1 ", " 1", "+1",
	};
	char s[256], want[256];
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(o); i++) {
		const int *v = (const int *)((const char *)&opts + o[i].offset);
		const s64 at[] = { o[i].min, o[i].max };

		for (j = 0; j < 2; j++) {
			snprintf(s, sizeof(s), BASE ",%s=%lld", o[i].key,
				 (long long)at[j]);
			UNIT_EQ(parse(s), 0);
			UNIT_EQ(*v, at[j]);
			UNIT_STR(printed(), s);
			snprintf(s, sizeof(s), BASE ",%s=0x%llx", o[i].key,
				 (long long)at[j]);
			UNIT_EQ(parse(s), 0);
			UNIT_EQ(*v, at[j]);
		}
		for (j = 0; j < 2; j++) {
			s64 beyond = j ? o[i].max + 1 : o[i].min - 1;
			int becomes = j ? o[i].above : o[i].below;

			snprintf(s, sizeof(s), BASE ",%s=%lld", o[i].key,
				 (long long)beyond);
			UNIT_EQ(parse(s), becomes ? 0 : -EINVAL);
			if (becomes)
				UNIT_EQ(*v, becomes);
			snprintf(want, sizeof(want), "%s=%lld: accepted range is %s",
				 o[i].key, (long long)beyond, o[i].range);
			UNIT_STR(why.text, becomes ? "" : want);
		}
		for (j = 0; j < ARRAY_SIZE(no_number); j++) {
			snprintf(s, sizeof(s), BASE ",%s=%s", o[i].key, no_number[j]);
			UNIT_EQ(parse(s), -EINVAL);
			snprintf(want, sizeof(want),
				 "%s=%s: not a number; accepted range is %s",
				 o[i].key, no_number[j], o[i].range);
			UNIT_STR(why.text, want);
		}
		snprintf(s, sizeof(s), BASE ",%s=18446744073709551616", o[i].key);
		UNIT_EQ(parse(s), -EINVAL);
		snprintf(s, sizeof(s), BASE ",%s=-9223372036854775809", o[i].key);
		UNIT_EQ(parse(s), -EINVAL);
		/* 2^32 + the lowest must not be taken for the lowest */
		if (!o[i].above) {
			snprintf(s, sizeof(s), BASE ",%s=%lld", o[i].key,
				 (long long)o[i].min + (1ll << 32));
			UNIT_EQ(parse(s), -EINVAL);
		}
	}
	UNIT_EQ(parse(BASE ",ctrl_loss_tmo=-77,fast_io_fail_tmo=-5,tos=99999"), 0);
	UNIT_STR(printed(), BASE ",ctrl_loss_tmo=-1,tos=255,fast_io_fail_tmo=-1");
}

static void test_texts(void)
{
	UNIT_EQ(parse("traddr=fe80::1%eth0,transport=tcp,trsvcid=8009,"
		      "nqn=" NQN ",hostnqn=nqn.2014-08.org.nvmexpress:uuid:" UUID
		      ",hostid=0F01FB42-9f7f-4856-b0b3-51e60b8de349,"
		      "host_traddr=fe80::2,host_iface=eth0.1,"
		      "dhchap_secret=DHHC-1:00:x,dhchap_ctrl_secret=DHHC-1:01:="), 0);
	UNIT_STR(opts.traddr, "fe80::1%eth0");
	UNIT_EQ(opts.adrfam, WEFT_ADDR_IPV6);
	UNIT_STR(opts.trsvcid, "8009");
	UNIT_STR(opts.hostnqn, "nqn.2014-08.org.nvmexpress:uuid:" UUID);
	UNIT_EQ(opts.hostid[0], 0x0f);
	UNIT_EQ(opts.hostid[15], 0x49);
	UNIT_STR(opts.host_traddr, "fe80::2");
	UNIT_STR(opts.host_iface, "eth0.1");
	UNIT_STR(opts.dhchap_secret, "DHHC-1:00:x");
	UNIT_STR(opts.dhchap_ctrl_secret, "DHHC-1:01:=");
	UNIT_STR(printed(), "transport=tcp,nqn=" NQN
		 ",traddr=fe80::1%eth0,trsvcid=8009,"
		 "hostnqn=nqn.2014-08.org.nvmexpress:uuid:" UUID
		 ",host_traddr=fe80::2,hostid=" UUID ",host_iface=eth0.1,"
		 "dhchap_secret=(hidden),dhchap_ctrl_secret=(hidden)");
	UNIT_EQ(parse(BASE ",traddr=10.9.0.1,host_traddr=10.9.0.2"), 0);
	UNIT_EQ(opts.adrfam, WEFT_ADDR_IPV4);
	UNIT_EQ(parse(BASE ",host_traddr=::1"), 0);
	UNIT_EQ(parse(BASE ",host_iface=abcdefghijklmno"), 0);
	UNIT_EQ(parse(BASE ",host_iface=..."), 0);
}

static void test_flags(void)
{
	UNIT_EQ(parse(BASE ",duplicate_connect,disable_sqflow,hdr_digest,"
		      "data_digest,discovery,tls"), 0);
	UNIT_EQ(opts.duplicate_connect && opts.disable_sqflow && opts.hdr_digest &&
		opts.data_digest && opts.discovery && opts.tls, 1);
	UNIT_STR(printed(), BASE ",duplicate_connect,disable_sqflow,hdr_digest,"
		 "data_digest,discovery,tls");
	UNIT_EQ(parse(BASE ",duplicate_connect=1"), -EINVAL);
	UNIT_STR(why.text, "duplicate_connect=1: takes no value; accepted is \"duplicate_connect\" alone");
	UNIT_EQ(parse(BASE ",tls="), -EINVAL);
	UNIT_STR(why.text, "tls=: takes no value; accepted is \"tls\" alone");
}

static void test_separators(void)
{
	static const char *const same[] = {
		BASE, BASE "\n", BASE ",", "," BASE, "\n\n" BASE ",,\n",
		"transport=rdma\nnqn=" NQN "\n", "nqn=" NQN ",,transport=rdma",
	};
	static const struct { const char *s; const char *reason; } bad[] = {
		{ "", "transport: missing; accepted is rdma or tcp" },
		{ "\n", "transport: missing; accepted is rdma or tcp" },
		{ ",,,", "transport: missing; accepted is rdma or tcp" },
		{ "transport=rdma", "nqn: missing; accepted is "
		  "a name, commonly nqn.yyyy-mm.reverse.domain[:string], at most 223 bytes" },
		{ "nqn=" NQN, "transport: missing; accepted is rdma or tcp" },
		{ BASE ", queue_size=64", "unknown option \" queue_size\", did you mean \"queue_size\"?; see a read of /dev/nvme-fabrics" },
		{ BASE "\r\n", "nqn=" NQN "\\x0d: " },
		{ BASE ",=5", "unknown option \"\"; see a read of /dev/nvme-fabrics" },
		{ BASE ",queue_size==64", "queue_size==64: not a number" },
		{ BASE ",queue_size =64", "unknown option \"queue_size \", did you" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(same); i++) {
		UNIT_EQ(parse(same[i]), 0);
		UNIT_STR(printed(), BASE);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		UNIT_EQ(parse(bad[i].s), -EINVAL);
		CU_ASSERT_EQUAL(strncmp(why.text, bad[i].reason,
					strlen(bad[i].reason)), 0);
	}
	/* in-tree targets take any name, so a host must */
	UNIT_EQ(parse("transport=rdma,nqn=testnqn"), 0);
	UNIT_STR(opts.nqn, "testnqn");
	/* ';' does not separate: it may stand in an NQN */
	UNIT_EQ(parse(BASE ";queue_size=64"), 0);
	UNIT_STR(opts.nqn, NQN ";queue_size=64");
	UNIT_EQ(parse_bytes(BASE "\0", sizeof(BASE)), -EINVAL);
	UNIT_EQ(weft_connstr_parse(NULL, 0, &opts, &why), -EINVAL);
}

/* exactly one page is accepted, one byte more is -ENOMEM */
static void test_page(void)
{
	char s[WEFT_CONNSTR_MAX + 1];

	memset(s, ',', sizeof(s));
	memcpy(s, BASE, sizeof(BASE) - 1);
	UNIT_EQ(parse_bytes(s, WEFT_CONNSTR_MAX), 0);
	UNIT_EQ(parse_bytes(s, WEFT_CONNSTR_MAX + 1), -ENOMEM);
	UNIT_STR(why.text, "connect string of 4097 bytes; accepted are at most 4096");
	UNIT_EQ(weft_connstr_parse(s, SIZE_MAX, &opts, NULL), -ENOMEM);
}

static void test_every_option_twice_or_empty(void)
{
	char s[512], want[512];
	unsigned int o;

	for (o = 0; o < WEFT_OPT_COUNT; o++) {
		static const char *const values[WEFT_OPT_COUNT] = {
			[WEFT_OPT_TRANSPORT] = "rdma", [WEFT_OPT_NQN] = NQN,
			[WEFT_OPT_TRADDR] = "::1", [WEFT_OPT_TRSVCID] = "1",
			[WEFT_OPT_HOSTNQN] = NQN, [WEFT_OPT_HOST_TRADDR] = "::1",
			[WEFT_OPT_HOSTID] = UUID, [WEFT_OPT_HOST_IFACE] = "lo",
			[WEFT_OPT_DHCHAP_SECRET] = "DHHC-1:00:abc",
			[WEFT_OPT_DHCHAP_CTRL_SECRET] = "DHHC-1:00:abc",
		};
		const struct weft_opt_info *info = weft_opt_info(o);
		const char *v = values[o] ? values[o] : "16";
		bool flag = !info->pattern[0];

		snprintf(s, sizeof(s), "%s%s%s,queue_size=16,%s%s%s",
			 info->token, flag ? "" : "=", flag ? "" : v,
			 info->token, flag ? "" : "=", flag ? "" : v);
		UNIT_EQ(parse(s), o == WEFT_OPT_HOSTNQN ? -EADDRINUSE : -EINVAL);
		snprintf(want, sizeof(want), "%s: stands twice; accepted is once",
			 info->token);
		UNIT_STR(why.text, want);

		snprintf(s, sizeof(s), "%s=", info->token);
		UNIT_EQ(parse(s), -EINVAL);
		snprintf(want, sizeof(want), "%s=: %s", info->token,
			 flag ? "takes no value" : "empty value; accepted ");
		CU_ASSERT_EQUAL(strncmp(why.text, want, strlen(want)), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(why.text, flag ? info->token :
					      info->accepts));
		if (flag)
			continue;
		UNIT_EQ(parse(info->token), -EINVAL);
		snprintf(want, sizeof(want), "%s: needs a value, as in %s=...; accepted ",
			 info->token, info->token);
		CU_ASSERT_EQUAL(strncmp(why.text, want, strlen(want)), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(why.text, info->accepts));
	}
}

static void test_bad_values(void)
{
	static const struct { const char *opt; const char *reason; } bad[] = {
		{ "transport=fc", "transport=fc: accepted is rdma or tcp" },
		{ "transport=RDMA", "transport=RDMA: accepted is rdma or tcp" },
		{ "transport=rdm", "transport=rdm: accepted is rdma or tcp" },
		{ "transport=rdmaa", "transport=rdmaa: accepted is rdma or tcp" },
		{ "transport=" LONG31 LONG31, "transport=" },
		{ "nqn=disk 1", "nqn=disk 1: has a space" },
		{ "hostnqn=a\x01", "hostnqn=a\\x01: has a space, a control" },
		{ "hostnqn=nqn.2014-08.a:" LONG31 LONG31 LONG31 LONG31 LONG31
		  LONG31 LONG31 LONG31,
		  "hostnqn=nqn.2014-08.a:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...aaaaaaaa: 262 bytes; accepted are at most 223" },
		{ "traddr=10.9.0.256", "traddr=10.9.0.256: accepted is an IPv4 or IPv6 address" },
		{ "traddr=host.example", "traddr=host.example: accepted is an IPv4" },
		{ "traddr=fe80::1%" LONG31, "traddr=fe80::1%" LONG31 ": accepted is" },
		{ "host_traddr=eth0", "host_traddr=eth0: accepted is an IPv4" },
		{ "trsvcid=0", "trsvcid=0: accepted range is 1-65535" },
		{ "trsvcid=65536", "trsvcid=65536: accepted range is 1-65535" },
		{ "trsvcid=nvme", "trsvcid=nvme: accepted range is 1-65535" },
		{ "hostid=xyz", "hostid=xyz: accepted is a UUID that is not zero, such as" },
		{ "hostid=00000000-0000-0000-0000-000000000000",
		  "hostid=00000000-0000-0000-0000-000000000000: accepted is a UUID that is not zero" },
		{ "hostid=" UUID "0", "hostid=" UUID "0: accepted is a UUID" },
		{ "host_iface=abcdefghijklmnop", "host_iface=abcdefghijklmnop: 16 bytes; accepted are at most 15" },
		{ "host_iface=a/b", "host_iface=a/b: accepted is" },
		{ "host_iface=a:b", "host_iface=a:b: accepted is" },
		{ "host_iface=a b", "host_iface=a b: accepted is" },
		{ "host_iface=.", "host_iface=.: accepted is" },
		{ "host_iface=..", "host_iface=..: accepted is" },
		{ "host_iface=\x7f", "host_iface=\\x7f: accepted is" },
		{ "foo", "unknown option \"foo\"; see a read of /dev/nvme-fabrics" },
		{ "foo=bar", "unknown option \"foo\"; see a read of /dev/nvme-fabrics" },
		{ "in-st\nance", "unknown option \"in-st\"; see" },
	};
	char s[1024];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(s, sizeof(s), "%s,queue_size=16", bad[i].opt);
		UNIT_EQ(parse(s), -EINVAL);
		if (strncmp(why.text, bad[i].reason, strlen(bad[i].reason)))
			UNIT_STR(why.text, bad[i].reason);
		UNIT_EQ(weft_connstr_parse(s, strlen(s), &opts, NULL), -EINVAL);
	}
	UNIT_EQ(parse(BASE ",traddr=10.9.0.1,host_traddr=fe80::1"), -EINVAL);
	UNIT_STR(why.text, "host_traddr=fe80::1: accepted is an IPv4 address, as traddr is one");
	UNIT_EQ(parse(BASE ",host_traddr=10.9.0.1,traddr=fe80::1"), -EINVAL);
	UNIT_STR(why.text, "host_traddr=10.9.0.1: accepted is an IPv6 address, as traddr is one");
}

/* a reason ends in the kernel's log: nothing of a secret may be in it */
static void test_secrets(void)
{
	static const char *const bad[] = {
		"DHHC-1:00:", "DHHC-2:00:secret", "dhhc-1:00:secret",
		"secretsecret", "DHHC-1:00:secret secret", "DHHC-1:00:secret\x01",
	};
	char s[512];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(s, sizeof(s), BASE ",dhchap_ctrl_secret=%s", bad[i]);
		UNIT_EQ(parse(s), -EINVAL);
		UNIT_STR(why.text, "dhchap_ctrl_secret=(hidden): accepted is DHHC-1:hh:base64: as `nvme gen-dhchap-key` prints it");
	}
	UNIT_EQ(parse(BASE ",dhchap_secret=DHHC-1:0123"), 0);

	i = (size_t)snprintf(s, sizeof(s), BASE ",dhchap_secret=DHHC-1:");
	memset(s + i, 'k', 256 - 7);
	UNIT_EQ(parse_bytes(s, i + 255 - 7), 0);
	UNIT_EQ(strlen(opts.dhchap_secret), 255);
	UNIT_EQ(parse_bytes(s, i + 256 - 7), -EINVAL);
	UNIT_STR(why.text, "dhchap_secret=(hidden): 256 bytes; accepted are at most 255");
}

static void test_near_matches(void)
{
	static const struct { const char *key; const char *near; } keys[] = {
		{ "queue_sze", "queue_size" }, { "queue_sizes", "queue_size" },
		{ "queue-size", "queue_size" }, { "QUEUE_SIZE", "queue_size" },
		{ "queue_siez", "queue_size" }, { "nr-io-queues", "nr_io_queues" },
		{ "FAST-IO-FAIL-TMO", "fast_io_fail_tmo" },
		{ "host_nqn", "hostnqn" }, { "host-id", "hostid" },
		{ "tradr", "traddr" }, { "trsvc", "trsvcid" }, { "nqm", "nqn" },
		{ "addr", "traddr" }, { "keepalive_tmo", "keep_alive_tmo" },
		{ "tos1", "tos" }, { "to", "tos" },
		{ "t", NULL }, { "port", NULL }, { "subsystem", NULL },
		{ "cntlid", NULL }, { "kato", NULL },
		{ "dhchap_ctrl_secretxxxxxxx", NULL },
		{ "queue_sizexyz", NULL }, { "queue_sizexy", "queue_size" },
		{ "dhchap_ctrl_secretxx", "dhchap_ctrl_secret" },
	};
	char want[256];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		UNIT_EQ(parse(keys[i].key), -EINVAL);
		if (keys[i].near)
			snprintf(want, sizeof(want),
				 "unknown option \"%s\", did you mean \"%s\"?; see a read of /dev/nvme-fabrics",
				 keys[i].key, keys[i].near);
		else
			snprintf(want, sizeof(want),
				 "unknown option \"%s\"; see a read of /dev/nvme-fabrics",
				 keys[i].key);
		UNIT_STR(why.text, want);
	}
	/* a hostile key: shown escaped and shortened */
	UNIT_EQ(parse("\x1b[2J" LONG31 LONG31 LONG31), -EINVAL);
	UNIT_STR(why.text, "unknown option \"\\x1b[2Jaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...aaaaaaaa\"; see a read of /dev/nvme-fabrics");
}

static void test_discovery(void)
{
	UNIT_EQ(parse(DISC), 0);
	CU_ASSERT_TRUE(weft_connstr_is_discovery(&opts));
	UNIT_EQ(opts.keep_alive_tmo, 0);
	UNIT_EQ(opts.duplicate_connect, true);
	UNIT_EQ(parse(DISC ",nr_io_queues=4,nr_write_queues=2,nr_poll_queues=1,keep_alive_tmo=30"), 0);
	UNIT_EQ(opts.nr_io_queues | opts.nr_write_queues | opts.nr_poll_queues, 0);
	UNIT_EQ(opts.keep_alive_tmo, 30);
	UNIT_STR(printed(), DISC ",keep_alive_tmo=30");
	UNIT_EQ(parse(DISC ",keep_alive_tmo=0"), 0);
	UNIT_EQ(opts.keep_alive_tmo, 0);

	UNIT_EQ(parse("nr_io_queues=4,discovery," BASE), 0);
	CU_ASSERT_TRUE(weft_connstr_is_discovery(&opts));
	UNIT_EQ(opts.nr_io_queues, 0);
	UNIT_STR(printed(), BASE ",discovery");

	UNIT_EQ(parse(BASE ",keep_alive_tmo=0"), 0);
	CU_ASSERT_FALSE(weft_connstr_is_discovery(&opts));
	UNIT_EQ(opts.keep_alive_tmo, 5);
	UNIT_EQ(opts.duplicate_connect, false);
}

static void test_check(void)
{
	const u32 traddr = WEFT_OPT_BIT(WEFT_OPT_TRADDR);
	const u32 tos = WEFT_OPT_BIT(WEFT_OPT_TOS);

	UNIT_EQ(parse(BASE ",traddr=::1,queue_size=16,tos=0"), 0);
	UNIT_EQ(weft_connstr_check(&opts, traddr, tos, &why), 0);
	UNIT_EQ(weft_connstr_check(&opts, 0, traddr | tos, &why), 0);
	UNIT_EQ(weft_connstr_check(&opts, traddr, 0, &why), -EINVAL);
	UNIT_STR(why.text, "tos: not supported with transport=rdma; leave it out");
	UNIT_EQ(weft_connstr_check(&opts, 0, tos, NULL), -EINVAL);
	UNIT_EQ(parse(BASE), 0);
	UNIT_EQ(weft_connstr_check(&opts, traddr, tos, &why), -EINVAL);
	UNIT_STR(why.text, "traddr: missing, transport=rdma needs it; accepted is an IPv4 or IPv6 address, such as 10.9.0.1 or fe80::1%eth0");
	UNIT_EQ(parse(BASE ",dhchap_secret=DHHC-1:00:secret"), 0);
	UNIT_EQ(weft_connstr_check(&opts, 0, 0, &why), -EINVAL);
	UNIT_STR(why.text, "dhchap_secret: not supported with transport=rdma; leave it out");
	UNIT_EQ(parse(BASE ",queue_size=16,nr_io_queues=1,keep_alive_tmo=1,"
		      "hostnqn=" NQN ",hostid=" UUID ",duplicate_connect,"
		      "disable_sqflow,fast_io_fail_tmo=1"), 0);
	UNIT_EQ(weft_connstr_check(&opts, 0, 0, &why), 0);
}

static void test_supported(void)
{
	struct weft_text t;
	char buf[1024];

	weft_text_init(&t, buf, sizeof(buf));
	weft_connstr_supported(&t);
	UNIT_STR(buf, "transport=%s,nqn=%s,traddr=%s,trsvcid=%s,queue_size=%d,"
		 "nr_io_queues=%d,keep_alive_tmo=%d,hostnqn=%s,reconnect_delay=%d,"
		 "host_traddr=%s,ctrl_loss_tmo=%d,hostid=%s,duplicate_connect,"
		 "disable_sqflow,hdr_digest,data_digest,nr_write_queues=%d,"
		 "nr_poll_queues=%d,tos=%d,fast_io_fail_tmo=%d,host_iface=%s,"
		 "discovery");
}

static void test_table(void)
{
	unsigned int o;

	for (o = 0; o < WEFT_OPT_COUNT; o++) {
		const struct weft_opt_info *i = weft_opt_info(o);

		CU_ASSERT_PTR_NOT_NULL_FATAL(i);
		CU_ASSERT(i->token && i->token[0]);
		CU_ASSERT(i->accepts && i->accepts[0]);
		CU_ASSERT(i->help && i->help[0]);
		CU_ASSERT(!strcmp(i->transports, "all") ||
			  !strcmp(i->transports, "rdma, tcp") ||
			  !strcmp(i->transports, "tcp") ||
			  !strcmp(i->transports, "none"));
		CU_ASSERT(!strcmp(i->pattern, "%d") || !strcmp(i->pattern, "%s") ||
			  !i->pattern[0]);
		CU_ASSERT(i->min <= i->max);
	}
	CU_ASSERT_PTR_NULL(weft_opt_info(WEFT_OPT_COUNT));
	CU_ASSERT_PTR_NULL(weft_opt_info(~0u));
	UNIT_STR(weft_opt_info(WEFT_OPT_QUEUE_SIZE)->def, "128");
	UNIT_EQ(weft_opt_info(WEFT_OPT_QUEUE_SIZE)->min, 16);
	UNIT_EQ(weft_opt_info(WEFT_OPT_QUEUE_SIZE)->max, 1024);
}

/* what is accepted prints and parses to the same; what is refused says why */
static void check_answer(const char *s, size_t len)
{
	struct weft_connstr first;
	int err = parse_bytes(s, len);
	const char *text;

	if (err) {
		CU_ASSERT(err == -EINVAL || err == -EADDRINUSE);
		CU_ASSERT(why.text[0]);
		return;
	}
	first = opts;
	if (weft_connstr_given(&first, WEFT_OPT_DHCHAP_SECRET) ||
	    weft_connstr_given(&first, WEFT_OPT_DHCHAP_CTRL_SECRET))
		return;
	text = printed();
	UNIT_EQ(parse(text), 0);
	CU_ASSERT_EQUAL(memcmp(&first, &opts, sizeof(opts)), 0);
}

static const char full[] = TCP ",traddr=10.9.0.1,trsvcid=4420,queue_size=32,"
	"nr_io_queues=4,keep_alive_tmo=0,hostnqn=" NQN ",reconnect_delay=2,"
	"host_traddr=10.9.0.2,ctrl_loss_tmo=-1,hostid=" UUID
	",duplicate_connect,disable_sqflow,hdr_digest,data_digest,"
	"nr_write_queues=1,nr_poll_queues=1,tos=300,fast_io_fail_tmo=-3,"
	"host_iface=lo,tls,keyring=5,tls_key=6";

static void test_every_prefix(void)
{
	size_t len;

	for (len = 0; len < sizeof(full); len++)
		check_answer(full, len);
}

static void test_random(void)
{
	static const char bytes[] = ",\n=-_:.%09azAZ \x01\x7f\xff";
	struct test_random r = { 20261121 };
	unsigned int i;

	for (i = 0; i < 20000; i++) {
		char s[sizeof(full)];
		size_t len = sizeof(full) - 1;
		unsigned int changes = random_u64(&r) % 4 + 1;

		memcpy(s, full, sizeof(s));
		while (changes--)
			s[random_u64(&r) % len] =
				bytes[random_u64(&r) % sizeof(bytes)];
		check_answer(s, len);
	}
}

UNIT_MAIN(UNIT(test_defaults), UNIT(test_numbers), UNIT(test_texts),
	  UNIT(test_flags), UNIT(test_separators), UNIT(test_page),
	  UNIT(test_every_option_twice_or_empty), UNIT(test_bad_values),
	  UNIT(test_secrets), UNIT(test_near_matches), UNIT(test_discovery),
	  UNIT(test_check), UNIT(test_supported), UNIT(test_table),
	  UNIT(test_every_prefix), UNIT(test_random))
