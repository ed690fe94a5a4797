// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Any bytes as a connect string: no crash, a reason for each refusal, and what
 * is accepted prints to a string that parses to the same options.
 */
#include "common/connstr.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool has_secret(const struct weft_connstr *c)
{
	return weft_connstr_given(c, WEFT_OPT_DHCHAP_SECRET) ||
	       weft_connstr_given(c, WEFT_OPT_DHCHAP_CTRL_SECRET);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct weft_connstr a, b;
	struct weft_reason why = { "" };
	char text[WEFT_CONNSTR_MAX];
	struct weft_text t;

	if (weft_connstr_parse((const char *)data, size, &a, &why)) {
		must(why.text[0] && strnlen(why.text, sizeof(why.text)) <
		     sizeof(why.text));
		return 0;
	}
	weft_text_init(&t, text, sizeof(text));
	weft_connstr_print(&a, &t);
	must(!t.cut);
	if (has_secret(&a))
		return 0;
	must(!weft_connstr_parse(text, t.len, &b, &why));
	must(!memcmp(&a, &b, sizeof(a)));
	weft_connstr_check(&a, WEFT_OPT_BIT(WEFT_OPT_TRADDR), 0, &why);
	return 0;
}
