/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Rows of option tables, and the tables that stand beside commands.c.
 */
#ifndef WEFT_TOOLS_OPTIONS_H
#define WEFT_TOOLS_OPTIONS_H

#include "tools/weft/cli.h"

#define END { .name = NULL }
#define SIZE_TEXT(opt, param, text) \
	{ .name = opt, .kind = CLI_SIZE, .arg = "SIZE", .rpc = param, \
	  .help = text }
#define COUNT(opt, param, text) \
	{ .name = opt, .kind = CLI_COUNT, .arg = "N", .rpc = param, \
	  .help = text }
#define TEXT(opt, param, value, text) \
	{ .name = opt, .kind = CLI_TEXT, .arg = value, .rpc = param, \
	  .help = text }
#define SWITCH(opt, param, text) \
	{ .name = opt, .kind = CLI_SWITCH, .arg = "on|off", .rpc = param, \
	  .help = text }
#define FLAG(opt, param, text) \
	{ .name = opt, .rpc = param, .help = text }

/* options_io.c */
extern const struct cli_opt io_read_opts[CLI_OPTS], io_write_opts[CLI_OPTS],
	io_pair_opts[CLI_OPTS], io_zeroes_opts[CLI_OPTS],
	io_verify_opts[CLI_OPTS], io_bad_opts[CLI_OPTS], io_ns_opts[CLI_OPTS],
	io_dsm_opts[CLI_OPTS], io_copy_opts[CLI_OPTS],
	io_identify_opts[CLI_OPTS], io_log_opts[CLI_OPTS],
	io_get_feature_opts[CLI_OPTS], io_set_feature_opts[CLI_OPTS],
	io_register_opts[CLI_OPTS], io_acquire_opts[CLI_OPTS],
	io_release_opts[CLI_OPTS], io_report_opts[CLI_OPTS],
	io_raw_opts[CLI_OPTS], perf_opts[CLI_OPTS];
extern const char io_more[], io_pair_more[], io_raw_more[], io_identify_more[],
	perf_more[];

#endif
