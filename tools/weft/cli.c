// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * From argv to a handler: which command it is, and whether arguments and
 * options are what its tables say. A handler never sees a wrong command line.
 */
#include "tools/initiator/initiator.h"
#include "tools/weft/cli.h"

/* nvme-cli's letters, so that a known command line works here too. */
static const struct {
	char letter;
	enum weft_opt opt;
} connect_letters[] = {
	{ 't', WEFT_OPT_TRANSPORT }, { 'n', WEFT_OPT_NQN },
	{ 'a', WEFT_OPT_TRADDR }, { 's', WEFT_OPT_TRSVCID },
	{ 'w', WEFT_OPT_HOST_TRADDR }, { 'f', WEFT_OPT_HOST_IFACE },
	{ 'q', WEFT_OPT_HOSTNQN }, { 'I', WEFT_OPT_HOSTID },
	{ 'i', WEFT_OPT_NR_IO_QUEUES }, { 'Q', WEFT_OPT_QUEUE_SIZE },
	{ 'k', WEFT_OPT_KEEP_ALIVE_TMO }, { 'c', WEFT_OPT_RECONNECT_DELAY },
	{ 'l', WEFT_OPT_CTRL_LOSS_TMO }, { 'D', WEFT_OPT_DUPLICATE_CONNECT },
};

char cli_connect_letter(unsigned int o)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(connect_letters); i++)
		if (connect_letters[i].opt == o)
			return connect_letters[i].letter;
	return 0;
}

bool cli_connects_with(const struct cli_command *cmd, unsigned int o)
{
	u32 bit = WEFT_OPT_BIT(o);

	if (cmd->connect == CONN_ONCE && bit & CONN_NOT_ONCE)
		return false;
	return cmd->connect == CONN_KERNEL ||
	       (cmd->connect != CONN_NONE && bit & ini_opts_taken());
}

/* Is @s of @len characters this option's name? '-' and '_' are the same. */
static bool same_name(const char *name, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len && name[i]; i++)
		if ((name[i] == '_' ? '-' : name[i]) !=
		    (s[i] == '_' ? '-' : s[i]))
			return false;
	return i == len && !name[i];
}

/**
 * struct found - an option of the command line
 * @slot: where its value goes
 * @max: of a count, if it has one of its own: JSON's are signed, as sizes are
 */
struct found {
	const char **slot;
	enum cli_kind kind;
	u64 max;
};

static bool find_own(struct cli_args *a, const char *s, size_t len,
		     char letter, struct found *f)
{
	const struct cli_opt *o;

	for (o = a->cmd->opts; o && o->name; o++) {
		if (letter ? o->letter != letter : !same_name(o->name, s, len))
			continue;
		f->slot = &a->opt[o - a->cmd->opts];
		f->kind = o->kind;
		if (o->rpc)
			f->max = INT64_MAX;
		return true;
	}
	return false;
}

static bool find_connect(struct cli_args *a, const char *s, size_t len,
			 char letter, struct found *f)
{
	const struct weft_opt_info *info;
	unsigned int o;

	for (o = 0; (info = weft_opt_info(o)); o++) {
		if (!cli_connects_with(a->cmd, o))
			continue;
		if (letter ? cli_connect_letter(o) != letter :
		    !same_name(info->token, s, len))
			continue;
		f->slot = &a->conn[o];
		f->kind = info->pattern[0] ? CLI_TEXT : CLI_FLAG;
		return true;
	}
	return false;
}

int cli_in_range(const struct cli_args *a, const char *name, const char *value,
		 u64 min, u64 max, u64 *out)
{
	if (!value || (!weft_parse_u64(value, strlen(value), out) &&
		       *out >= min && *out <= max))
		return CLI_OK;
	return cli_usage_error(a->cmd, "%s %s: accepted range is %llu-%llu",
			       name, value, (unsigned long long)min,
			       (unsigned long long)max);
}

int cli_on_off(const struct cli_args *a, const char *value, bool *on)
{
	*on = !strcmp(value, "on");
	if (*on || !strcmp(value, "off"))
		return CLI_OK;
	return cli_usage_error(a->cmd, "%s: on or off is accepted", value);
}

static int check_value(const struct cli_args *a, const char *option,
		       const struct found *f, const char *value)
{
	u64 v;

	if (f->kind == CLI_COUNT)
		return cli_in_range(a, option, value, 0, f->max, &v);
	if (f->kind == CLI_SIZE && cli_size_parse(value, &v))
		return cli_usage_error(a->cmd,
				       "%s %s: a size is accepted, such as 4096, 64M or 1G",
				       option, value);
	if (f->kind == CLI_SWITCH && strcmp(value, "on") && strcmp(value, "off"))
		return cli_usage_error(a->cmd, "%s %s: on or off is accepted",
				       option, value);
	return CLI_OK;
}

/**
 * take_option() - one option and its value
 * @words: what is left of the command line, the option first
 * @used: number of words that it took
 */
static int take_option(struct cli_args *a, char **words, int nwords, int *used)
{
	const char *word = words[0], *value = NULL;
	bool is_long = word[1] == '-';
	struct found f = { .max = UINT64_MAX };
	char name[64];
	size_t len;

	*used = 1;
	if (is_long) {
		word += 2;
		len = strcspn(word, "=");
		value = word[len] ? word + len + 1 : NULL;
	} else {
		word += 1;
		len = 1;
		value = word[1] ? word + 1 : NULL;
	}
	/* as it was written, without its value */
	snprintf(name, sizeof(name), "%.*s", (int)(len + (is_long ? 2 : 1)),
		 words[0]);
	if (!find_own(a, word, len, is_long ? 0 : word[0], &f) &&
	    !find_connect(a, word, len, is_long ? 0 : word[0], &f))
		return cli_usage_error(a->cmd, "%s: no such option of '%s'",
				       name, a->cmd->name);
	if (*f.slot)
		return cli_usage_error(a->cmd, "%s: given twice", name);
	if (f.kind == CLI_FLAG) {
		*f.slot = "";
		if (!value)
			return CLI_OK;
		return cli_usage_error(a->cmd, "%s: takes no value", name);
	}
	if (!value && nwords > 1) {
		value = words[1];
		*used = 2;
	}
	if (!value)
		return cli_usage_error(a->cmd, "%s: needs a value", name);
	*f.slot = value;
	return check_value(a, name, &f, value);
}

/* The @n-th argument in the command's list: its name and whether it must be. */
static bool arg_at(const struct cli_command *cmd, unsigned int n,
		   const char **name, int *len, bool *required)
{
	const char *s = cmd->args;

	while (*s) {
		*name = s;
		*len = (int)strcspn(s, " ");
		*required = s[0] != '[';
		if (!n--)
			return true;
		s += *len;
		s += strspn(s, " ");
	}
	return false;
}

static int take_words(struct cli_args *a, char **words, int nwords)
{
	bool required, options = true;
	unsigned int npos = 0;
	const char *name;
	int len, used, rc;

	for (; nwords > 0; words += used, nwords -= used) {
		used = 1;
		if (options && !strcmp(words[0], "--")) {
			options = false;
		} else if (options && words[0][0] == '-' && words[0][1]) {
			rc = take_option(a, words, nwords, &used);
			if (rc)
				return rc;
		} else if (npos < CLI_MAX_ARGS &&
			   arg_at(a->cmd, npos, &name, &len, &required)) {
			a->pos[npos++] = words[0];
		} else {
			return cli_usage_error(a->cmd,
					       "%s: one argument too many",
					       words[0]);
		}
	}
	if (arg_at(a->cmd, npos, &name, &len, &required) && required)
		return cli_usage_error(a->cmd, "%.*s is missing", len, name);
	return CLI_OK;
}

const char *cli_opt(const struct cli_args *a, const char *name)
{
	const struct cli_opt *o;

	for (o = a->cmd->opts; o && o->name; o++)
		if (!strcmp(o->name, name))
			return a->opt[o - a->cmd->opts];
	return NULL;
}

u64 cli_number(const struct cli_args *a, const char *name, u64 dflt)
{
	const char *value = cli_opt(a, name);
	u64 v = dflt;

	/* checked when it was taken; counts use all of 64 bits */
	if (value && weft_parse_u64(value, strlen(value), &v))
		cli_size_parse(value, &v);
	return v;
}

static bool is_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h");
}

/* Number of words that name @cmd, or 0 if it is another one. */
static int match_command(const struct cli_command *cmd, char **words,
			 int nwords)
{
	const char *s = cmd->name;
	size_t len;
	int n;

	for (n = 0; n < nwords; n++) {
		len = strcspn(s, " ");
		if (strlen(words[n]) != len || memcmp(words[n], s, len))
			return 0;
		s += len;
		if (!*s)
			return n + 1;
		s++;
	}
	return 0;
}

static const struct cli_command *find_command(char **words, int nwords,
					      int *used)
{
	const struct cli_command *cmd, *best = NULL;
	int n;

	*used = 0;
	for (cmd = cli_commands; cmd->name; cmd++) {
		n = match_command(cmd, words, nwords);
		if (n > *used) {
			*used = n;
			best = cmd;
		}
	}
	return best;
}

/* As many leading words as some command begins with, joined. */
static int find_group(char **words, int nwords, char *group, size_t size)
{
	const struct cli_command *cmd;
	char longer[256];
	size_t len;
	int n;

	group[0] = '\0';
	for (n = 0; n < nwords; n++) {
		len = snprintf(longer, sizeof(longer), "%s%s%s", group,
			       n ? " " : "", words[n]);
		if (len >= size || strchr(words[n], ' '))
			break;
		for (cmd = cli_commands; cmd->name; cmd++)
			if (!strncmp(cmd->name, longer, len) &&
			    (!cmd->name[len] || cmd->name[len] == ' '))
				break;
		if (!cmd->name)
			break;
		memcpy(group, longer, len + 1);
	}
	return n;
}

static int run_group(char **words, int nwords)
{
	char group[128];
	int n = find_group(words, nwords, group, sizeof(group));
	const char *rest = n < nwords ? words[n] : NULL;
	bool help = rest && is_help(rest);

	if (rest && !help) {
		cli_error(CLI_USAGE, "%.60s: no such command%s%s", rest,
			  n ? " of weft " : "", group);
		fprintf(stderr, "Try 'weft%s%s --help'.\n", n ? " " : "",
			group);
		return CLI_USAGE;
	}
	if (n)
		cli_help_group(help ? stdout : stderr, group);
	else
		cli_help_all(help ? stdout : stderr);
	return help ? CLI_OK : CLI_USAGE;
}

int cli_run(int argc, char **argv)
{
	struct cli_args a = { 0 };
	int used, i, rc;

	if (argc && !strcmp(argv[0], "--version")) {
		puts("weft " WEFT_VERSION);
		return CLI_OK;
	}
	a.cmd = find_command(argv, argc, &used);
	if (!a.cmd)
		return run_group(argv, argc);
	for (i = used; i < argc && strcmp(argv[i], "--"); i++) {
		if (!is_help(argv[i]))
			continue;
		cli_help(stdout, a.cmd);
		return CLI_OK;
	}
	rc = take_words(&a, argv + used, argc - used);
	return rc ? rc : a.cmd->run(&a);
}
