/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Between `weft io` (io.c: files, values, running) and its commands (io_ops.c).
 */
#ifndef WEFT_TOOLS_IO_H
#define WEFT_TOOLS_IO_H

#include "tools/weft/remote.h"

struct io_op;

struct io_range {
	u64 slba;
	u64 blocks;
};

/**
 * struct io_call - one run of a command
 * @opts: whom it connects, and as whom
 * @block: bytes of a block, for commands that need to know
 * @data: @len: what is sent, or room for what comes
 * @gives: data comes, and is printed or written
 * @pair: of a command that consists of two
 */
struct io_call {
	const struct cli_args *a;
	const struct io_op *op;
	const struct ini_opts *opts;
	struct remote r;
	struct ini_queue *q;
	u32 nsid;
	u32 block;
	u64 lba;
	u64 blocks;
	u8 *data;
	u32 len;
	bool gives;
	struct ini_pair pair;
};

/**
 * struct io_op - a command
 * @name: as in the table of commands
 * @title: the specification's name, for messages
 * @admin: goes to the admin queue; @raw: the user says so
 * @blocks: the namespace's block size is wanted
 * @result: DW0 and DW1 of the completion are worth printing
 * @nsid: default
 * @check: the command line, before anything is connected; may be NULL
 * @size: data, once the block size is known; may be NULL
 * @send: submit, with remote_done() and the answer
 */
struct io_op {
	const char *name;
	const char *title;
	bool admin;
	bool raw;
	bool blocks;
	bool result;
	u32 nsid;
	int (*check)(struct io_call *x);
	int (*size)(struct io_call *x);
	int (*send)(struct io_call *x, struct remote_answer *ans);
};

/** io_find() - the row of this command; it is there */
const struct io_op *io_find(const char *name);

/** io_take_file() - data of --@option, behind what is there; enum cli_exit */
int io_take_file(struct io_call *x, const char *option);
/** io_room() - room for @bytes of data */
int io_room(struct io_call *x, u64 bytes);
/** io_value() - number of an option, at most @max */
int io_value(const struct io_call *x, const char *name, u64 max, u64 dflt,
	     u64 *out);
/** io_need() - an option that has to be there */
int io_need(const struct io_call *x, const char *name);
/** io_ranges() - --ranges to at most NVME_DSM_MAX_RANGES of @out */
int io_ranges(struct io_call *x, struct io_range *out, u32 *n);

#endif
