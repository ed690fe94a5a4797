// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The connect string's parser: text to options, each value checked, each
 * refusal explained; and the check of options against a transport's masks.
 *
 * Called by the write handler of /dev/nvme-fabrics (process context, one
 * string at a time) and by the tools. What the options are stands in
 * connstr_table.c, the way back to text in connstr_print.c.
 */
#include "common/connstr_table.h"

#define SEE_DEVICE	"see a read of /dev/nvme-fabrics"
#define KEY_MAX		24	/* longer words are no misspelt option */
#define SECRET_PREFIX	"DHHC-1:"
#define SECRET_MIN	11

/* One "key=value" or "key" of the string. */
struct element {
	const char *key;
	const char *value;	/* NULL without a '=' */
	size_t key_len;
	size_t value_len;
};

static struct element split(const char *s, size_t len)
{
	struct element e = { .key = s, .key_len = 0 };

	while (e.key_len < len && s[e.key_len] != '=')
		e.key_len++;
	if (e.key_len < len) {
		e.value = s + e.key_len + 1;
		e.value_len = len - e.key_len - 1;
	}
	return e;
}

static void *field(struct weft_connstr *c, const struct weft_opt_row *row)
{
	return (char *)c + row->offset;
}

/* "-" for "_" and capitals are the same mistake however often they are made */
static char folded(char c)
{
	if (c == '-')
		return '_';
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Insertions, deletions and replacements that make @a from @b. */
static u8 edit_distance(const char *a, size_t a_len, const char *b,
			size_t b_len)
{
	u8 row[KEY_MAX + 1];
	size_t i, j;

	for (j = 0; j <= b_len; j++)
		row[j] = (u8)j;
	for (i = 0; i < a_len; i++) {
		u8 corner = row[0];

		row[0] = (u8)(i + 1);
		for (j = 0; j < b_len; j++) {
			u8 same = corner + (folded(a[i]) != folded(b[j]));
			u8 other;

			corner = row[j + 1];
			other = weft_min(corner, row[j]) + 1;
			row[j + 1] = weft_min(same, other);
		}
	}
	return row[b_len];
}

/* The option that was probably meant, or NULL. */
static const char *near_match(const char *key, size_t len)
{
	const char *best = NULL;
	u8 best_distance = 3;
	unsigned int o;

	if (len > KEY_MAX)
		return NULL;
	for (o = 0; o < WEFT_OPT_COUNT; o++) {
		const char *token = weft_opt_rows[o].info.token;
		u8 d = edit_distance(key, len, token, strlen(token));

		/* half of a short word changed is another word */
		if (d < best_distance && 2u * d <= len) {
			best = token;
			best_distance = d;
		}
	}
	return best;
}

static int fail_unknown(const struct element *e, struct weft_reason *why)
{
	const char *near = near_match(e->key, e->key_len);
	char shown[96];
	struct weft_text t;

	weft_text_init(&t, shown, sizeof(shown));
	weft_text_add_value(&t, e->key, e->key_len);
	if (near)
		return weft_fail(why, -EINVAL,
				 "unknown option \"%s\", did you mean \"%s\"?; " SEE_DEVICE,
				 shown, near);
	return weft_fail(why, -EINVAL, "unknown option \"%s\"; " SEE_DEVICE,
			 shown);
}

static unsigned int find_option(const struct element *e)
{
	unsigned int o;

	for (o = 0; o < WEFT_OPT_COUNT; o++) {
		const char *token = weft_opt_rows[o].info.token;

		if (strlen(token) == e->key_len &&
		    !memcmp(token, e->key, e->key_len))
			break;
	}
	return o;
}

static int fail_words(const struct weft_opt_row *row, const struct element *e,
		      struct weft_reason *why)
{
	return weft_fail_value(why, -EINVAL, row->info.token, e->value,
			       e->value_len, "accepted is %s",
			       row->info.accepts);
}

static int store_number(struct weft_connstr *c, const struct weft_opt_row *row,
			const struct element *e, struct weft_reason *why)
{
	int err;
	s64 v;

	err = weft_parse_s64(e->value, e->value_len, &v);
	if (err == -EINVAL)
		return weft_fail_value(why, -EINVAL, row->info.token, e->value,
				       e->value_len,
				       "not a number; accepted range is %s",
				       row->info.accepts);
	if (!err && v < row->info.min && row->clamp == WEFT_CLAMP_LOW)
		v = row->info.min;
	if (!err && v > row->info.max && row->clamp == WEFT_CLAMP_HIGH)
		v = row->info.max;
	if (err || v < row->info.min || v > row->info.max)
		return weft_fail_value(why, -EINVAL, row->info.token, e->value,
				       e->value_len, "accepted range is %s",
				       row->info.accepts);
	*(int *)field(c, row) = (int)v;
	return 0;
}

static int store_uuid(struct weft_connstr *c, const struct weft_opt_row *row,
		      const struct element *e, struct weft_reason *why)
{
	u8 *id = field(c, row);

	if (weft_uuid_parse(e->value, e->value_len, id) ||
	    weft_id_is_zero(id, WEFT_UUID_BYTES))
		return fail_words(row, e, why);
	return 0;
}

static bool iface_ok(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (s[i] <= 0x20 || s[i] >= 0x7f || s[i] == '/' || s[i] == ':')
			return false;
	return !(s[0] == '.' && (len == 1 || (len == 2 && s[1] == '.')));
}

/* Nothing of a secret may appear in a reason: that ends up in a log. */
static int fail_long(const struct weft_opt_row *row, const struct element *e,
		     struct weft_reason *why)
{
	bool secret = row->kind == WEFT_KIND_SECRET;

	return weft_fail_value(why, -EINVAL, row->info.token,
			       secret ? "(hidden)" : e->value,
			       secret ? 8 : e->value_len,
			       "%zu bytes; accepted are at most %d",
			       e->value_len, row->size - 1);
}

static int check_secret(const struct weft_opt_row *row,
			const struct element *e, struct weft_reason *why)
{
	const size_t prefix = sizeof(SECRET_PREFIX) - 1;
	size_t i;

	for (i = 0; i < e->value_len; i++)
		if (e->value[i] <= 0x20 || e->value[i] >= 0x7f)
			break;
	if (i < e->value_len || e->value_len < SECRET_MIN ||
	    memcmp(e->value, SECRET_PREFIX, prefix))
		return weft_fail(why, -EINVAL, "%s=(hidden): accepted is %s",
				 row->info.token, row->info.accepts);
	return 0;
}

static int check_text(const struct weft_opt_row *row, const struct element *e,
		      struct weft_reason *why)
{
	const char *v = e->value;
	size_t len = e->value_len;
	int err = 0;

	switch (row->kind) {
	case WEFT_KIND_NQN:
		return weft_nqn_text_check(v, len, row->info.token, why);
	case WEFT_KIND_ADDR:
		err = weft_addr_check(v, len, row->info.token, why);
		return err < 0 ? err : 0;
	case WEFT_KIND_PORT:
		err = weft_port_check(v, len, row->info.token, why);
		return err < 0 ? err : 0;
	case WEFT_KIND_SECRET:
		return check_secret(row, e, why);
	case WEFT_KIND_TRANSPORT:
		if (!weft_transport_row(v, len))
			err = fail_words(row, e, why);
		return err;
	default:
		if (!iface_ok(v, len))
			err = fail_words(row, e, why);
		return err;
	}
}

static int store_text(struct weft_connstr *c, const struct weft_opt_row *row,
		      const struct element *e, struct weft_reason *why)
{
	char *to = field(c, row);
	int err;

	if (e->value_len >= row->size)
		return fail_long(row, e, why);
	err = check_text(row, e, why);
	if (err)
		return err;
	memcpy(to, e->value, e->value_len);
	to[e->value_len] = '\0';
	return 0;
}

static int store_value(struct weft_connstr *c, const struct weft_opt_row *row,
		       const struct element *e, struct weft_reason *why)
{
	bool number = row->kind == WEFT_KIND_INT || row->kind == WEFT_KIND_PORT;
	const char *is = number ? "range is" : "is";

	if (!e->value)
		return weft_fail(why, -EINVAL,
				 "%s: needs a value, as in %s=...; accepted %s %s",
				 row->info.token, row->info.token, is,
				 row->info.accepts);
	if (!e->value_len)
		return weft_fail(why, -EINVAL, "%s=: empty value; accepted %s %s",
				 row->info.token, is, row->info.accepts);
	if (row->kind == WEFT_KIND_INT)
		return store_number(c, row, e, why);
	if (row->kind == WEFT_KIND_UUID)
		return store_uuid(c, row, e, why);
	return store_text(c, row, e, why);
}

static int parse_element(struct weft_connstr *c, const char *s, size_t len,
			 struct weft_reason *why)
{
	struct element e = split(s, len);
	const struct weft_opt_row *row;
	unsigned int o;

	o = find_option(&e);
	if (o == WEFT_OPT_COUNT)
		return fail_unknown(&e, why);
	row = &weft_opt_rows[o];
	if (c->given & WEFT_OPT_BIT(o))
		return weft_fail(why,
				 o == WEFT_OPT_HOSTNQN ? -EADDRINUSE : -EINVAL,
				 "%s: stands twice; accepted is once",
				 row->info.token);
	c->given |= WEFT_OPT_BIT(o);
	if (row->kind != WEFT_KIND_FLAG)
		return store_value(c, row, &e, why);
	if (e.value)
		return weft_fail_value(why, -EINVAL, row->info.token, e.value,
				       e.value_len,
				       "takes no value; accepted is \"%s\" alone",
				       row->info.token);
	*(bool *)field(c, row) = true;
	return 0;
}

static void set_defaults(struct weft_connstr *c)
{
	unsigned int o;

	memset(c, 0, sizeof(*c));
	for (o = 0; o < WEFT_OPT_COUNT; o++)
		if (weft_opt_rows[o].kind == WEFT_KIND_INT)
			*(int *)field(c, &weft_opt_rows[o]) =
				weft_opt_rows[o].dflt;
}

static int settle_addresses(struct weft_connstr *c, struct weft_reason *why)
{
	const struct weft_transport_row *tr;
	size_t port_len;

	tr = weft_transport_row(c->transport, strlen(c->transport));
	if (tr && !weft_connstr_given(c, WEFT_OPT_TRSVCID)) {
		port_len = strlen(tr->port);
		memcpy(c->trsvcid, tr->port, port_len + 1);
	}
	if (!weft_connstr_given(c, WEFT_OPT_TRADDR))
		return 0;
	c->adrfam = weft_addr_check(c->traddr, strlen(c->traddr), "traddr",
				    NULL);
	if (weft_connstr_given(c, WEFT_OPT_HOST_TRADDR) &&
	    weft_addr_check(c->host_traddr, strlen(c->host_traddr),
			    "host_traddr", NULL) != c->adrfam)
		return weft_fail_value(why, -EINVAL, "host_traddr",
				       c->host_traddr, strlen(c->host_traddr),
				       "accepted is an IPv%d address, as traddr is one",
				       c->adrfam == WEFT_ADDR_IPV4 ? 4 : 6);
	return 0;
}

/* What depends on other options; last, as options may come in any order. */
static int settle(struct weft_connstr *c, struct weft_reason *why)
{
	const u32 io_queues = WEFT_OPT_BIT(WEFT_OPT_NR_IO_QUEUES) |
			      WEFT_OPT_BIT(WEFT_OPT_NR_WRITE_QUEUES) |
			      WEFT_OPT_BIT(WEFT_OPT_NR_POLL_QUEUES);
	unsigned int o;

	for (o = WEFT_OPT_TRANSPORT; o <= WEFT_OPT_NQN; o++)
		if (!(c->given & WEFT_OPT_BIT(o)))
			return weft_fail(why, -EINVAL,
					 "%s: missing; accepted is %s",
					 weft_opt_rows[o].info.token,
					 weft_opt_rows[o].info.accepts);
	if (weft_connstr_is_discovery(c)) {
		if (!weft_connstr_given(c, WEFT_OPT_KEEP_ALIVE_TMO))
			c->keep_alive_tmo = 0;
		c->given &= ~io_queues;
		c->nr_io_queues = 0;
		c->nr_write_queues = 0;
		c->nr_poll_queues = 0;
		c->duplicate_connect = true;
	} else if (!c->keep_alive_tmo) {
		c->keep_alive_tmo = WEFT_KATO_DEFAULT;
	}
	return settle_addresses(c, why);
}

bool weft_connstr_is_discovery(const struct weft_connstr *c)
{
	return c->discovery ||
	       weft_nqn_is_discovery(c->nqn, strnlen(c->nqn, sizeof(c->nqn)));
}

int weft_connstr_parse(const char *s, size_t len, struct weft_connstr *out,
		       struct weft_reason *why)
{
	size_t i, start = 0;
	int err;

	set_defaults(out);
	if (len > WEFT_CONNSTR_MAX)
		return weft_fail(why, -ENOMEM,
				 "connect string of %zu bytes; accepted are at most %d",
				 len, WEFT_CONNSTR_MAX);
	for (i = 0; i <= len; i++) {
		if (i < len && s[i] != ',' && s[i] != '\n')
			continue;
		if (i > start) {
			err = parse_element(out, s + start, i - start, why);
			if (err)
				return err;
		}
		start = i + 1;
	}
	return settle(out, why);
}

int weft_connstr_check(const struct weft_connstr *c, u32 required, u32 allowed,
		       struct weft_reason *why)
{
	u32 missing = required & ~c->given;
	u32 refused = c->given & ~(WEFT_OPTS_COMMON | required | allowed);
	unsigned int o;

	for (o = 0; o < WEFT_OPT_COUNT; o++) {
		const struct weft_opt_info *info = &weft_opt_rows[o].info;

		if (missing & WEFT_OPT_BIT(o))
			return weft_fail(why, -EINVAL,
					 "%s: missing, transport=%s needs it; accepted is %s",
					 info->token, c->transport,
					 info->accepts);
		if (refused & WEFT_OPT_BIT(o))
			return weft_fail(why, -EINVAL,
					 "%s: not supported with transport=%s; leave it out",
					 info->token, c->transport);
	}
	return 0;
}
