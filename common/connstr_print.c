// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Options back to text: a connect string from parsed options, and the line of
 * supported options that a read of /dev/nvme-fabrics gives.
 *
 * Called by the device's read handler, by log messages and by the tools.
 */
#include "common/connstr_table.h"

static void print_value(const struct weft_opt_row *row, const void *field,
			struct weft_text *t)
{
	char uuid[WEFT_UUID_LEN + 1];

	switch (row->kind) {
	case WEFT_KIND_FLAG:
		break;
	case WEFT_KIND_INT:
		weft_text_add(t, "=%d", *(const int *)field);
		break;
	case WEFT_KIND_UUID:
		weft_uuid_format(field, uuid);
		weft_text_add(t, "=%s", uuid);
		break;
	case WEFT_KIND_SECRET:
		weft_text_add(t, "=(hidden)");
		break;
	default:
		weft_text_add(t, "=%s", (const char *)field);
		break;
	}
}

void weft_connstr_print(const struct weft_connstr *c, struct weft_text *t)
{
	const char *comma = "";
	unsigned int o;

	for (o = 0; o < WEFT_OPT_COUNT; o++) {
		const struct weft_opt_row *row = &weft_opt_rows[o];

		if (!(c->given & WEFT_OPT_BIT(o)))
			continue;
		weft_text_add(t, "%s%s", comma, row->info.token);
		print_value(row, (const char *)c + row->offset, t);
		comma = ",";
	}
}

void weft_connstr_supported(struct weft_text *t)
{
	const char *comma = "";
	unsigned int o;

	for (o = 0; o < WEFT_OPT_COUNT; o++) {
		const struct weft_opt_info *info = &weft_opt_rows[o].info;

		if (!strcmp(info->transports, WEFT_OPT_NOBODY))
			continue;
		weft_text_add(t, "%s%s%s%s", comma, info->token,
			      info->pattern[0] ? "=" : "", info->pattern);
		comma = ",";
	}
}
