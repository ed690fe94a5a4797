// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * `weft explain`: what a connect string means, or what is wrong with it and
 * where. Uses the same parser and table as the kernel module, so what is
 * accepted here is accepted there; needs no kernel support itself.
 */
#include "tools/weft/cli.h"
#include "tools/weft/handlers.h"
#include "tools/weft/place.h"

/* What a transport takes, as the table says it. */
static u32 allowed_options(const char *transport)
{
	const struct weft_opt_info *info;
	unsigned int o;
	u32 mask = 0;

	for (o = 0; (info = weft_opt_info(o)); o++)
		if (!strcmp(info->transports, "all") ||
		    strstr(info->transports, transport))
			mask |= WEFT_OPT_BIT(o);
	return mask;
}

int connect_string_check(const char *s, struct weft_connstr *c,
			 struct weft_reason *why)
{
	int err = weft_connstr_parse(s, strlen(s), c, why);

	if (err)
		return err;
	return weft_connstr_check(c, WEFT_OPT_BIT(WEFT_OPT_TRADDR),
				  allowed_options(c->transport), why);
}

/* The value of one option as the printer writes it; "" for a flag. */
static void value_text(const struct weft_connstr *c, unsigned int o,
		       char *out, size_t size)
{
	struct weft_connstr one = *c;
	const char *token = weft_opt_info(o)->token;
	struct weft_text t;
	size_t skip;

	one.given = WEFT_OPT_BIT(o);
	weft_text_init(&t, out, size);
	weft_connstr_print(&one, &t);
	explicit_bzero(&one, sizeof(one));
	skip = strlen(token) + 1;
	if (t.len < skip)
		out[0] = '\0';
	else
		memmove(out, out + skip, t.len - skip + 1);
}

/**
 * struct meaning - what an option comes to
 * @from: "given", "default" or "not given"
 */
struct meaning {
	char value[WEFT_CONNSTR_MAX];
	const char *from;
};

static void explain_option(const struct weft_connstr *c, unsigned int o,
			   struct meaning *m)
{
	const struct weft_opt_info *info = weft_opt_info(o);
	bool given = weft_connstr_given(c, o), flag = !info->pattern[0];

	value_text(c, o, m->value, sizeof(m->value));
	m->from = given ? "given" : "default";
	if (flag) {
		/* discovery controllers have this one without asking */
		if (o == WEFT_OPT_DUPLICATE_CONNECT)
			given = c->duplicate_connect;
		snprintf(m->value, sizeof(m->value), given ? "on" : "off");
	} else if (!given && !info->def) {
		m->value[0] = '\0';
		m->from = "not given";
	} else if (!given && m->value[0] == '-') {
		snprintf(m->value, sizeof(m->value), "%s", info->def);
	}
}

static int explain_json(const struct weft_connstr *c)
{
	u32 allowed = allowed_options(c->transport);
	const struct weft_opt_info *info;
	json_t *list = json_array();
	struct meaning m;
	unsigned int o;

	for (o = 0; (info = weft_opt_info(o)); o++) {
		explain_option(c, o, &m);
		json_array_append_new(list, json_pack(
			"{s:s, s:o, s:s, s:s, s:s, s:b}", "option", info->token,
			"value", m.value[0] ? cli_json_text(m.value) :
			json_null(), "from", m.from, "accepts", info->accepts,
			"meaning", info->help, "usable",
			!!(allowed & WEFT_OPT_BIT(o))));
	}
	return cli_print_json(json_pack("{s:b, s:o}", "valid", 1, "options",
					list));
}

static void explain_text(const struct weft_connstr *c)
{
	u32 allowed = allowed_options(c->transport);
	const struct weft_opt_info *info;
	struct meaning m;
	unsigned int o;

	for (o = 0; (info = weft_opt_info(o)); o++) {
		if (!(allowed & WEFT_OPT_BIT(o)))
			continue;
		explain_option(c, o, &m);
		printf("%-20s %s%s(%s)\n", info->token, m.value,
		       m.value[0] ? " " : "", m.from);
		printf("    %s\n    accepted: %s\n", info->help, info->accepts);
	}
}

/* The string with what is no plain text replaced, one column a character. */
static void print_string(FILE *out, const char *s)
{
	for (; *s; s++)
		putc((unsigned char)*s < ' ' || *s == 0x7f ? ' ' : *s, out);
	putc('\n', out);
}

static int columns(const char *s, size_t len)
{
	int n = 0;
	size_t i;

	for (i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

void connect_string_complain(const char *s, const struct weft_reason *why)
{
	size_t at, len, i;

	cli_error(CLI_FAILED, "%s", why->text);
	/* what goes to stderr ends up in logs */
	if (strstr(s, "_secret=") || !connect_string_place(s, why, &at, &len))
		return;
	fputs("  ", stderr);
	print_string(stderr, s);
	fprintf(stderr, "  %*s", columns(s, at), "");
	for (i = (size_t)columns(s + at, len); i > 1; i--)
		putc('^', stderr);
	fputs("^\n", stderr);
}

static int explain_table(bool json)
{
	const struct weft_opt_info *info;
	json_t *list = json_array();
	unsigned int o;

	for (o = 0; (info = weft_opt_info(o)); o++) {
		if (json) {
			json_array_append_new(list, json_pack(
				"{s:s, s:s, s:s?, s:s, s:s}",
				"option", info->token, "accepts", info->accepts,
				"default", info->def, "meaning", info->help,
				"transports", info->transports));
			continue;
		}
		printf("%s%s  [%s]\n    %s\n    accepted: %s%s%s\n",
		       info->token, info->pattern[0] ? "=..." : "",
		       info->transports, info->help, info->accepts,
		       info->def ? "; default: " : "",
		       info->def ? info->def : "");
	}
	if (json)
		return cli_print_json(list);
	json_decref(list);
	return CLI_OK;
}

static int explain_mistake(const char *s, const struct weft_reason *why,
			   bool json)
{
	size_t at = 0, len = 0;
	bool known = connect_string_place(s, why, &at, &len);

	if (!json)
		connect_string_complain(s, why);
	else
		cli_print_json(json_pack("{s:b, s:o, s:o, s:o}", "valid", 0,
			"reason", cli_json_text(why->text),
			"at", known ? json_integer(at) : json_null(),
			"length", known ? json_integer(len) : json_null()));
	return CLI_FAILED;
}

int cmd_explain(const struct cli_args *a)
{
	bool json = cli_opt(a, "json");
	struct weft_connstr c;
	struct weft_reason why;
	int rc = CLI_OK;

	if (!a->pos[0])
		return explain_table(json);
	if (connect_string_check(a->pos[0], &c, &why))
		rc = explain_mistake(a->pos[0], &why, json);
	else if (json)
		rc = explain_json(&c);
	else
		explain_text(&c);
	explicit_bzero(&c, sizeof(c));
	return rc;
}
