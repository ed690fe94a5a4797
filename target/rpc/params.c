// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Parameters of RPC methods, decoded by table. Every refusal names the
 * parameter, the value and what is accepted.
 */
#include "common/names.h"
#include "target/rpc/rpc.h"

/* A value as the user wrote it, cut to a readable length. */
static void value_text(const json_t *v, char *out, size_t size)
{
	char *s = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);

	snprintf(out, size, "%.60s", s ? s : "?");
	free(s);
}

__printf(4, 5) static bool refuse(struct weft_reason *why, const char *name,
				  const json_t *v, const char *fmt, ...)
{
	char value[64], accepted[128];
	va_list ap;

	value_text(v, value, sizeof(value));
	va_start(ap, fmt);
	vsnprintf(accepted, sizeof(accepted), fmt, ap);
	va_end(ap);
	weft_fail(why, -EINVAL, "%s=%s: %s", name, value, accepted);
	return false;
}

static bool decode_str(const struct rpc_param *p, const json_t *v, void *at,
		       struct weft_reason *why)
{
	const char *s = json_string_value(v);

	if (!s)
		return refuse(why, p->name, v, "a string is expected");
	if (strlen(s) != json_string_length(v))
		return refuse(why, p->name, v, "a NUL is not accepted");
	if (strlen(s) < p->min || (p->max && strlen(s) > p->max))
		return refuse(why, p->name, v,
			      "%llu to %llu characters are accepted",
			      (unsigned long long)p->min,
			      (unsigned long long)p->max);
	*(const char **)at = s;
	return true;
}

static u64 type_max(enum rpc_type type)
{
	return type == RPC_U16 ? UINT16_MAX :
	       type == RPC_U32 ? UINT32_MAX : INT64_MAX;
}

static bool decode_number(const struct rpc_param *p, const json_t *v, void *at,
			  struct weft_reason *why)
{
	u64 max = p->max ? p->max : type_max(p->type);
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < 0 || (u64)n < p->min || (u64)n > max)
		return refuse(why, p->name, v,
			      "a number from %llu to %llu is accepted",
			      (unsigned long long)p->min,
			      (unsigned long long)max);
	if (p->type == RPC_U16)
		*(u16 *)at = n;
	else if (p->type == RPC_U32)
		*(u32 *)at = n;
	else
		*(u64 *)at = n;
	return true;
}

static bool decode_id(const struct rpc_param *p, const json_t *v, void *at,
		      struct weft_reason *why)
{
	const char *s = json_string_value(v);
	struct rpc_id *id = at;
	int rc = -EINVAL;

	if (s && p->type == RPC_UUID)
		rc = weft_uuid_parse(s, strlen(s), id->bytes);
	else if (s)
		rc = weft_hex_parse(s, strlen(s), id->bytes,
				    p->type == RPC_NGUID ? 16 : 8);
	if (rc)
		return refuse(why, p->name, v, "%s is expected",
			      p->type == RPC_UUID ?
			      "a UUID (8-4-4-4-12 hexadecimal digits)" :
			      p->type == RPC_NGUID ? "32 hexadecimal digits" :
			      "16 hexadecimal digits");
	if (weft_id_is_zero(id->bytes, p->type == RPC_EUI64 ? 8 : 16))
		return refuse(why, p->name, v,
			      "zeroes mean that there is none: leave it out");
	id->given = true;
	return true;
}

static bool decode_empty(const struct rpc_param *p, const json_t *v,
			 struct weft_reason *why)
{
	bool empty = json_is_array(v) ? !json_array_size(v) :
		     json_is_string(v) && !json_string_length(v);

	return empty || refuse(why, p->name, v, "not available here: %s",
			       p->help);
}

static bool decode_one(const struct rpc_param *p, const json_t *v, void *out,
		       struct weft_reason *why)
{
	void *at = (char *)out + p->offset;

	switch (p->type) {
	case RPC_STR:
		return decode_str(p, v, at, why);
	case RPC_U16:
	case RPC_U32:
	case RPC_U64:
		return decode_number(p, v, at, why);
	case RPC_UUID:
	case RPC_NGUID:
	case RPC_EUI64:
		return decode_id(p, v, at, why);
	case RPC_BOOL:
		if (!json_is_boolean(v))
			return refuse(why, p->name, v,
				      "true or false is expected");
		*(bool *)at = json_is_true(v);
		return true;
	case RPC_OBJECT:
		if (!json_is_object(v))
			return refuse(why, p->name, v, "an object is expected");
		return rpc_decode(p->sub, v, out, why);
	case RPC_JSON:
		if (!json_is_object(v) && !json_is_array(v))
			return refuse(why, p->name, v,
				      "an object or array is expected");
		*(const json_t **)at = v;
		return true;
	case RPC_ARRAY:
		if (!json_is_array(v))
			return refuse(why, p->name, v, "an array is expected");
		*(const json_t **)at = v;
		return true;
	case RPC_ONLY_FALSE:
		if (!json_is_false(v))
			return refuse(why, p->name, v,
				      "not available here; only false is accepted");
		return true;
	case RPC_ONLY_ZERO:
		if (!json_is_integer(v) || json_integer_value(v))
			return refuse(why, p->name, v,
				      "not available here; only 0 is accepted");
		return true;
	case RPC_ONLY_NAME:
		if (!json_is_string(v) || strcmp(json_string_value(v), p->only))
			return refuse(why, p->name, v,
				      "only \"%s\" is accepted", p->only);
		return true;
	case RPC_ONLY_EMPTY:
		return decode_empty(p, v, why);
	case RPC_HINT:
		if (strcmp(p->name, "*") &&
		    (json_is_object(v) || json_is_array(v)))
			return refuse(why, p->name, v,
				      "a plain value is expected");
		log_msg(LOG_DEBUG, "%s: tuning without a counterpart here",
			p->name);
		return true;
	case RPC_END:
		break;
	}
	return false;
}

static const struct rpc_param *find(const struct rpc_param *table,
				    const char *name)
{
	const struct rpc_param *p;

	for (p = table; p->type != RPC_END; p++)
		if (!strcmp(p->name, name) || !strcmp(p->name, "*"))
			return p;
	return NULL;
}

static bool refuse_unknown(const struct rpc_param *table, const char *name,
			   struct weft_reason *why)
{
	const struct rpc_param *p;
	struct weft_text t;
	char known[WEFT_REASON_MAX];

	weft_text_init(&t, known, sizeof(known));
	for (p = table; p->type != RPC_END; p++)
		if (p->type < RPC_ONLY_FALSE)
			weft_text_add(&t, "%s%s", t.len ? ", " : "", p->name);
	weft_fail(why, -EINVAL, "unknown parameter \"%.40s\"; known: %.180s",
		  name, known);
	return false;
}

bool rpc_decode(const struct rpc_param *table, const json_t *params, void *out,
		struct weft_reason *why)
{
	const struct rpc_param *p;
	const char *name;
	json_t *v;

	if (params && !json_is_object(params)) {
		weft_fail(why, -EINVAL,
			  "params: an object with named parameters is expected");
		return false;
	}
	json_object_foreach((json_t *)params, name, v) {
		p = find(table, name);
		if (!p)
			return refuse_unknown(table, name, why);
		if (!decode_one(p, v, out, why))
			return false;
	}
	for (p = table; p->type != RPC_END; p++) {
		if (p->required && !json_object_get(params, p->name)) {
			weft_fail(why, -EINVAL, "%s is missing%s%s", p->name,
				  p->help ? ": " : "", p->help ? p->help : "");
			return false;
		}
	}
	return true;
}
