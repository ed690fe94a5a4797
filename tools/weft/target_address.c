// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Addresses on the command line of `weft target`: of listeners and referrals.
 */
#include "tools/weft/target.h"

/*
 * ADDR, ADDR:PORT or [ADDR]:PORT. More than one colon without brackets is an
 * IPv6 address without a port.
 */
static bool split_address(const char *s, char *addr, size_t size,
			  const char **port)
{
	const char *colon = strrchr(s, ':'), *close;
	size_t len = strlen(s);

	*port = NULL;
	if (s[0] == '[') {
		close = strchr(s, ']');
		if (!close || (close[1] && close[1] != ':'))
			return false;
		*port = close[1] ? close + 2 : NULL;
		len = close - ++s;
	} else if (colon && colon == strchr(s, ':')) {
		*port = colon + 1;
		len = colon - s;
	}
	if (!len || len >= size)
		return false;
	memcpy(addr, s, len);
	addr[len] = '\0';
	return true;
}

int target_address(const struct cli_args *a, unsigned int type,
		   json_t **address)
{
	const char *text = a->pos[type + 1];
	struct weft_reason why;
	const char *port;
	char addr[64];
	int family;

	if (!split_address(text, addr, sizeof(addr), &port))
		return cli_usage_error(a->cmd,
				       "%s: ADDR, ADDR:PORT or [ADDR]:PORT is accepted",
				       text);
	family = weft_addr_check(addr, strlen(addr), "ADDR", &why);
	if (family < 0 ||
	    (port && weft_port_check(port, strlen(port), "PORT", &why) < 0))
		return cli_usage_error(a->cmd, "%s", why.text);
	*address = json_pack("{s:s, s:s, s:s, s:s}", "trtype", a->pos[type],
			     "adrfam", family == WEFT_ADDR_IPV4 ? "IPv4" :
			     "IPv6", "traddr", addr, "trsvcid",
			     port ? port : "4420");
	return CLI_OK;
}
