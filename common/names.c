// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Checks and text forms of the names in NVMe over Fabrics: NQNs, UUIDs and
 * other identifiers, transport addresses, padded fields.
 *
 * Called on bytes from users and peers alike, by the connect string, the
 * Connect and discovery code, the daemon's RPCs and the tools; any context.
 */
#include "common/names.h"

#define NQN_FORM	"nqn.yyyy-mm.reverse.domain[:string], such as " \
			"nqn.2026-11.io.weft:disk1"
#define YEAR_MIN	1970
#define YEAR_MAX	2999
#define LABEL_MAX	63	/* of a domain name */
#define SCOPE_MAX	15	/* a network interface's name */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool starts_with(const char *s, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	return len >= n && !memcmp(s, prefix, n);
}

/*
 * Bytes of the well-formed UTF-8 character at @s, 0 if there is none: shortest
 * form only, no surrogates, nothing above U+10FFFF, no C0 or C1 controls, no
 * space.
 */
static size_t utf8_printable(const char *s, size_t len)
{
	u8 c = (u8)s[0];
	u32 cp, least;
	size_t n, i;

	if (c < 0x80)
		return c > 0x20 && c < 0x7f;
	if ((c & 0xe0) == 0xc0) {
		n = 2;
		cp = c & 0x1f;
		least = 0xa1;	/* below: C1 controls, a space, overlong forms */
	} else if ((c & 0xf0) == 0xe0) {
		n = 3;
		cp = c & 0x0f;
		least = 0x800;
	} else if ((c & 0xf8) == 0xf0) {
		n = 4;
		cp = c & 0x07;
		least = 0x10000;
	} else {
		return 0;
	}
	if (n > len)
		return 0;
	for (i = 1; i < n; i++) {
		if (((u8)s[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | ((u8)s[i] & 0x3f);
	}
	if (cp < least || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	return n;
}

static bool all_printable(const char *s, size_t len)
{
	size_t n;

	for (; len; s += n, len -= n) {
		n = utf8_printable(s, len);
		if (!n)
			return false;
	}
	return true;
}

/* "yyyy-mm." */
static bool nqn_date_ok(const char *s, size_t len)
{
	unsigned int year = 0, month, i;

	if (len < 8 || s[4] != '-' || s[7] != '.')
		return false;
	for (i = 0; i < 7; i++) {
		if (i == 4)
			continue;
		if (!is_digit(s[i]))
			return false;
		if (i < 4)
			year = year * 10 + (unsigned int)(s[i] - '0');
	}
	month = (unsigned int)(s[5] - '0') * 10 + (unsigned int)(s[6] - '0');
	return year >= YEAR_MIN && year <= YEAR_MAX && month >= 1 && month <= 12;
}

/* Labels of letters, digits and inner hyphens between dots, up to ':' or end */
static bool nqn_domain_ok(const char *s, size_t len)
{
	size_t i, label = 0;

	for (i = 0; i < len && s[i] != ':'; i++) {
		if (s[i] == '.') {
			if (!label || s[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!is_alnum(s[i]) && (s[i] != '-' || !label))
			return false;
		if (++label > LABEL_MAX)
			return false;
	}
	return label && s[i - 1] != '-';
}

int weft_nqn_text_check(const char *nqn, size_t len, const char *what,
			struct weft_reason *why)
{
	if (!len)
		return weft_fail(why, -EINVAL, "%s=: empty; accepted is %s",
				 what, NQN_FORM);
	if (len > NVMF_NQN_MAX)
		return weft_fail_value(why, -EINVAL, what, nqn, len,
				       "%zu bytes; accepted are at most %d",
				       len, NVMF_NQN_MAX);
	if (!all_printable(nqn, len))
		return weft_fail_value(why, -EINVAL, what, nqn, len,
			"has a space, a control character or bytes that are not UTF-8; accepted is %s",
			NQN_FORM);
	return 0;
}

int weft_nqn_check(const char *nqn, size_t len, const char *what,
		   struct weft_reason *why)
{
	const size_t prefix = sizeof(NVMF_UUID_NQN_PREFIX) - 1;
	int err = weft_nqn_text_check(nqn, len, what, why);
	u8 uuid[WEFT_UUID_BYTES];

	if (err)
		return err;
	if (!starts_with(nqn, len, "nqn.") || !nqn_date_ok(nqn + 4, len - 4) ||
	    !nqn_domain_ok(nqn + 12, len - 12))
		return weft_fail_value(why, -EINVAL, what, nqn, len,
				       "accepted is %s", NQN_FORM);
	if (starts_with(nqn, len, NVMF_UUID_NQN_PREFIX) &&
	    weft_uuid_parse(nqn + prefix, len - prefix, uuid))
		return weft_fail_value(why, -EINVAL, what, nqn, len,
			"accepted after \"uuid:\" is a UUID of 8-4-4-4-12 hexadecimal digits");
	return 0;
}

bool weft_nqn_is_discovery(const char *nqn, size_t len)
{
	return len == sizeof(NVMF_DISCOVERY_NQN) - 1 &&
	       !memcmp(nqn, NVMF_DISCOVERY_NQN, len);
}

int weft_nqn_from_field(const char *field)
{
	size_t len = strnlen(field, NVMF_NQN_MAX + 1);

	return len > NVMF_NQN_MAX ? -EINVAL : (int)len;
}

int weft_uuid_parse(const char *s, size_t len, u8 uuid[WEFT_UUID_BYTES])
{
	size_t i, at = 0;

	if (len != WEFT_UUID_LEN)
		return -EINVAL;
	for (i = 0; i < WEFT_UUID_BYTES; i++) {
		int hi, lo;

		if (i == 4 || i == 6 || i == 8 || i == 10) {
			if (s[at++] != '-')
				return -EINVAL;
		}
		hi = hex_digit(s[at++]);
		lo = hex_digit(s[at++]);
		if (hi < 0 || lo < 0)
			return -EINVAL;
		uuid[i] = (u8)(hi << 4 | lo);
	}
	return 0;
}

void weft_uuid_format(const u8 uuid[WEFT_UUID_BYTES],
		      char out[WEFT_UUID_LEN + 1])
{
	static const u8 groups[] = { 4, 2, 2, 2, 6 };
	size_t g, at = 0;

	for (g = 0; g < ARRAY_SIZE(groups); g++) {
		weft_hex_format(uuid, groups[g], out + at, false);
		uuid += groups[g];
		at += 2u * groups[g];
		if (g + 1 < ARRAY_SIZE(groups))
			out[at++] = '-';
	}
}

bool weft_id_is_zero(const u8 *id, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (id[i])
			return false;
	return true;
}

void weft_hex_format(const u8 *id, size_t n, char *out, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		*out++ = digits[id[i] >> 4];
		*out++ = digits[id[i] & 0xf];
	}
	*out = '\0';
}

int weft_hex_parse(const char *s, size_t len, u8 *id, size_t n)
{
	size_t i, at = 0;

	for (i = 0; i < n; i++) {
		int hi, lo;

		if (i && at < len && s[at] == '-')
			at++;
		if (len - at < 2)
			return -EINVAL;
		hi = hex_digit(s[at]);
		lo = hex_digit(s[at + 1]);
		if (hi < 0 || lo < 0)
			return -EINVAL;
		id[i] = (u8)(hi << 4 | lo);
		at += 2;
	}
	return at == len ? 0 : -EINVAL;
}

/* Four octets without leading zeros: elsewhere those would mean octal. */
static bool ipv4_ok(const char *s, size_t len)
{
	unsigned int octets = 0, v = 0, digits = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] == '.') {
			if (!digits || ++octets > 3)
				return false;
			v = 0;
			digits = 0;
			continue;
		}
		if (!is_digit(s[i]) || (digits && !v))
			return false;
		v = v * 10 + (unsigned int)(s[i] - '0');
		digits++;
		if (v > 255)
			return false;
	}
	return octets == 3 && digits;
}

/* RFC 4291 text: groups, at most one "::", an IPv4 address may end it. */
static bool ipv6_ok(const char *s, size_t len)
{
	unsigned int groups = 0, digits = 0;
	bool gap = false;
	size_t i = 0, start = 0;

	if (len >= 2 && s[0] == ':' && s[1] == ':') {
		gap = true;
		i = start = 2;
	}
	for (; i < len; i++) {
		if (hex_digit(s[i]) >= 0) {
			if (++digits > 4)
				return false;
		} else if (s[i] == '.') {
			if (!ipv4_ok(s + start, len - start))
				return false;
			groups += 2;
			return gap ? groups < 8 : groups == 8;
		} else if (s[i] == ':' && digits) {
			groups++;
			digits = 0;
			if (i + 1 < len && s[i + 1] == ':') {
				if (gap)
					return false;
				gap = true;
				i++;
			} else if (i + 1 == len) {
				return false;
			}
			start = i + 1;
		} else {
			return false;
		}
	}
	groups += digits > 0;
	return gap ? groups < 8 : groups == 8;
}

/* "%eth0" behind a link-local address: names the interface */
static bool scope_ok(const char *s, size_t len)
{
	size_t i;

	if (len < 1 || len > SCOPE_MAX)
		return false;
	for (i = 0; i < len; i++)
		if (s[i] <= 0x20 || s[i] >= 0x7f || s[i] == '/' || s[i] == '%')
			return false;
	return true;
}

int weft_addr_check(const char *s, size_t len, const char *what,
		    struct weft_reason *why)
{
	size_t addr = 0;

	if (ipv4_ok(s, len))
		return WEFT_ADDR_IPV4;
	while (addr < len && s[addr] != '%')
		addr++;
	if (ipv6_ok(s, addr) &&
	    (addr == len || scope_ok(s + addr + 1, len - addr - 1)))
		return WEFT_ADDR_IPV6;
	return weft_fail_value(why, -EINVAL, what, s, len,
		"accepted is an IPv4 or IPv6 address, such as 10.9.0.1, 2001:db8::1 or fe80::1%%eth0");
}

int weft_port_check(const char *s, size_t len, const char *what,
		    struct weft_reason *why)
{
	int port = 0;
	size_t i;

	/* a leading zero would be octal to others who read the same text */
	if (len >= 1 && len <= 5 && s[0] != '0') {
		for (i = 0; i < len && is_digit(s[i]); i++)
			port = port * 10 + (s[i] - '0');
		if (i == len && port <= 65535)
			return port;
	}
	return weft_fail_value(why, -EINVAL, what, s, len,
			       "accepted range is 1-65535");
}

void weft_pad_copy(char *field, size_t size, const char *s, char pad)
{
	size_t len = strnlen(s, size);

	memcpy(field, s, len);
	memset(field + len, pad, size - len);
}

void weft_pad_text(char *out, const char *field, size_t size)
{
	size_t n = strnlen(field, size);

	while (n && field[n - 1] == ' ')
		n--;
	memcpy(out, field, n);
	out[n] = '\0';
}
