// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * tools/weft: what every command of the table does with lines that nothing is
 * tried for: help, wrong words, and a target that is not there. The program
 * itself is run by tests/native/cli.py; here one process has time for them all.
 */
#include "tests/unit/unit.h"
#include "tools/weft/cli.h"

#define WORDS	32

/** struct line - a command line, and what it came to */
struct line {
	char text[512];
	size_t len;
	char *words[WORDS];
	int nwords;
	int code;
	char *out;
	char *err;
};

/* Adds words that stand in a text with spaces in between */
static void add(struct line *l, const char *words)
{
	char *at = l->text + l->len, *word;

	l->len += strlen(words) + 1;
	CU_ASSERT_FATAL(l->len <= sizeof(l->text));
	memcpy(at, words, strlen(words) + 1);
	while ((word = strsep(&at, " "))) {
		CU_ASSERT_FATAL(l->nwords < WORDS);
		if (*word)
			l->words[l->nwords++] = word;
	}
}

static void drop(struct line *l)
{
	free(l->out);
	free(l->err);
	memset(l, 0, sizeof(*l));
}

static void run(struct line *l)
{
	FILE *out = stdout, *err = stderr;
	size_t n, m;

	stdout = open_memstream(&l->out, &n);
	stderr = open_memstream(&l->err, &m);
	CU_ASSERT_FATAL(stdout && stderr);
	l->code = cli_run(l->nwords, l->words);
	fclose(stdout);
	fclose(stderr);
	stdout = out;
	stderr = err;
}

/* How a run ends: with help on stdout, or with a message and nothing on stdout */
static void expect(struct line *l, int code, const char *says)
{
	const char *said;
	bool well;

	run(l);
	said = code ? l->err : l->out;
	well = l->code == code && strstr(said, says) &&
	       (code ? !*l->out && (!strncmp(said, "weft: ", 6) ||
				    !strncmp(said, "Usage: ", 7)) : !*l->err);
	if (!well) {
		fprintf(stderr, "  %s ... %s: %d, not %d with \"%s\": %s%s\n",
			l->words[0], l->words[l->nwords - 1], l->code, code,
			says, l->out, l->err);
		CU_FAIL("another end");
	}
}

static void check(const char *command, const char *more, int code,
		  const char *says)
{
	struct line l = { .len = 0 };

	add(&l, command);
	add(&l, more);
	expect(&l, code, says);
	drop(&l);
}

/* "weft NAME ARGS", with what stands in front and behind */
static void describe(char *to, size_t size, const char *before,
		     const struct cli_command *c, const char *behind)
{
	snprintf(to, size, "%s%s%s%s%s", before, c->name, c->args[0] ? " " : "",
		 c->args, behind);
}

static void test_general_help(void)
{
	const struct cli_command *c;
	struct line l = { .len = 0 };
	char row[128];

	add(&l, "--help");
	expect(&l, CLI_OK, "Usage: weft COMMAND");
	for (c = cli_commands; c->name; c++) {
		describe(row, sizeof(row), "\n  ", c, "");
		CU_ASSERT(strstr(l.out, row) != NULL);
		CU_ASSERT(strstr(l.out, c->help) != NULL);
	}
	CU_ASSERT(c - cli_commands > 30);
	drop(&l);
}

static void test_help_of_every_command(void)
{
	static const char *const flags[] = {
		"--help", "-h",
		/* a wrong command line does not hide it */
		"--nonsense a b c d --help"
	};
	const struct cli_command *c;
	char begin[128];
	size_t i;

	for (c = cli_commands; c->name; c++) {
		describe(begin, sizeof(begin), "Usage: weft ", c, "");
		for (i = 0; i < ARRAY_SIZE(flags); i++) {
			struct line l = { .len = 0 };

			add(&l, c->name);
			add(&l, flags[i]);
			expect(&l, CLI_OK, "\nOptions:\n");
			CU_ASSERT(!strncmp(l.out, begin, strlen(begin)));
			drop(&l);
		}
	}
}

static void help_of_group(const char *group)
{
	struct line bare = { .len = 0 }, help = { .len = 0 };
	char usage[128];

	snprintf(usage, sizeof(usage), "Usage: weft %s COMMAND", group);
	add(&help, group);
	add(&help, "--help");
	expect(&help, CLI_OK, usage);
	add(&bare, group);
	expect(&bare, CLI_USAGE, usage);
	UNIT_STR(bare.err, help.out);
	check(group, "nonsense", CLI_USAGE, "nonsense: no such command");
	drop(&bare);
	drop(&help);
}

static void test_help_of_every_group(void)
{
	const struct cli_command *c;
	bool three = false;
	const char *space;
	char group[128];

	for (c = cli_commands; c->name; c++)
		for (space = c->name; (space = strchr(space, ' ')); space++) {
			snprintf(group, sizeof(group), "%.*s",
				 (int)(space - c->name), c->name);
			help_of_group(group);
			three |= !strcmp(group, "target bdev add");
		}
	CU_ASSERT(three);
}

/* The arguments that must be there: how many, and the last one's name */
static int needed(const struct cli_command *c, char *last, size_t size)
{
	const char *s = c->args;
	int n = 0, len;

	for (; *s; s += len + strspn(s + len, " ")) {
		len = (int)strcspn(s, " ");
		if (*s == '[')
			continue;
		snprintf(last, size, "%.*s", len, s);
		n++;
	}
	return n;
}

static int arguments(const struct cli_command *c)
{
	const char *s;
	int n = c->args[0] ? 1 : 0;

	for (s = c->args; *s; s++)
		n += *s == ' ';
	return n;
}

static void test_every_command_refuses_wrong_lines(void)
{
	static const char *const options[] = {
		"--nonsense", "--nonsense=1", "-Z"
	};
	static const char many[] = "x x x x x x x x";
	const struct cli_command *c;
	char last[64], says[96], xs[32];
	size_t i;
	int n;

	for (c = cli_commands; c->name; c++) {
		n = arguments(c) + 1;
		CU_ASSERT_FATAL(2 * n <= (int)sizeof(many));
		snprintf(xs, sizeof(xs), "%.*s", 2 * n - 1, many);
		check(c->name, xs, CLI_USAGE, "x: one argument too many");
		n = needed(c, last, sizeof(last));
		if (n) {
			snprintf(xs, sizeof(xs), "%.*s", 2 * (n - 1), many);
			snprintf(says, sizeof(says), "%s is missing", last);
			check(c->name, xs, CLI_USAGE, says);
		}
		for (i = 0; i < ARRAY_SIZE(options); i++)
			check(c->name, options[i], CLI_USAGE, "no such option");
	}
}

/* Arguments that are right, for each name of one */
static const char *right(const char *name, int len)
{
	static const char *const rights[][2] = {
		{ "SIZE", "1M" }, { "NSID", "1" }, { "on|off", "on" },
		{ "ADDR[:PORT]", "10.9.0.1" }, { "COUNT", "2" }, { "GROUP", "2" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rights); i++)
		if (strlen(rights[i][0]) == (size_t)len &&
		    !strncmp(rights[i][0], name, len))
			return rights[i][1];
	return "x";
}

static void test_nobody_listens(void)
{
	const struct cli_command *c;
	const char *s;
	int len, n = 0;

	for (c = cli_commands; c->name; c++) {
		struct line l = { .len = 0 };

		/* it reads a file first */
		if (strncmp(c->name, "target ", 7) ||
		    !strcmp(c->name, "target config load"))
			continue;
		add(&l, c->name);
		for (s = c->args; *s; s += len + strspn(s + len, " ")) {
			len = (int)strcspn(s, " ");
			if (*s != '[')
				add(&l, right(s, len));
		}
		if (!strcmp(c->name, "target set"))
			add(&l, "--discovery-nqn x");
		if (!strcmp(c->name, "target bdev latency"))
			add(&l, "--read 1");
		add(&l, "-r /nosuch/weft.sock");
		expect(&l, CLI_MISSING, "no target listens there");
		drop(&l);
		n++;
	}
	CU_ASSERT(n > 30);
}

UNIT_MAIN(UNIT(test_general_help),
	  UNIT(test_help_of_every_command),
	  UNIT(test_help_of_every_group),
	  UNIT(test_every_command_refuses_wrong_lines),
	  UNIT(test_nobody_listens))
