// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The RPC reference, printed from the method tables that also decode the
 * calls: it cannot differ from what the daemon accepts.
 */
#include "target/rpc/rpc.h"

static const char *type_name(const struct rpc_param *p)
{
	switch (p->type) {
	case RPC_STR:
	case RPC_ONLY_NAME:
		return "string";
	case RPC_ONLY_EMPTY:
		return "string or array";
	case RPC_BOOL:
	case RPC_ONLY_FALSE:
		return "boolean";
	case RPC_U16:
	case RPC_U32:
	case RPC_U64:
	case RPC_ONLY_ZERO:
		return "number";
	case RPC_UUID:
	case RPC_NGUID:
	case RPC_EUI64:
		return "string";
	case RPC_OBJECT:
	case RPC_JSON:
		return "object";
	case RPC_ARRAY:
		return "array";
	case RPC_HINT:
		return "any";
	case RPC_END:
		break;
	}
	return "";
}

static void print_accepted(FILE *out, const struct rpc_param *p)
{
	bool is_text = p->type == RPC_STR;

	switch (p->type) {
	case RPC_ONLY_FALSE:
		fputs("only `false`", out);
		return;
	case RPC_ONLY_ZERO:
		fputs("only 0", out);
		return;
	case RPC_ONLY_NAME:
		fprintf(out, "only `%s`", p->only);
		return;
	case RPC_ONLY_EMPTY:
		fprintf(out, "only an empty one: %s", p->help);
		return;
	case RPC_HINT:
		fputs(strcmp(p->name, "*") ?
		      "accepted for compatibility, no effect" :
		      "any other: accepted for compatibility, no effect", out);
		return;
	default:
		break;
	}
	fputs(p->help ? p->help : "", out);
	if (p->min || p->max)
		fprintf(out, "%s%llu to ", p->help ? "; " : "",
			(unsigned long long)p->min);
	if (p->max)
		fprintf(out, "%llu", (unsigned long long)p->max);
	else if (p->min)
		fputs("any", out);
	if (is_text && (p->min || p->max))
		fputs(" characters", out);
}

static void print_params(FILE *out, const struct rpc_param *table,
			 const char *prefix)
{
	const struct rpc_param *p;
	char inner[64];

	for (p = table; p->type != RPC_END; p++) {
		fprintf(out, "| `%s%s` | %s | %s | ", prefix, p->name,
			type_name(p), p->required ? "yes" : "");
		print_accepted(out, p);
		fputs(" |\n", out);
		if (p->type != RPC_OBJECT)
			continue;
		snprintf(inner, sizeof(inner), "%s%s.", prefix, p->name);
		print_params(out, p->sub, inner);
	}
}

static void print_method(void *ctx, const struct rpc_method *m)
{
	FILE *out = ctx;

	fprintf(out, "\n## %s\n\n%s.", m->name, m->help);
	if ((m->states & RPC_ALWAYS) == RPC_STARTUP)
		fputs(" Only before the target is started (`--wait-for-rpc`).",
		      out);
	else if ((m->states & RPC_ALWAYS) == RPC_RUNTIME)
		fputs(" Once the target is started.", out);
	if (m->states & RPC_ALONE)
		fputs(" Not in a configuration.", out);
	if (!m->params) {
		fputs(" No parameters.\n", out);
		return;
	}
	fputs("\n\n| parameter | type | required | |\n|---|---|---|---|\n",
	      out);
	print_params(out, m->params, "");
}

void rpc_reference(FILE *out)
{
	fputs("# RPC reference\n\n"
	      "JSON-RPC 2.0 over the daemon's UNIX socket. Names, parameters and results are SPDK's where\n"
	      "both have the method. Printed by `weft-target --rpc-reference` from the tables that decode\n"
	      "the calls; `make check` compares.\n\n"
	      "A configuration (`load_config`, `--config`) is done as a whole or not at all: when one of its\n"
	      "calls fails, those before it are taken back. What nothing takes back is refused in it, before\n"
	      "anything is done.\n", out);
	rpc_methods(print_method, out);
	rpc_absent_reference(out);
}
