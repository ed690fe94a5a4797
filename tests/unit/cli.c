// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * tools/weft: what every command of the table does with lines that nothing is
 * tried for: help, wrong words, wrong strings, no target there. The program
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

/* Mistakes in connect strings, and their places */

#define GOOD	"transport=rdma,traddr=10.9.0.1,nqn=nqn.2026-11.io.weft:disk1"

/** struct mistake - an option, what is said about it, and what is pointed at */
struct mistake {
	const char *option;
	const char *says;
	const char *place;
};

/* In words: the string, and carets below the place; both are printable */
static void marked(const char *err, const char *place)
{
	const char *string = strchr(err, '\n'), *carets;
	size_t at, n, i;

	CU_ASSERT_FATAL(string && strchr(string + 1, '\n'));
	string++;
	carets = strchr(string, '\n') + 1;
	at = strspn(carets, " ");
	n = strspn(carets + at, "^");
	UNIT_EQ(n, strlen(place));
	UNIT_STR(carets + at + n, "\n");
	CU_ASSERT_FATAL(at + n < (size_t)(carets - string));
	for (i = 0; i < n; i++)
		UNIT_EQ(string[at + i], place[i] < ' ' ? ' ' : place[i]);
}

/* For programs */
static void located(const char *out, const char *string, const struct mistake *m)
{
	json_t *j = json_loads(out, 0, NULL);
	json_int_t at = json_integer_value(json_object_get(j, "at"));
	json_int_t len = json_integer_value(json_object_get(j, "length"));
	const char *reason = json_string_value(json_object_get(j, "reason"));

	CU_ASSERT(json_is_false(json_object_get(j, "valid")));
	UNIT_EQ(len, strlen(m->place));
	CU_ASSERT_FATAL(at >= 0 && at + len <= (json_int_t)strlen(string));
	CU_ASSERT(!memcmp(string + at, m->place, (size_t)len));
	CU_ASSERT(reason && strstr(reason, m->says));
	json_decref(j);
}

static void explain(const struct mistake *m, const char *before,
		    const char *behind)
{
	struct line people = { .len = 0 }, programs = { .len = 0 };
	char string[256];

	snprintf(string, sizeof(string), "%s%s%s", before, m->option, behind);
	add(&people, "explain");
	add(&people, string);
	expect(&people, CLI_FAILED, m->says);
	marked(people.err, m->place);
	add(&programs, "explain");
	add(&programs, string);
	add(&programs, "--json");
	run(&programs);
	located(programs.out, string, m);
	drop(&people);
	drop(&programs);
}

static void test_mistakes_and_their_places(void)
{
	static const struct mistake mistakes[] = {
		{ "queue_size=7", "16-1024", "7" },
		{ "queue_size=", "empty value", "queue_size=" },
		{ "queue_size", "needs a value", "queue_size" },
		{ "queuesize=64", "did you mean \"queue_size\"", "queuesize" },
		{ "flying", "unknown option", "flying" },
		{ "=5", "unknown option", "=5" },
		{ "traddr=10.9.0.2", "stands twice", "traddr" },
		{ "disable_sqflow=1", "takes no value", "1" },
		{ "host_traddr=::1", "IPv4 address", "::1" },
		{ "hdr_digest", "not supported with transport=rdma", "hdr_digest" },
		{ "tls", "not supported with transport=rdma", "tls" },
		{ "keyring=1", "not supported with transport=rdma", "keyring" },
		{ "hostid=00000000-0000-0000-0000-000000000000", "not zero",
		  "00000000-0000-0000-0000-000000000000" },
		{ "trsvcid=70000", "70000", "70000" },
		{ "\x01=2", "unknown option", "\x01" },
	};
	const struct mistake *m;

	for (m = mistakes; m < mistakes + ARRAY_SIZE(mistakes); m++) {
		explain(m, GOOD ",", "");
		explain(m, GOOD ",", ",tos=3");
		explain(m, ",\n" GOOD "\n,,", "\n");
		/* the second one is the one too many */
		if (strncmp(m->option, "traddr", 6))
			explain(m, "", "," GOOD);
	}
}

UNIT_MAIN(UNIT(test_general_help),
	  UNIT(test_help_of_every_command),
	  UNIT(test_help_of_every_group),
	  UNIT(test_every_command_refuses_wrong_lines),
	  UNIT(test_nobody_listens),
	  UNIT(test_mistakes_and_their_places))
