// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Any bytes as each of the names: no read beyond them, and the checks agree
 * with one another and with what they promise.
 */
#include "common/names.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void uuid_round_trip(const char *s, size_t size)
{
	u8 id[WEFT_UUID_BYTES], again[WEFT_UUID_BYTES];
	char text[WEFT_UUID_LEN + 1];

	if (weft_uuid_parse(s, size, id))
		return;
	weft_uuid_format(id, text);
	must(!weft_uuid_parse(text, WEFT_UUID_LEN, again));
	must(!memcmp(id, again, sizeof(id)));
	must(!weft_hex_parse(s, size, again, sizeof(again)));
	must(!memcmp(id, again, sizeof(id)));
}

static void numbers_agree(const char *s, size_t size)
{
	int port = weft_port_check(s, size, "trsvcid", NULL);
	u64 u = 0;
	s64 i = 0;
	int err;

	err = weft_parse_u64(s, size, &u);
	if (port > 0)
		must(!err && u == (u64)port);
	if (!err && u <= INT64_MAX)
		must(!weft_parse_s64(s, size, &i) && (u64)i == u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weft_reason why = { "" };
	const char *s = (const char *)data;
	char field[NVMF_NQN_FIELD];
	char shown[64];
	struct weft_text t;
	int len;

	if (!weft_nqn_check(s, size, "nqn", &why))
		must(size <= NVMF_NQN_MAX && !memcmp(s, "nqn.", 4));
	else
		must(!weft_nqn_is_discovery(s, size) && why.text[0]);
	if (weft_addr_check(s, size, "traddr", &why) > 0)
		must(size >= 2 && size < 64);
	uuid_round_trip(s, size);
	numbers_agree(s, size);

	weft_text_init(&t, shown, sizeof(shown));
	weft_text_add_value(&t, s, size);
	must(strlen(shown) == t.len);
	if (size < sizeof(shown)) {
		weft_pad_text(shown, s, size);
		must(strlen(shown) <= size);
	}
	if (size >= sizeof(field)) {
		len = weft_nqn_from_field(s);
		must(len < 0 || (len <= NVMF_NQN_MAX && !s[len]));
	}
	memset(field, 'x', sizeof(field));
	memcpy(field, s, size < sizeof(field) ? size : sizeof(field));
	weft_nqn_from_field(field);
	return 0;
}
