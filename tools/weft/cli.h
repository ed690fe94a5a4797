/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What the files of the weft program share: its commands as a table, parsed
 * command lines, messages, listings.
 *
 * One process, one thread, one command per run. Handlers return an exit code
 * and have said on stderr what was wrong.
 */
#ifndef WEFT_TOOLS_CLI_H
#define WEFT_TOOLS_CLI_H

#include <jansson.h>
#include <stdlib.h>

#include "common/connstr.h"

/**
 * enum cli_exit - exit codes that scripts can rely on
 */
enum cli_exit {
	CLI_OK,
	CLI_FAILED,	/* it was tried and did not work */
	CLI_USAGE,	/* the command line is wrong; nothing was tried */
	CLI_MISSING,	/* what was named is not there */
	CLI_DENIED,	/* no permission */
	CLI_CONNECTION,	/* no connection to the controller, or it broke */
	/* the controller's answer was a status other than success, of type */
	CLI_GENERIC,	/* 0h, generic */
	CLI_SPECIFIC,	/* 1h, command specific */
	CLI_MEDIA,	/* 2h, media and data integrity; also data that differs */
	CLI_PATH,	/* 3h, path related */
};

/**
 * enum cli_kind - what an option's value must be
 */
enum cli_kind {
	CLI_FLAG,	/* no value */
	CLI_TEXT,
	CLI_COUNT,	/* a number */
	CLI_SIZE,	/* bytes; K, M, G or T may follow the number */
	CLI_SWITCH,	/* on or off */
};

/**
 * struct cli_opt - an option of a command
 * @name: long name, words joined by '-'
 * @letter: short name, or 0
 * @arg: what stands for its value in the help
 * @rpc: parameter of an RPC that the value becomes, or NULL
 *
 * Tables are arrays of CLI_OPTS, so that none can have more options than
 * cli_args has room for, and end with a row without a name.
 */
struct cli_opt {
	const char *name;
	char letter;
	enum cli_kind kind;
	const char *arg;
	const char *help;
	const char *rpc;
};

#define CLI_MAX_OPTS 32
#define CLI_OPTS (CLI_MAX_OPTS + 1)

#define CLI_OPT_JSON \
	{ .name = "json", .help = "print JSON" }
#define CLI_OPT_SOCKET \
	{ .name = "rpc-socket", .letter = 'r', .kind = CLI_TEXT, \
	  .arg = "PATH", .help = "UNIX socket of weft-target; default " \
	  "$WEFT_RPC_SOCKET or " CLI_DEFAULT_SOCKET }
#define CLI_DEFAULT_SOCKET "/var/tmp/weft.sock"

struct cli_args;

/**
 * enum cli_connect - which options of a connect string a command has as its own
 */
enum cli_connect {
	CONN_NONE,
	CONN_KERNEL,	/* every one that the kernel's host knows */
	CONN_OWN,	/* those that the userspace initiator takes */
	CONN_ONCE,	/* of these, those of one connection and one I/O queue */
};

/* What has no meaning for CONN_ONCE */
#define CONN_NOT_ONCE	(WEFT_OPT_BIT(WEFT_OPT_RECONNECT_DELAY) | \
			 WEFT_OPT_BIT(WEFT_OPT_CTRL_LOSS_TMO) | \
			 WEFT_OPT_BIT(WEFT_OPT_NR_IO_QUEUES))

/**
 * struct cli_command - a command
 * @name: all its words, "target bdev list"
 * @args: its arguments in order, optional ones in brackets; "" for none
 * @help: one line, no full stop
 * @more: further lines of help, or NULL
 * @opts: its options, or NULL
 * @connect: options of a connect string that it takes as well
 * @run: does it and returns an enum cli_exit
 */
struct cli_command {
	const char *name;
	const char *args;
	const char *help;
	const char *more;
	const struct cli_opt *opts;
	enum cli_connect connect;
	int (*run)(const struct cli_args *a);
};

#define CLI_MAX_ARGS 4

/**
 * struct cli_args - a command line, checked against its command's tables
 * @pos: arguments; NULL where an optional one was left out
 * @opt: values in the order of the command's options; NULL: not given
 * @conn: values of connect options by enum weft_opt; NULL: not given
 */
struct cli_args {
	const struct cli_command *cmd;
	const char *pos[CLI_MAX_ARGS];
	const char *opt[CLI_MAX_OPTS];
	const char *conn[WEFT_OPT_COUNT];
};

/** cli_commands - every command; ends with a row without a name */
extern const struct cli_command cli_commands[];

/** cli_run() - find the command, check the command line, run it */
int cli_run(int argc, char **argv);

/** cli_help_all() / cli_help_group() / cli_help() - help on @out */
void cli_help_all(FILE *out);
void cli_help_group(FILE *out, const char *group);
void cli_help(FILE *out, const struct cli_command *cmd);

/** cli_connects_with() - does @cmd take connect option @o? */
bool cli_connects_with(const struct cli_command *cmd, unsigned int o);

/** cli_connect_letter() - short name of a connect option, or 0 */
char cli_connect_letter(unsigned int o);

/** cli_opt() - value of the command's option @name, NULL if not given */
const char *cli_opt(const struct cli_args *a, const char *name);

/** cli_number() - value of a CLI_COUNT or CLI_SIZE option, or @dflt */
u64 cli_number(const struct cli_args *a, const char *name, u64 dflt);

/**
 * cli_in_range() - @value as a number from @min to @max
 * @name: what it stands behind, for the message
 * @value: NULL: @out stays as it is
 *
 * Return: CLI_OK, or CLI_USAGE after a message.
 */
int cli_in_range(const struct cli_args *a, const char *name, const char *value,
		 u64 min, u64 max, u64 *out);

/** cli_on_off() - an argument that is one of these words; enum cli_exit */
int cli_on_off(const struct cli_args *a, const char *value, bool *on);

/**
 * cli_error() - "weft: ..." on stderr
 * @code: returned unchanged, so that `return cli_error(CLI_FAILED, ...)` reads
 *
 * One line of printable ASCII, all else escaped: parts may come from a peer.
 */
__printf(2, 3) int cli_error(int code, const char *fmt, ...);

/** cli_usage_error() - as cli_error(CLI_USAGE), and where to find help */
__printf(2, 3) int cli_usage_error(const struct cli_command *cmd,
				   const char *fmt, ...);

/** cli_exit_of() - the exit code for an errno (of either sign) */
int cli_exit_of(int err);

/** cli_size_parse() - "64M" to bytes; -EINVAL or -ERANGE */
int cli_size_parse(const char *s, u64 *bytes);

#define CLI_SIZE_TEXT 32
/** cli_size_text() - bytes for people: "64 MiB", "1.5 TiB" */
const char *cli_size_text(u64 bytes, char out[CLI_SIZE_TEXT]);

/** cli_alloc() - zeroed memory; ends the program when there is none */
void *cli_alloc(size_t size);

__printf(1, 2) char *cli_format(const char *fmt, ...);

/** cli_json_text() - a string of any bytes as JSON, escaped if it must be */
json_t *cli_json_text(const char *s);

/** cli_print_json() - on stdout; takes @j */
int cli_print_json(json_t *j);

/**
 * struct table - a listing with aligned columns
 * Cells are copied and escaped; an empty cell is printed as "-".
 */
struct table;
struct table *table_new(const char *const *heads, unsigned int columns);
void table_row(struct table *t, const char *const *cells);
/** table_print() - on stdout, and free it; table_free() - without */
void table_print(struct table *t);
void table_free(struct table *t);

#define TABLE(...) \
	table_new((const char *const[]){ __VA_ARGS__ }, \
		  sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))
#define TABLE_ROW(t, ...) \
	table_row(t, (const char *const[]){ __VA_ARGS__ })

#endif
