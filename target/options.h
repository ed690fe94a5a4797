/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/* The daemon's command line. */
#ifndef WEFT_TARGET_OPTIONS_H
#define WEFT_TARGET_OPTIONS_H

#include "common/text.h"
#include "target/reactor/reactor.h"

#define OPTIONS_DEFAULT_SOCKET "/var/tmp/weft.sock"

/**
 * struct options - what the command line asks for
 * @reactors: cores point to @cores
 */
struct options {
	struct reactor_opts reactors;
	int cores[REACTOR_MAX];
	const char *socket;
	const char *config;
	const char *state;
	const char *metrics;
	const char *rpcs_allowed;
	bool wait_for_rpc;
};

/**
 * options_parse() - read the command line
 * Return: -1 to go on, else the exit status: 0 after --help and --version, 2
 * after a mistake that was told on stderr.
 */
int options_parse(struct options *o, int argc, char **argv);

/**
 * options_parse_cores() - "0x3" (mask), "0,2-4" or "[0,2-4]" (list)
 * @cores: room for REACTOR_MAX
 * Return: their number, or -EINVAL with the reason.
 */
int options_parse_cores(const char *s, int *cores, struct weft_reason *why);

#endif
