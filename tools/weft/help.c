// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Help texts, made from the tables of commands and options.
 */
#include "tools/weft/cli.h"

#define HELP_COLUMN 30

static const char exit_codes[] =
"Exit codes: 0 done, 1 failed, 2 wrong command line, 3 not there, 4 no permission,\n"
"5 no connection; 6 generic, 7 command specific, 8 media or data, 9 path error.\n";

static bool in_group(const struct cli_command *cmd, const char *group)
{
	size_t len = strlen(group);

	return !len || (!strncmp(cmd->name, group, len) &&
			(!cmd->name[len] || cmd->name[len] == ' '));
}

static void print_commands(FILE *out, const char *group)
{
	const struct cli_command *cmd;
	int n;

	for (cmd = cli_commands; cmd->name; cmd++) {
		if (!in_group(cmd, group))
			continue;
		n = fprintf(out, "  %s%s%s", cmd->name, cmd->args[0] ? " " : "",
			    cmd->args);
		fprintf(out, "%s%*s%s\n", n > 38 ? "\n" : "",
			n > 38 ? 40 : 40 - n, "", cmd->help);
	}
}

void cli_help_all(FILE *out)
{
	fputs("Usage: weft COMMAND [ARGUMENT]... [OPTION]...\n"
	      "NVMe over Fabrics: the kernel host and the userspace target.\n\n",
	      out);
	print_commands(out, "");
	fputs("\n'weft COMMAND --help' tells more; 'weft --version' prints the version.\n",
	      out);
	fputs(exit_codes, out);
}

void cli_help_group(FILE *out, const char *group)
{
	fprintf(out, "Usage: weft %s COMMAND [ARGUMENT]... [OPTION]...\n\n",
		group);
	print_commands(out, group);
	fprintf(out, "\n'weft %s COMMAND --help' tells more.\n", group);
}

static void print_option(FILE *out, char letter, const char *name,
			 const char *arg, const char *help)
{
	char start[] = "      ";
	int n;

	if (letter)
		memcpy(start, (char[]){ ' ', ' ', '-', letter, ',' }, 5);
	n = fprintf(out, "%s--%s%s%s", start, name, arg ? " " : "",
		    arg ? arg : "");
	fprintf(out, "%s%*s%s\n", n > HELP_COLUMN - 2 ? "\n" : "",
		n > HELP_COLUMN - 2 ? HELP_COLUMN : HELP_COLUMN - n, "", help);
}

static void print_connect_options(FILE *out, const struct cli_command *cmd)
{
	const struct weft_opt_info *info;
	char name[32], *c;
	unsigned int o;

	fputs("\nOptions of the connection ('weft explain' has ranges and defaults):\n",
	      out);
	for (o = 0; (info = weft_opt_info(o)); o++) {
		if (!cli_connects_with(cmd, o))
			continue;
		snprintf(name, sizeof(name), "%s", info->token);
		for (c = name; *c; c++)
			if (*c == '_')
				*c = '-';
		print_option(out, cli_connect_letter(o), name,
			     !info->pattern[0] ? NULL :
			     info->pattern[1] == 'd' ? "N" : "VALUE",
			     info->help);
	}
}

void cli_help(FILE *out, const struct cli_command *cmd)
{
	const struct cli_opt *opt;

	fprintf(out, "Usage: weft %s%s%s%s\n%s.\n", cmd->name,
		cmd->args[0] ? " " : "", cmd->args,
		cmd->opts || cmd->connect ? " [OPTION]..." : "",
		cmd->help);
	if (cmd->more)
		fprintf(out, "\n%s", cmd->more);
	if (cmd->connect)
		print_connect_options(out, cmd);
	fputs("\nOptions:\n", out);
	for (opt = cmd->opts; opt && opt->name; opt++)
		print_option(out, opt->letter, opt->name, opt->arg, opt->help);
	print_option(out, 'h', "help", NULL, "this text");
	fprintf(out, "\n%s", exit_codes);
}
