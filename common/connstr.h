/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The connect string: what a user writes to /dev/nvme-fabrics.
 *
 * One table (connstr_table.c) holds every option with its kind, range and
 * default. From it come the parser, the printer, the line of supported options
 * that a read of the device gives, and `weft explain`.
 */
#ifndef WEFT_COMMON_CONNSTR_H
#define WEFT_COMMON_CONNSTR_H

#include "common/fabrics.h"
#include "common/names.h"
#include "common/text.h"

/* The option's bit is 1 << its number; the numbers are Weft's own order. */
enum weft_opt {
	WEFT_OPT_TRANSPORT,
	WEFT_OPT_NQN,
	WEFT_OPT_TRADDR,
	WEFT_OPT_TRSVCID,
	WEFT_OPT_QUEUE_SIZE,
	WEFT_OPT_NR_IO_QUEUES,
	WEFT_OPT_KEEP_ALIVE_TMO,
	WEFT_OPT_HOSTNQN,
	WEFT_OPT_RECONNECT_DELAY,
	WEFT_OPT_HOST_TRADDR,
	WEFT_OPT_CTRL_LOSS_TMO,
	WEFT_OPT_HOSTID,
	WEFT_OPT_DUPLICATE_CONNECT,
	WEFT_OPT_DISABLE_SQFLOW,
	WEFT_OPT_HDR_DIGEST,
	WEFT_OPT_DATA_DIGEST,
	WEFT_OPT_NR_WRITE_QUEUES,
	WEFT_OPT_NR_POLL_QUEUES,
	WEFT_OPT_TOS,
	WEFT_OPT_FAST_IO_FAIL_TMO,
	WEFT_OPT_HOST_IFACE,
	WEFT_OPT_DISCOVERY,
	WEFT_OPT_DHCHAP_SECRET,
	WEFT_OPT_DHCHAP_CTRL_SECRET,
	WEFT_OPT_TLS,
	WEFT_OPT_KEYRING,
	WEFT_OPT_TLS_KEY,
	WEFT_OPT_COUNT
};
#define WEFT_OPT_BIT(o)		(1u << (o))

/* Accepted by every transport, whatever its own masks say. */
#define WEFT_OPTS_COMMON \
	(WEFT_OPT_BIT(WEFT_OPT_TRANSPORT) | WEFT_OPT_BIT(WEFT_OPT_NQN) | \
	 WEFT_OPT_BIT(WEFT_OPT_QUEUE_SIZE) | \
	 WEFT_OPT_BIT(WEFT_OPT_NR_IO_QUEUES) | \
	 WEFT_OPT_BIT(WEFT_OPT_KEEP_ALIVE_TMO) | \
	 WEFT_OPT_BIT(WEFT_OPT_HOSTNQN) | WEFT_OPT_BIT(WEFT_OPT_HOSTID) | \
	 WEFT_OPT_BIT(WEFT_OPT_DUPLICATE_CONNECT) | \
	 WEFT_OPT_BIT(WEFT_OPT_DISABLE_SQFLOW) | \
	 WEFT_OPT_BIT(WEFT_OPT_DISCOVERY) | \
	 WEFT_OPT_BIT(WEFT_OPT_FAST_IO_FAIL_TMO))

#define WEFT_CONNSTR_MAX	4096	/* one page, the device's limit */
#define WEFT_QUEUE_SIZE_MIN	16
#define WEFT_QUEUE_SIZE_MAX	1024
#define WEFT_QUEUE_SIZE_DEFAULT	128
#define WEFT_KATO_DEFAULT	5	/* s */
#define WEFT_RECONNECT_DELAY_DEFAULT 10	/* s */
#define WEFT_CTRL_LOSS_TMO_DEFAULT 600	/* s */

/**
 * struct weft_connstr - a parsed connect string
 * @given: bits of the options that the user wrote
 * @adrfam: enum weft_addr_family of @traddr; 0 if @traddr was not given
 * @keep_alive_tmo: seconds; 0 = none
 * @ctrl_loss_tmo: seconds; -1 = never give up
 * @fast_io_fail_tmo: seconds; -1 = off
 * @nr_io_queues: 0 = not given: as many as CPUs and target allow
 * @tos: 0 to 255; -1 = leave it to the system
 * @hostid: RFC 4122 bytes; valid only if its bit is in @given
 *
 * Plain memory, no pointers; about 2 KiB, so not for a kernel stack. Fields
 * without a bit in @given hold the table's default. Secrets are in it: clear
 * it before the memory is given back.
 */
struct weft_connstr {
	u32 given;
	int adrfam;
	char transport[16];
	char nqn[NVMF_NQN_MAX + 1];
	char traddr[64];
	char trsvcid[6];
	char hostnqn[NVMF_NQN_MAX + 1];
	u8 hostid[WEFT_UUID_BYTES];
	char host_traddr[64];
	char host_iface[16];
	char dhchap_secret[256];
	char dhchap_ctrl_secret[256];
	int queue_size;
	int nr_io_queues;
	int nr_write_queues;
	int nr_poll_queues;
	int keep_alive_tmo;
	int reconnect_delay;
	int ctrl_loss_tmo;
	int fast_io_fail_tmo;
	int tos;
	int keyring;
	int tls_key;
	bool duplicate_connect;
	bool disable_sqflow;
	bool hdr_digest;
	bool data_digest;
	bool discovery;
	bool tls;
};

/** weft_connstr_given() - did the user write option @o? */
static inline bool weft_connstr_given(const struct weft_connstr *c,
				      enum weft_opt o)
{
	return c->given & WEFT_OPT_BIT(o);
}

/** weft_connstr_is_discovery() - by the well-known NQN or by the flag */
bool weft_connstr_is_discovery(const struct weft_connstr *c);

/**
 * weft_connstr_parse() - text to options, every value checked
 * @s: the text; separators are ',' and '\\n', empty elements are skipped
 * @len: its length; more than WEFT_CONNSTR_MAX is refused
 * @out: overwritten whatever happens; meaningful only on success
 * @why: names key, value and what is accepted; may be NULL
 *
 * A key may stand only once. Defaults that depend on others are settled here:
 * trsvcid (4420 for rdma, 8009 for tcp), keep_alive_tmo (0 for discovery, 5
 * for others, also when an explicit 0 is given to an I/O controller as the
 * in-tree host does), no I/O queues for discovery.
 *
 * Return: 0; -ENOMEM if longer than a page; -EADDRINUSE if hostnqn stands
 * twice; else -EINVAL.
 */
int weft_connstr_parse(const char *s, size_t len, struct weft_connstr *out,
		       struct weft_reason *why);

/**
 * weft_connstr_check() - does a transport take these options?
 * @c: parsed options
 * @required: option bits that must be there
 * @allowed: option bits beyond WEFT_OPTS_COMMON that may be there
 * @why: names the missing or refused option and the transport; may be NULL
 *
 * Return: 0 or -EINVAL.
 */
int weft_connstr_check(const struct weft_connstr *c, u32 required, u32 allowed,
		       struct weft_reason *why);

/**
 * weft_connstr_print() - options back to a connect string
 * @c: parsed options
 * @t: where to; secrets are printed as "(hidden)"
 *
 * Only given options, in the table's order; parsing the text gives @c again
 * (but for secrets).
 */
void weft_connstr_print(const struct weft_connstr *c, struct weft_text *t);

/**
 * weft_connstr_supported() - the tokens as a read of the device lists them
 * @t: where to: "transport=%s,traddr=%s,..." in the patterns of libnvme
 *
 * All that some transport takes, whether its module is loaded or not: libnvme
 * leaves out what is not listed, and a connect may load the module.
 */
void weft_connstr_supported(struct weft_text *t);

#define WEFT_OPT_NOBODY		"none"

/**
 * struct weft_opt_info - one row of the table, for listings and help
 * @token: the key, without '='
 * @pattern: "%s", "%d" or "" for a flag
 * @min: @max: accepted range of numbers
 * @def: default of numbers, or NULL
 * @accepts: what is accepted, in words
 * @help: what it does, in words
 * @transports: which take it: "all", "rdma, tcp", "tcp", WEFT_OPT_NOBODY
 */
struct weft_opt_info {
	const char *token;
	const char *pattern;
	s64 min;
	s64 max;
	const char *def;
	const char *accepts;
	const char *help;
	const char *transports;
};

/** weft_opt_info() - the row of option @o; NULL past the end */
const struct weft_opt_info *weft_opt_info(unsigned int o);

#endif
