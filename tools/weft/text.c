// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * What the weft program prints: messages, sizes, aligned listings, JSON.
 */
#include <stdarg.h>

#include "tools/weft/cli.h"

void *cli_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p) {
		fputs("weft: out of memory\n", stderr);
		exit(CLI_FAILED);
	}
	return p;
}

char *cli_format(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0) {
		fputs("weft: out of memory\n", stderr);
		exit(CLI_FAILED);
	}
	return s;
}

static char *escaped(const char *s)
{
	size_t n = strlen(s), size = 4 * n + 1;
	char *out = cli_alloc(size);
	struct weft_text t;

	weft_text_init(&t, out, size);
	weft_text_add_escaped(&t, s, n);
	return out;
}

/* What a peer sent moves no cursor, rings no bell and begins no line of its own. */
__attribute__((format(printf, 1, 0)))
static void print_message(const char *fmt, va_list ap)
{
	char text[2048], *safe;

	vsnprintf(text, sizeof(text), fmt, ap);
	safe = escaped(text);
	fprintf(stderr, "weft: %s\n", safe);
	free(safe);
}

int cli_error(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_message(fmt, ap);
	va_end(ap);
	return code;
}

int cli_usage_error(const struct cli_command *cmd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_message(fmt, ap);
	va_end(ap);
	fprintf(stderr, "Usage: weft %s%s%s%s\nTry 'weft %s --help'.\n",
		cmd->name, cmd->args[0] ? " " : "", cmd->args,
		cmd->opts || cmd->connect ? " [OPTION]..." : "",
		cmd->name);
	return CLI_USAGE;
}

int cli_exit_of(int err)
{
	switch (err < 0 ? -err : err) {
	case 0:
		return CLI_OK;
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return CLI_MISSING;
	case EACCES:
	case EPERM:
		return CLI_DENIED;
	default:
		return CLI_FAILED;
	}
}

int cli_size_parse(const char *s, u64 *bytes)
{
	static const char units[] = "KMGT";
	size_t len = strlen(s);
	const char *unit = NULL;
	unsigned int shift = 0;
	u64 v;
	int err;

	if (len > 3 && !strcasecmp(s + len - 2, "iB"))
		len -= 2;
	if (len)
		unit = strchr(units, s[len - 1] & ~0x20);
	if (unit && *unit) {
		shift = 10 * (unit - units + 1);
		len--;
	} else if (s[len]) {
		return -EINVAL;	/* "iB" after no unit */
	}
	err = weft_parse_u64(s, len, &v);
	if (err)
		return err;
	if (v > (u64)INT64_MAX >> shift)
		return -ERANGE;
	*bytes = v << shift;
	return 0;
}

const char *cli_size_text(u64 bytes, char out[CLI_SIZE_TEXT])
{
	static const char *const units[] = {
		"B", "KiB", "MiB", "GiB", "TiB", "PiB"
	};
	unsigned int u = 0;
	u64 whole = bytes, rest = 0;

	while (whole >= 1024 && u + 1 < ARRAY_SIZE(units)) {
		rest = whole % 1024;
		whole /= 1024;
		u++;
	}
	rest = rest * 10 / 1024;
	if (rest)
		snprintf(out, CLI_SIZE_TEXT, "%llu.%llu %s",
			 (unsigned long long)whole, (unsigned long long)rest,
			 units[u]);
	else
		snprintf(out, CLI_SIZE_TEXT, "%llu %s",
			 (unsigned long long)whole, units[u]);
	return out;
}

json_t *cli_json_text(const char *s)
{
	json_t *j = json_string(s);
	char *e;

	if (j)
		return j;
	/* JSON is UTF-8, a peer's name may be anything */
	e = escaped(s);
	j = json_string(e);
	free(e);
	return j;
}

int cli_print_json(json_t *j)
{
	int rc;

	rc = json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
	json_decref(j);
	return rc ? cli_error(CLI_FAILED, "cannot print JSON") : CLI_OK;
}

/* @rows holds all cells one after another, the heads first. */
struct table {
	unsigned int columns;
	size_t ncells;
	char **cells;
};

void table_row(struct table *t, const char *const *cells)
{
	unsigned int i;
	char **more;

	more = realloc(t->cells, (t->ncells + t->columns) * sizeof(*more));
	if (!more) {
		fputs("weft: out of memory\n", stderr);
		exit(CLI_FAILED);
	}
	t->cells = more;
	for (i = 0; i < t->columns; i++)
		t->cells[t->ncells++] = escaped(cells[i] && *cells[i] ?
						cells[i] : "-");
}

struct table *table_new(const char *const *heads, unsigned int columns)
{
	struct table *t = cli_alloc(sizeof(*t));

	t->columns = columns;
	table_row(t, heads);
	return t;
}

static int column_width(const struct table *t, unsigned int column)
{
	size_t i, len, width = 0;

	for (i = column; i < t->ncells; i += t->columns) {
		len = strlen(t->cells[i]);
		if (len > width)
			width = len;
	}
	return (int)width;
}

void table_free(struct table *t)
{
	while (t->ncells)
		free(t->cells[--t->ncells]);
	free(t->cells);
	free(t);
}

void table_print(struct table *t)
{
	int *widths = cli_alloc(t->columns * sizeof(*widths));
	unsigned int c;
	size_t i;

	for (c = 0; c < t->columns; c++)
		widths[c] = column_width(t, c);
	for (i = 0; i < t->ncells; i++) {
		c = i % t->columns;
		if (c + 1 < t->columns)
			printf("%-*s  ", widths[c], t->cells[i]);
		else
			printf("%s\n", t->cells[i]);
	}
	free(widths);
	table_free(t);
}
