// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Every command with its arguments, options and help. From this table come
 * the parser, the help texts and what the tests walk through.
 */
#include "tools/weft/handlers.h"
#include "tools/weft/options.h"

static const struct cli_opt json_opts[CLI_OPTS] = { CLI_OPT_JSON, END };
static const struct cli_opt socket_opts[CLI_OPTS] = { CLI_OPT_SOCKET, END };
static const struct cli_opt listing_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET, CLI_OPT_JSON, END
};

static const struct cli_opt discover_opts[CLI_OPTS] = {
	CLI_OPT_JSON,
	FLAG("userspace", NULL, "connect from this process, without the kernel's host"),
	END
};

static const struct cli_opt load_opts[CLI_OPTS] = {
	TEXT("dir", NULL, "DIR", "take weft.ko and weft-TRANSPORT.ko from there"),
	TEXT("control-device", NULL, "NAME",
	     "name of the control device below /dev"),
	END
};

static const struct cli_opt disconnect_opts[CLI_OPTS] = {
	{ .name = "device", .letter = 'd', .kind = CLI_TEXT, .arg = "DEVICE",
	  .help = "this controller, nvme0, or all that lead to this disk: nvme0n1, ng0n1" },
	{ .name = "nqn", .letter = 'n', .kind = CLI_TEXT, .arg = "NQN",
	  .help = "all controllers of this subsystem" },
	{ .name = "all", .help = "all controllers" },
	END
};

static const struct cli_opt top_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET,
	COUNT("interval", NULL,
	      "seconds between two looks, 1 to 86400; default 1"),
	COUNT("times", NULL, "end after that many; default: never"),
	FLAG("connections", NULL, "list connections, too"),
	END
};

static const struct cli_opt transport_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET,
	COUNT("max-queue-depth", "max_queue_depth", "entries of an I/O queue"),
	COUNT("max-aq-depth", "max_aq_depth", "entries of an admin queue"),
	COUNT("max-io-queues", "max_io_qpairs_per_ctrlr",
	      "I/O queues of a controller"),
	SIZE_TEXT("in-capsule-size", "in_capsule_data_size",
		  "data that travels inside a command capsule"),
	SIZE_TEXT("max-io-size", "max_io_size", "largest transfer"),
	SIZE_TEXT("buffer-size", "io_unit_size", "one data buffer"),
	COUNT("buffers", "num_shared_buffers", "number of data buffers"),
	COUNT("max-srq-depth", "max_srq_depth",
	      "RDMA: entries of a shared receive queue"),
	SWITCH("no-srq", "no_srq",
	       "RDMA: receives per connection, not shared; default on"),
	COUNT("num-cqe", "num_cqe", "RDMA: entries of a completion queue"),
	SWITCH("remote-invalidate", "remote_invalidate",
	       "RDMA: invalidate a host's key with the response; default on"),
	SWITCH("trust-iwarp-hosts", "trust_iwarp_hosts",
	       "RDMA: serve iWARP, over which hosts can write to RAM disks and buffers"),
	SWITCH("c2h-success", "c2h_success",
	       "TCP: no response after a read's data if the host agrees; default on"),
	COUNT("sock-priority", "sock_priority",
	      "TCP: priority of connections, 0 to 6"),
	COUNT("ack-timeout", "ack_timeout",
	      "TCP: ms without acknowledgement that break a connection; RDMA: exponent"),
	COUNT("transfer-timeout", "transfer_timeout",
	      "ms that a begun transfer may stand still"),
	COUNT("backlog", "acceptor_backlog", "connections that may wait"),
	COUNT("kas", "kas", "granularity of keep-alive timeouts in 100 ms"),
	COUNT("min-kato", "min_kato", "shortest keep-alive timeout in ms"),
	COUNT("association-timeout", "association_timeout",
	      "ms that a controller may stay disabled; 0: for ever"),
	COUNT("abort-timeout", "abort_timeout_sec",
	      "seconds that an Abort waits for the data of its command"),
	END
};

#define MEMORY_OPTS \
	CLI_OPT_SOCKET, \
	SIZE_TEXT("block-size", NULL, \
		  "bytes of a block, 512 or 4096; default 512"), \
	SIZE_TEXT("physical-block-size", "physical_block_size", \
		  "bytes that hosts are told to write at once; default: a block"), \
	TEXT("uuid", "uuid", "UUID", "its UUID; default: a random one")

static const struct cli_opt memory_opts[CLI_OPTS] = { MEMORY_OPTS, END };

static const struct cli_opt null_opts[CLI_OPTS] = {
	MEMORY_OPTS,
	COUNT("write-granularity", "preferred_write_granularity",
	      "blocks; hosts are told to write multiples of it"),
	COUNT("write-alignment", "preferred_write_alignment",
	      "blocks; hosts are told to begin writes at multiples of it"),
	COUNT("write-size", "optimal_write_size",
	      "blocks; hosts are told that writes are best of that size"),
	COUNT("unmap-granularity", "preferred_unmap_granularity",
	      "blocks; hosts are told to deallocate multiples of it"),
	COUNT("unmap-alignment", "preferred_unmap_alignment",
	      "blocks; hosts are told to begin deallocating at multiples of it"),
	END
};

static const struct cli_opt file_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET,
	SIZE_TEXT("block-size", "block_size",
		  "bytes of a block; default: the device's own, 512 for files"),
	TEXT("uuid", "uuid", "UUID", "its UUID; default: a random one"),
	FLAG("readonly", "readonly", "refuse writes"),
	END
};

static const struct cli_opt passthru_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET,
	TEXT("uuid", "uuid", "UUID", "its UUID; default: a random one"),
	END
};

/* bdev_delay_create and bdev_delay_update_latency name them differently */
#define LATENCIES(suffix) \
	COUNT("read", "avg_read" suffix, "microseconds that reads take"), \
	COUNT("write", "avg_write" suffix, "microseconds that writes take"), \
	COUNT("read-p99", "p99_read" suffix, \
	      "that every hundredth read takes"), \
	COUNT("write-p99", "p99_write" suffix, \
	      "that every hundredth write takes")

static const struct cli_opt delay_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET,
	TEXT("uuid", "uuid", "UUID", "its UUID; default: a random one"),
	LATENCIES("_latency"),
	END
};

static const struct cli_opt latency_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET,
	LATENCIES(""),
	END
};

static const struct cli_opt inject_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET,
	COUNT("num", "num", "of how many operations; default 1"),
	COUNT("busy", "queue_depth",
	      "only while that many others are under way on the reactor"),
	COUNT("corrupt-offset", "corrupt_offset",
	      "corrupt_data: which byte is changed"),
	COUNT("corrupt-value", "corrupt_value",
	      "corrupt_data: what it is xored with, 0 to 255"),
	COUNT("sct", "nvme_sct",
	      "nvme_failure: status code type that hosts see, 0 to 7"),
	COUNT("sc", "nvme_sc", "nvme_failure: its status code, 0 to 255"),
	END
};

static const struct cli_opt histogram_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET,
	TEXT("op", "opc", "WORD",
	     "on: only read, write, flush, unmap or write_zeroes"),
	COUNT("granularity", "granularity",
	      "on: 2 to this many buckets for each doubling, 1 to 12; default 7"),
	CLI_OPT_JSON,
	END
};

static const struct cli_opt stat_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET,
	TEXT("reset", "reset_mode", "WORD",
	     "and begin anew with all, maxmin or error"),
	CLI_OPT_JSON,
	END
};

static const struct cli_opt split_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET,
	COUNT("size", "split_size_mb",
	      "MiB of each part; default: as large as fits"),
	COUNT("size-blocks", "split_size_blocks",
	      "instead: blocks of BASE in each part"),
	END
};

static const struct cli_opt limit_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET,
	COUNT("iops", "rw_ios_per_sec", "reads and writes in a second; 0: no limit"),
	COUNT("mib", "rw_mbytes_per_sec", "MiB read and written in a second"),
	COUNT("read-mib", "r_mbytes_per_sec", "MiB read in a second"),
	COUNT("write-mib", "w_mbytes_per_sec", "MiB written in a second"),
	END
};

static const struct cli_opt subsystem_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET,
	TEXT("serial", "serial_number", "TEXT", "up to 20 characters"),
	TEXT("model", "model_number", "TEXT", "up to 40 characters"),
	FLAG("allow-any-host", "allow_any_host", "admit hosts not on the list"),
	COUNT("max-namespaces", "max_namespaces", "default 32"),
	COUNT("min-cntlid", "min_cntlid", "lowest controller id"),
	COUNT("max-cntlid", "max_cntlid", "highest controller id"),
	FLAG("static-cntlid", "static_cntlid", "hosts choose their controller"),
	FLAG("ana", "ana_reporting", "listeners have ANA states"),
	FLAG("nssr", "enable_nssr", "hosts may reset the subsystem"),
	COUNT("dmrsl", "dmrsl", "blocks of a deallocated range that are processed"),
	COUNT("wzsl", "wzsl", "largest Write Zeroes: 2 to the power of it x 4 KiB"),
	END
};

static const struct cli_opt ns_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET,
	COUNT("nsid", "nsid", "namespace id; default: the lowest free"),
	TEXT("uuid", "uuid", "UUID", "default: the block device's"),
	TEXT("nguid", "nguid", "HEX", "32 hexadecimal digits"),
	TEXT("eui64", "eui64", "HEX", "16 hexadecimal digits"),
	COUNT("group", "anagrpid", "ANA group; default: as the namespace id"),
	FLAG("hidden", "no_auto_visible",
	     "only hosts of 'target ns host add' see it"),
	TEXT("ptpl-file", "ptpl_file", "FILE",
	     "reservations persist there through power loss"),
	END
};

static const struct cli_opt listener_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET,
	TEXT("ana-state", "ana_state", "STATE", "of all groups at first"),
	SWITCH("remote-invalidate", "remote_invalidate",
	       "RDMA: SEND with invalidate; default: as the transport"),
	END
};

static const struct cli_opt ana_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET, COUNT("group", "anagrpid", "default: all groups"), END
};

static const struct cli_opt referral_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET,
	TEXT("nqn", "subnqn", "NQN", "of that service; default the well-known"),
	END
};

static const struct cli_opt settings_opts[CLI_OPTS] = {
	CLI_OPT_SOCKET,
	TEXT("discovery-filter", "discovery_filter", "LIST",
	     "log only what has the same transport, address, svcid; or match_any"),
	TEXT("discovery-nqn", "discovery_nqn", "NQN",
	     "a name of the discovery subsystem's own; '' for none"),
	TEXT("dup-host-policy", "dup_host_policy", "WORD",
	     "allow or restrict_per_listener"),
	END
};

static const char load_more[] =
"Loads weft and weft_TRANSPORT (default: rdma) with the kernel modules that they need.\n"
"They come from --dir, else from build/modules/RELEASE beside this program, else from\n"
"/lib/modules. Then says which names the host has taken: beside a loaded nvme-core\n"
"they are Weft's own.\n";

static const char unload_more[] =
"Refused while controllers are connected or devices are held open; says by whom.\n";

static const char rxe_more[] =
"Soft-RoCE turns a network interface into an RDMA device. Loads the kernel's rdma_rxe\n"
"and rdma_ucm if they are not there yet.\n";

static const char connect_more[] =
"Either a whole connect string as it is written to /dev/nvme-fabrics, or options.\n"
"Prints the controller and its namespaces, one name a line.\n"
"\n"
"  weft connect -t rdma -a 10.9.0.1 -n nqn.2026-11.io.weft:disk1\n"
"  weft connect \"transport=rdma,traddr=10.9.0.1,nqn=nqn.2026-11.io.weft:disk1\"\n";

static const char explain_more[] =
"Without an argument: every option there is. A string with a mistake ends with 1, the\n"
"reason and its place.\n";

static const char rpc_more[] =
"Prints the result as JSON. 'weft target rpc rpc_get_methods' lists the methods.\n";

static const char stop_more[] =
"Hosts are disconnected, I/O under way is finished; returns when the target has ended.\n";

static const char ana_more[] =
"STATE is optimized, non_optimized, inaccessible, persistent_loss or change.\n";

static const char inject_more[] =
"IO is read, write, unmap, flush, all, or clear, which takes injected errors back. ERROR is\n"
"failure (default), nvme_failure, pending, corrupt_data or nomem.\n"
"\n"
"  weft target bdev add error disk1        makes EE_disk1\n"
"  weft target bdev inject EE_disk1 read pending --num 3\n"
"  weft target bdev resume EE_disk1\n";

static const char histogram_more[] =
"Without a word: how many operations took how long, in powers of two of a microsecond;\n"
"with --json all buckets, as bdev_get_histogram has them. on and off begin and end counting.\n";

static const char log_level_more[] =
"LEVEL is ERROR, WARNING, NOTICE, INFO or DEBUG. Without one: prints which it is.\n";

static const char log_flag_more[] =
"Without a flag: lists them. 'all' stands for every one.\n";

static const char load_config_more[] =
"Applied as a whole, or refused with the call that is wrong and taken back. '-' reads\n"
"from standard input.\n";

const struct cli_command cli_commands[] = {
	{ "load", "[TRANSPORT]", "Load the kernel host", load_more, load_opts,
	  CONN_NONE, cmd_load },
	{ "unload", "", "Unload the kernel host", unload_more, NULL, CONN_NONE,
	  cmd_unload },
	{ "rxe add", "NAME NETDEV", "Make a soft-RoCE device", rxe_more, NULL,
	  CONN_NONE, cmd_rxe_add },
	{ "rxe del", "NAME", "Remove a soft-RoCE device", NULL, NULL, CONN_NONE,
	  cmd_rxe_del },
	{ "rxe list", "", "List soft-RoCE devices", NULL, json_opts, CONN_NONE,
	  cmd_rxe_list },
	{ "discover", "", "List what a discovery controller offers", NULL,
	  discover_opts, CONN_KERNEL, cmd_discover },
	{ "connect", "[STRING]", "Connect to a subsystem", connect_more,
	  json_opts, CONN_KERNEL, cmd_connect },
	{ "disconnect", "", "Disconnect controllers", NULL, disconnect_opts,
	  CONN_NONE, cmd_disconnect },
	{ "list", "", "List controllers and namespaces", NULL, json_opts, CONN_NONE,
	  cmd_list },
	{ "explain", "[STRING]", "Tell what a connect string means",
	  explain_more, json_opts, CONN_NONE, cmd_explain },

	{ "io read", "[STRING]", "Read blocks", io_more,
	  io_read_opts, CONN_ONCE, cmd_io },
	{ "io write", "[STRING]", "Write blocks", io_more,
	  io_write_opts, CONN_ONCE, cmd_io },
	{ "io compare", "[STRING]", "Compare blocks with a file", io_more,
	  io_write_opts, CONN_ONCE, cmd_io },
	{ "io compare-write", "[STRING]", "Write blocks if they are as expected",
	  io_pair_more, io_pair_opts, CONN_ONCE, cmd_io },
	{ "io write-zeroes", "[STRING]", "Write zeroes", io_more,
	  io_zeroes_opts, CONN_ONCE, cmd_io },
	{ "io verify", "[STRING]", "Have the controller verify blocks", io_more,
	  io_verify_opts, CONN_ONCE, cmd_io },
	{ "io write-uncorrectable", "[STRING]",
	  "Make blocks unreadable until they are written", io_more,
	  io_bad_opts, CONN_ONCE, cmd_io },
	{ "io flush", "[STRING]", "Flush", io_more,
	  io_ns_opts, CONN_ONCE, cmd_io },
	{ "io dsm", "[STRING]", "Dataset management", io_more,
	  io_dsm_opts, CONN_ONCE, cmd_io },
	{ "io copy", "[STRING]", "Copy blocks within a namespace", io_more,
	  io_copy_opts, CONN_ONCE, cmd_io },
	{ "io identify", "[STRING]", "Identify", io_identify_more,
	  io_identify_opts, CONN_ONCE, cmd_io },
	{ "io get-log", "[STRING]", "Get a log page", io_more,
	  io_log_opts, CONN_ONCE, cmd_io },
	{ "io get-feature", "[STRING]", "Get a feature", io_more,
	  io_get_feature_opts, CONN_ONCE, cmd_io },
	{ "io set-feature", "[STRING]", "Set a feature", io_more,
	  io_set_feature_opts, CONN_ONCE, cmd_io },
	{ "io resv-register", "[STRING]", "Register a reservation key", io_more,
	  io_register_opts, CONN_ONCE, cmd_io },
	{ "io resv-acquire", "[STRING]", "Acquire a reservation", io_more,
	  io_acquire_opts, CONN_ONCE, cmd_io },
	{ "io resv-release", "[STRING]", "Release a reservation", io_more,
	  io_release_opts, CONN_ONCE, cmd_io },
	{ "io resv-report", "[STRING]", "Report reservations", io_more,
	  io_report_opts, CONN_ONCE, cmd_io },
	{ "io raw", "[STRING]", "Send any command", io_raw_more,
	  io_raw_opts, CONN_ONCE, cmd_io },
	{ "perf", "[STRING]", "Measure and verify I/O", perf_more, perf_opts,
	  CONN_OWN, cmd_perf },

	{ "target status", "", "Show what the target does", NULL, listing_opts,
	  CONN_NONE, cmd_target_status },
	{ "target top", "", "Show what the target does, live",
	  "Rates of namespaces and hosts since the last look; latencies are in microseconds.\n",
	  top_opts, CONN_NONE, cmd_target_top },
	{ "target transport add", "TYPE", "Make a transport available", NULL,
	  transport_opts, CONN_NONE, cmd_transport_add },
	{ "target transport set", "TYPE", "Change options of a transport",
	  "For connections that come; sizes of data and numbers of buffers cannot change.\n",
	  transport_opts, CONN_NONE, cmd_transport_set },
	{ "target transport del", "TYPE", "Do without a transport",
	  "Refused while something listens through it.\n", socket_opts, CONN_NONE,
	  cmd_transport_del },
	{ "target transport list", "", "List transports", NULL, listing_opts,
	  CONN_NONE, cmd_transport_list },
	{ "target bdev list", "[NAME]", "List block devices", NULL,
	  listing_opts, CONN_NONE, cmd_bdev_list },
	{ "target bdev stat", "[NAME]", "Show counters of block devices", NULL,
	  stat_opts, CONN_NONE, cmd_bdev_stat },
	{ "target bdev add malloc", "NAME SIZE", "Create a RAM disk", NULL,
	  memory_opts, CONN_NONE, cmd_bdev_add_malloc },
	{ "target bdev add null", "NAME SIZE",
	  "Create a disk that reads zeroes and drops writes", NULL, null_opts,
	  CONN_NONE, cmd_bdev_add_null },
	{ "target bdev add file", "NAME PATH",
	  "Create a disk on a file or block device", NULL, file_opts, CONN_NONE,
	  cmd_bdev_add_file },
	{ "target bdev add passthru", "NAME BASE",
	  "Make another bdev of one, without a change", NULL, passthru_opts,
	  CONN_NONE, cmd_bdev_add_passthru },
	{ "target bdev add delay", "NAME BASE", "Make a slow bdev of one", NULL,
	  delay_opts, CONN_NONE, cmd_bdev_add_delay },
	{ "target bdev add error", "BASE",
	  "Make a bdev of one that fails when it is told to",
	  "Prints its name.\n", passthru_opts, CONN_NONE, cmd_bdev_add_error },
	{ "target bdev inject", "NAME IO [ERROR]",
	  "Let operations of an error bdev go wrong", inject_more, inject_opts,
	  CONN_NONE, cmd_bdev_inject },
	{ "target bdev resume", "NAME",
	  "Let operations go on that an injected error holds", NULL,
	  socket_opts, CONN_NONE, cmd_target_call },
	{ "target bdev latency", "NAME", "Change how slow a delay bdev is",
	  NULL, latency_opts, CONN_NONE, cmd_bdev_latency },
	{ "target bdev histogram", "NAME [on|off]",
	  "Show how long operations of a bdev took", histogram_more,
	  histogram_opts, CONN_NONE, cmd_bdev_histogram },
	{ "target bdev rescan", "NAME",
	  "Take over the size that a file has now", NULL, socket_opts,
	  CONN_NONE, cmd_bdev_rescan },
	{ "target bdev resize", "NAME SIZE", "Change the size of a null disk",
	  NULL, socket_opts, CONN_NONE, cmd_bdev_resize },
	{ "target bdev unsplit", "BASE", "Remove all parts of a bdev", NULL,
	  socket_opts, CONN_NONE, cmd_target_call },
	{ "target bdev split", "BASE COUNT", "Make equal parts of a bdev",
	  "Prints their names.\n", split_opts, CONN_NONE, cmd_bdev_split },
	{ "target bdev limit", "NAME", "Limit what a bdev does in a second",
	  NULL, limit_opts, CONN_NONE, cmd_target_call },
	{ "target host limit", "HOSTNQN", "Limit what a host does in a second",
	  NULL, limit_opts, CONN_NONE, cmd_target_call },
	{ "target bdev del", "NAME", "Remove a block device", NULL, socket_opts,
	  CONN_NONE, cmd_bdev_del },
	{ "target subsystem list", "[NQN]", "List subsystems", NULL,
	  listing_opts, CONN_NONE, cmd_subsystem_list },
	{ "target subsystem add", "NQN", "Create a subsystem", NULL,
	  subsystem_opts, CONN_NONE, cmd_subsystem_add },
	{ "target subsystem del", "NQN",
	  "Disconnect a subsystem's hosts and remove it", NULL, socket_opts,
	  CONN_NONE, cmd_subsystem_del },
	{ "target ns add", "NQN BDEV", "Serve a block device as a namespace",
	  "Prints the namespace id.\n", ns_opts, CONN_NONE, cmd_ns_add },
	{ "target ns del", "NQN NSID", "Stop serving a namespace", NULL,
	  socket_opts, CONN_NONE, cmd_ns_del },
	{ "target listener add", "NQN TYPE ADDR[:PORT]",
	  "Serve a subsystem at an address", NULL, listener_opts, CONN_NONE,
	  cmd_listener_add },
	{ "target listener del", "NQN TYPE ADDR[:PORT]",
	  "Stop serving at an address", NULL, socket_opts, CONN_NONE,
	  cmd_listener_del },
	{ "target listener list", "NQN", "List addresses and their ANA states",
	  NULL, listing_opts, CONN_NONE, cmd_listener_list },
	{ "target listener ana", "NQN TYPE ADDR[:PORT] STATE",
	  "Set the ANA state of namespaces through an address", ana_more,
	  ana_opts, CONN_NONE, cmd_listener_ana },
	{ "target ns group", "NQN NSID GROUP",
	  "Move a namespace to another ANA group", NULL, socket_opts, CONN_NONE,
	  cmd_ns_group },
	{ "target ns limit", "NQN NSID",
	  "Limit what all hosts of a namespace do in a second", NULL,
	  limit_opts, CONN_NONE, cmd_ns_limit },
	{ "target ns host add", "NQN NSID HOSTNQN",
	  "Let a host see a hidden namespace", NULL, socket_opts, CONN_NONE,
	  cmd_ns_host_add },
	{ "target ns host del", "NQN NSID HOSTNQN",
	  "Hide a namespace from a host again", NULL, socket_opts, CONN_NONE,
	  cmd_ns_host_del },
	{ "target referral add", "TYPE ADDR[:PORT]",
	  "Name another discovery service", NULL, referral_opts, CONN_NONE,
	  cmd_referral_add },
	{ "target referral del", "TYPE ADDR[:PORT]",
	  "Name a discovery service no longer", NULL, referral_opts, CONN_NONE,
	  cmd_referral_del },
	{ "target referral list", "", "List the discovery services named", NULL,
	  listing_opts, CONN_NONE, cmd_referral_list },
	{ "target host add", "NQN HOSTNQN", "Admit a host", NULL, socket_opts,
	  CONN_NONE, cmd_host_add },
	{ "target host del", "NQN HOSTNQN",
	  "Admit a host no longer and disconnect it", NULL, socket_opts, CONN_NONE,
	  cmd_host_del },
	{ "target host any", "NQN on|off",
	  "Admit every host, or only those listed", NULL, socket_opts, CONN_NONE,
	  cmd_host_any },
	{ "target controllers", "NQN", "List the hosts that are connected",
	  NULL, listing_opts, CONN_NONE, cmd_controllers },
	{ "target queues", "NQN", "List the connections of a subsystem", NULL,
	  listing_opts, CONN_NONE, cmd_queues },
	{ "target set", "", "Change settings of the target as a whole", NULL,
	  settings_opts, CONN_NONE, cmd_target_set },
	{ "target config save", "FILE", "Save the configuration",
	  "'-' prints it.\n", socket_opts, CONN_NONE, cmd_config_save },
	{ "target config load", "FILE", "Apply a saved configuration",
	  load_config_more, socket_opts, CONN_NONE, cmd_config_load },
	{ "target rpc", "METHOD [PARAMS]",
	  "Call a method with parameters as JSON", rpc_more, socket_opts, CONN_NONE,
	  cmd_target_rpc },
	{ "target log level", "[LEVEL]", "Log messages up to this level",
	  log_level_more, socket_opts, CONN_NONE, cmd_log_level },
	{ "target log flag", "[FLAG] [on|off]",
	  "Let a room of the source log everything", log_flag_more,
	  listing_opts, CONN_NONE, cmd_log_flag },
	{ "target start", "", "Start a target that waits (--wait-for-rpc)",
	  NULL, socket_opts, CONN_NONE, cmd_target_call },
	{ "target stop", "", "Stop the target", stop_more, socket_opts, CONN_NONE,
	  cmd_target_stop },
	{ .name = NULL }
};
