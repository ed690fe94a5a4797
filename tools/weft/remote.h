/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * A controller that a command of this program talks to by itself, with the
 * userspace initiator: connected, asked, disconnected. One thread; functions
 * wait, and say on stderr what went wrong.
 */
#ifndef WEFT_TOOLS_REMOTE_H
#define WEFT_TOOLS_REMOTE_H

#include "tools/initiator/initiator.h"
#include "tools/weft/cli.h"

/**
 * struct remote - a connection
 * @io: I/O queue 1, if remote_io() was called
 */
struct remote {
	struct ini_ctrlr *ctrlr;
	struct ini_queue *io;
};

/**
 * struct remote_answer - how a command ended
 */
struct remote_answer {
	bool done;
	nvme_status status;
	u64 result;
};

/**
 * remote_opts() - options of the initiator from the command line
 * @nqn: name of the subsystem if none is given; may be NULL
 *
 * The first argument is a whole connect string, or the command's options make
 * one. This host's names are those of /etc/nvme unless they are given.
 * Return: an enum cli_exit.
 */
int remote_opts(const struct cli_args *a, const char *nqn, struct ini_opts *o);

/** remote_once() - refuse options that one connection has no use for */
int remote_once(const struct cli_args *a, const struct ini_opts *o);

/** remote_open() - connect and wait until the controller is live */
int remote_open(struct remote *r, const struct ini_opts *o);

/** remote_io() - connect I/O queue 1 as well, of queue_size entries */
int remote_io(struct remote *r, const struct ini_opts *o);

/** remote_done() - an ini_done for a struct remote_answer */
void remote_done(void *answer, nvme_status status, u64 result);

/**
 * remote_wait() - the end of a command
 * @err: what its submission returned
 * @a: where remote_done() writes
 *
 * Return: CLI_OK if it was answered, whatever the status; else, after a
 * message, CLI_CONNECTION or CLI_FAILED, and @r is closed.
 */
int remote_wait(struct remote *r, int err, const struct remote_answer *a);

/**
 * remote_status() - the exit code of a status
 * @what: the command's name, for the message; nothing is printed on success
 * @fabrics: see nvme_status_name()
 */
int remote_status(const char *what, nvme_status status, bool fabrics);

/** remote_exit() - exit code of an error of the initiator */
int remote_exit(int err);

/** remote_close() - shut the controller down and free everything */
void remote_close(struct remote *r);

#endif
