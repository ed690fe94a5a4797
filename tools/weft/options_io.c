// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Options and further help of the commands that use the userspace initiator.
 */
#include "tools/weft/options.h"

#define NSID	COUNT("nsid", NULL, "namespace; default 1")
#define NSID0	COUNT("nsid", NULL, "namespace; default 0")
#define LBA	COUNT("lba", NULL, "first block; default 0")
#define BLOCKS	COUNT("blocks", NULL, "number of blocks; default 1")
#define FUA	FLAG("fua", NULL, "force unit access")
#define RETRY	FLAG("limited-retry", NULL, "limited retry")
#define TO_FILE	TEXT("file", NULL, "FILE", \
		     "write the data there, '-' is standard output; default: a hex dump")
#define RANGES	TEXT("ranges", NULL, "LIST", \
		     "FIRST+COUNT in blocks, with commas between")
#define KEY	COUNT("key", NULL, "current reservation key; default 0")
#define TYPE	COUNT("type", NULL, "reservation type, 1 to 6; default 1")

const struct cli_opt io_read_opts[CLI_OPTS] = {
	NSID, LBA, BLOCKS, TO_FILE, FUA, RETRY, END
};

const struct cli_opt io_write_opts[CLI_OPTS] = {
	NSID, LBA,
	COUNT("blocks", NULL, "number of blocks; default: all of the file"),
	TEXT("file", NULL, "FILE", "the data; '-' is standard input"),
	FUA, RETRY, END
};

const struct cli_opt io_pair_opts[CLI_OPTS] = {
	NSID, LBA,
	TEXT("expect", NULL, "FILE",
	     "what the blocks have to be; '-' is standard input"),
	TEXT("file", NULL, "FILE",
	     "what is written then; '-' is standard input"),
	END
};

const struct cli_opt io_zeroes_opts[CLI_OPTS] = {
	NSID, LBA, BLOCKS, FLAG("deallocate", NULL, "deallocate the blocks"),
	FUA, RETRY, END
};

const struct cli_opt io_verify_opts[CLI_OPTS] = { NSID, LBA, BLOCKS, FUA, RETRY, END };
const struct cli_opt io_bad_opts[CLI_OPTS] = { NSID, LBA, BLOCKS, END };
const struct cli_opt io_ns_opts[CLI_OPTS] = { NSID, END };

const struct cli_opt io_dsm_opts[CLI_OPTS] = {
	NSID, RANGES, FLAG("deallocate", NULL, "deallocate the blocks"), END
};

const struct cli_opt io_copy_opts[CLI_OPTS] = {
	NSID, COUNT("lba", NULL, "first block to copy to; default 0"), RANGES,
	END
};

const struct cli_opt io_identify_opts[CLI_OPTS] = {
	COUNT("cns", NULL, "structure; default 1, the controller"), NSID0,
	COUNT("cntid", NULL, "controller; default 0"),
	COUNT("csi", NULL, "command set; default 0"), TO_FILE, END
};

const struct cli_opt io_log_opts[CLI_OPTS] = {
	COUNT("lid", NULL, "log page"), NSID0,
	SIZE_TEXT("offset", NULL, "first byte; default 0"),
	SIZE_TEXT("size", NULL, "bytes, a multiple of 4; default 4096"),
	COUNT("lsp", NULL, "log specific field; default 0"),
	FLAG("rae", NULL, "retain the asynchronous event"), TO_FILE, END
};

const struct cli_opt io_get_feature_opts[CLI_OPTS] = {
	COUNT("fid", NULL, "feature"), NSID0,
	COUNT("select", NULL,
	      "0 current, 1 default, 2 saved, 3 capabilities; default 0"),
	COUNT("cdw11", NULL, "dword 11; default 0"),
	SIZE_TEXT("size", NULL, "bytes of data that come; default 0"), TO_FILE,
	END
};

const struct cli_opt io_set_feature_opts[CLI_OPTS] = {
	COUNT("fid", NULL, "feature"), NSID0,
	COUNT("cdw11", NULL, "dword 11; default 0"),
	COUNT("cdw12", NULL, "dword 12; default 0"),
	FLAG("save", NULL, "save it"),
	TEXT("file", NULL, "FILE",
	     "data of the feature; '-' is standard input; default: none"),
	END
};

const struct cli_opt io_register_opts[CLI_OPTS] = {
	NSID,
	TEXT("action", NULL, "WORD", "register (default), unregister or replace"),
	KEY, COUNT("new-key", NULL, "key to register; default 0"),
	FLAG("ignore-key", NULL, "whatever the current key is"),
	COUNT("cptpl", NULL,
	      "persist through power loss: 0 as it is, 2 no, 3 yes; default 0"),
	END
};

const struct cli_opt io_acquire_opts[CLI_OPTS] = {
	NSID,
	TEXT("action", NULL, "WORD",
	     "acquire (default), preempt or preempt-abort"),
	TYPE, KEY, COUNT("preempt-key", NULL, "key to preempt; default 0"), END
};

const struct cli_opt io_release_opts[CLI_OPTS] = {
	NSID, TEXT("action", NULL, "WORD", "release (default) or clear"), TYPE,
	KEY, END
};

const struct cli_opt io_report_opts[CLI_OPTS] = {
	NSID, SIZE_TEXT("size", NULL, "bytes, a multiple of 4; default 4096"),
	TO_FILE, END
};

const struct cli_opt io_raw_opts[CLI_OPTS] = {
	FLAG("admin", NULL, "to the admin queue; default: to an I/O queue"),
	COUNT("opcode", NULL,
	      "its two low bits say which way data moves; of 7Fh those of FCTYPE"),
	NSID0,
	COUNT("cdw2", NULL, "dword 2; default 0, as for those below"),
	COUNT("cdw3", NULL, "dword 3"), COUNT("cdw10", NULL, "dword 10"),
	COUNT("cdw11", NULL, "dword 11"), COUNT("cdw12", NULL, "dword 12"),
	COUNT("cdw13", NULL, "dword 13"), COUNT("cdw14", NULL, "dword 14"),
	COUNT("cdw15", NULL, "dword 15"),
	SIZE_TEXT("size", NULL,
		  "bytes of data that come; default 0; needed with --file"),
	TEXT("file", NULL, "FILE",
	     "data that goes ('-' is standard input), or where data that comes is written"),
	END
};

const struct cli_opt perf_opts[CLI_OPTS] = {
	TEXT("pattern", NULL, "WORD",
	     "read, write, randread, randwrite, rw or randrw; default randread"),
	COUNT("mix", NULL, "percent of reads in rw and randrw; default 50"),
	SIZE_TEXT("block-size", NULL, "bytes of one I/O; default 4096"),
	COUNT("depth", NULL,
	      "commands in flight per queue; default: one less than queue_size, or 32"),
	COUNT("controllers", NULL,
	      "connect that often, each with its own queues; default 1"),
	COUNT("threads", NULL, "default: one per queue, up to the processors"),
	COUNT("time", NULL, "seconds; default 10 if there is no count"),
	COUNT("count", NULL, "number of I/Os in all"),
	COUNT("nsid", NULL, "namespace; default 1"),
	SIZE_TEXT("range", NULL, "use that much of the namespace; default: all"),
	TEXT("verify", NULL, "HOW",
	     "crc or pattern: stamp what is written, check what is read"),
	COUNT("seed", NULL, "of random numbers and stamps; default 1"),
	COUNT("spin", NULL,
	      "empty polls before a thread sleeps; default 20"),
	CLI_OPT_JSON,
	END
};

const char io_more[] =
"The controller is named by a whole connect string, or by options. One command is sent\n"
"without the kernel's host, from a connection of its own.\n"
"\n"
"  weft io read transport=tcp,traddr=10.9.0.1,trsvcid=4420,nqn=NQN --lba 8 --blocks 8\n";

const char io_identify_more[] =
"  --cns 0 --nsid N    a namespace         --cns 2    active namespaces\n"
"  --cns 1             the controller      --cns 3 --nsid N    names of a namespace\n";

const char io_raw_more[] =
"Sends any command. CID and data pointer are filled in. FCTYPE of a Fabrics command is\n"
"the low byte of --nsid.\n"
"\n"
"  weft io raw STRING --admin --opcode 6 --cdw10 1 --size 4096    Identify Controller\n";

const char io_pair_more[] =
"One fused command: nothing comes between the comparison and the write. A difference\n"
"ends with Compare Failure, and nothing is written.\n";

const char perf_more[] =
"Loads a namespace from this process, without the kernel's host: --nr-io-queues (1) queues\n"
"per controller, each with its own connection. With --verify every block is stamped with\n"
"its number and the number of the write; 'write', 'rw' and their random forms read back\n"
"what they wrote at the end, 'read' and 'randread' expect what an earlier run with the same\n"
"seed wrote. With --ctrl-loss-tmo a broken connection is made again every\n"
"--reconnect-delay seconds, and its I/O repeated. ^C ends the run early, with a report.\n";
