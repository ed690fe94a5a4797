// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Every option of the connect string: key, kind, range, default, where it is
 * kept, and what to tell a user about it.
 *
 * The parser, the printer, the line of supported options, `weft explain` and
 * the documentation are all made from this table; a new option is a row here,
 * a number in enum weft_opt and a field in struct weft_connstr.
 */
#include "common/connstr_table.h"

#define STR_(x)		#x
#define STR(x)		STR_(x)

#define COUNT_MAX	65535		/* queues that a controller can have */
#define SECONDS_MAX	2147483		/* in ms they still fit an int */
#define SERIAL_MAX	2147483647	/* keys of the kernel's keyrings */
#define TOS_MAX		255

#define RANGE(lo, hi)	STR(lo) "-" STR(hi)
#define FIELD(f)	.offset = offsetof(struct weft_connstr, f), \
			.size = sizeof(((struct weft_connstr *)0)->f)

#define NUMBER(o, f, lo, hi, number, how, words, ...)			\
	[WEFT_OPT_##o] = {						\
		.info = { .token = #f, .pattern = "%d",			\
			  .min = (lo), .max = (hi), .accepts = (words),	\
			  __VA_ARGS__ },				\
		.kind = WEFT_KIND_INT, .clamp = WEFT_CLAMP_##how,	\
		.dflt = (number), FIELD(f) }

#define TEXT(o, f, k, ...)						\
	[WEFT_OPT_##o] = {						\
		.info = { .token = #f, .pattern = "%s", __VA_ARGS__ },	\
		.kind = WEFT_KIND_##k, FIELD(f) }

#define FLAG(o, f, ...)							\
	[WEFT_OPT_##o] = {						\
		.info = { .token = #f, .pattern = "", .max = 1,		\
			  .accepts = "a flag without a value",		\
			  __VA_ARGS__ },				\
		.kind = WEFT_KIND_FLAG, FIELD(f) }

#define NQN_WORDS	"a name, commonly nqn.yyyy-mm.reverse.domain[:string], " \
			"at most 223 bytes"
#define ADDR_WORDS	"an IPv4 or IPv6 address, such as 10.9.0.1 or " \
			"fe80::1%eth0"
#define SECRET_WORDS	"DHHC-1:hh:base64: as `nvme gen-dhchap-key` prints it"
#define ALL		.transports = "all"
#define RDMA_TCP	.transports = "rdma, tcp"
#define TCP		.transports = "tcp"
/* known only to be refused by name */
#define NOBODY		.transports = WEFT_OPT_NOBODY

const struct weft_opt_row weft_opt_rows[WEFT_OPT_COUNT] = {
	TEXT(TRANSPORT, transport, TRANSPORT, .accepts = "rdma or tcp", ALL,
	     .help = "transport to connect over; required"),
	TEXT(NQN, nqn, NQN, .accepts = NQN_WORDS, ALL,
	     .help = "name of the subsystem to connect to; required"),
	TEXT(TRADDR, traddr, ADDR, .accepts = ADDR_WORDS, ALL,
	     .help = "address of the target's port"),
	TEXT(TRSVCID, trsvcid, PORT, .accepts = "1-65535", ALL,
	     .min = 1, .max = 65535, .def = "4420 for rdma, 8009 for tcp",
	     .help = "port number of the target"),
	NUMBER(QUEUE_SIZE, queue_size, WEFT_QUEUE_SIZE_MIN,
	       WEFT_QUEUE_SIZE_MAX, WEFT_QUEUE_SIZE_DEFAULT, NONE,
	       RANGE(WEFT_QUEUE_SIZE_MIN, WEFT_QUEUE_SIZE_MAX), ALL,
	       .def = STR(WEFT_QUEUE_SIZE_DEFAULT),
	       .help = "commands that an I/O queue holds"),
	NUMBER(NR_IO_QUEUES, nr_io_queues, 1, COUNT_MAX, 0, NONE,
	       RANGE(1, COUNT_MAX), ALL,
	       .help = "I/O queues; as many as there are CPUs if not given"),
	NUMBER(KEEP_ALIVE_TMO, keep_alive_tmo, 0, SECONDS_MAX,
	       WEFT_KATO_DEFAULT, NONE, RANGE(0, SECONDS_MAX) " seconds", ALL,
	       .def = STR(WEFT_KATO_DEFAULT) ", for discovery 0",
	       .help = "seconds after which a silent peer counts as dead; 0 counts as not given"),
	TEXT(HOSTNQN, hostnqn, NQN, .accepts = NQN_WORDS, ALL,
	     .help = "name of this host; made when the module is loaded if not given"),
	NUMBER(RECONNECT_DELAY, reconnect_delay, 1, SECONDS_MAX,
	       WEFT_RECONNECT_DELAY_DEFAULT, NONE,
	       RANGE(1, SECONDS_MAX) " seconds", RDMA_TCP,
	       .def = STR(WEFT_RECONNECT_DELAY_DEFAULT),
	       .help = "seconds between attempts to reconnect"),
	TEXT(HOST_TRADDR, host_traddr, ADDR, .accepts = ADDR_WORDS, ALL,
	     .help = "address of this host to connect from"),
	NUMBER(CTRL_LOSS_TMO, ctrl_loss_tmo, -1, SECONDS_MAX,
	       WEFT_CTRL_LOSS_TMO_DEFAULT, LOW,
	       RANGE(0, SECONDS_MAX) " seconds, or negative for ever", RDMA_TCP,
	       .def = STR(WEFT_CTRL_LOSS_TMO_DEFAULT),
	       .help = "seconds to keep trying to reconnect before the controller is removed"),
	TEXT(HOSTID, hostid, UUID, ALL,
	     .accepts = "a UUID that is not zero, such as 0f01fb42-9f7f-4856-b0b3-51e60b8de349",
	     .help = "identifier of this host"),
	FLAG(DUPLICATE_CONNECT, duplicate_connect, ALL,
	     .help = "allow a second controller with the same addresses and names"),
	FLAG(DISABLE_SQFLOW, disable_sqflow, ALL,
	     .help = "ask for queues without submission queue flow control"),
	FLAG(HDR_DIGEST, hdr_digest, TCP,
	     .help = "protect PDU headers with a CRC"),
	FLAG(DATA_DIGEST, data_digest, TCP,
	     .help = "protect PDU data with a CRC"),
	NUMBER(NR_WRITE_QUEUES, nr_write_queues, 1, COUNT_MAX, 0, NONE,
	       RANGE(1, COUNT_MAX), RDMA_TCP,
	       .help = "further I/O queues, for writes only"),
	NUMBER(NR_POLL_QUEUES, nr_poll_queues, 1, COUNT_MAX, 0, NONE,
	       RANGE(1, COUNT_MAX), RDMA_TCP,
	       .help = "further I/O queues, for polled I/O only"),
	NUMBER(TOS, tos, 0, TOS_MAX, -1, HIGH,
	       RANGE(0, TOS_MAX) "; more counts as " STR(TOS_MAX), RDMA_TCP,
	       .def = "the system's",
	       .help = "IP type of service of the connection"),
	NUMBER(FAST_IO_FAIL_TMO, fast_io_fail_tmo, -1, SECONDS_MAX, -1, LOW,
	       RANGE(0, SECONDS_MAX) " seconds, or negative for off", ALL,
	       .def = "off",
	       .help = "seconds without connection after which I/O fails instead of waiting"),
	TEXT(HOST_IFACE, host_iface, IFACE, TCP,
	     .accepts = "a network interface's name of 1 to 15 characters",
	     .help = "network interface to connect through"),
	FLAG(DISCOVERY, discovery, ALL,
	     .help = "the subsystem is a discovery subsystem with a name of its own"),
	TEXT(DHCHAP_SECRET, dhchap_secret, SECRET, NOBODY,
	     .accepts = SECRET_WORDS,
	     .help = "secret that this host proves itself with"),
	TEXT(DHCHAP_CTRL_SECRET, dhchap_ctrl_secret, SECRET, NOBODY,
	     .accepts = SECRET_WORDS,
	     .help = "secret that the controller proves itself with"),
	FLAG(TLS, tls, NOBODY, .help = "encrypt the connection with TLS"),
	NUMBER(KEYRING, keyring, 1, SERIAL_MAX, 0, NONE,
	       RANGE(1, SERIAL_MAX), NOBODY,
	       .help = "serial number of the keyring that holds the TLS key"),
	NUMBER(TLS_KEY, tls_key, 1, SERIAL_MAX, 0, NONE,
	       RANGE(1, SERIAL_MAX), NOBODY,
	       .help = "serial number of the TLS key"),
};

static const struct weft_transport_row transports[] = {
	{ "rdma", STR(NVMF_RDMA_PORT) },
	{ "tcp", STR(NVMF_DISCOVERY_PORT) },
};

const struct weft_transport_row *weft_transport_row(const char *name,
						    size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(transports); i++)
		if (strlen(transports[i].name) == len &&
		    !memcmp(transports[i].name, name, len))
			return &transports[i];
	return NULL;
}

const struct weft_opt_info *weft_opt_info(unsigned int o)
{
	return o < WEFT_OPT_COUNT ? &weft_opt_rows[o].info : NULL;
}
