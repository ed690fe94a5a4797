// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Bounded text: messages and listings put together in the caller's buffer,
 * reasons that travel beside an error number, and numbers read from text.
 *
 * Called by everything in common/, the host modules, the daemon and the tools,
 * in any context: no allocation, no locks.
 */
#include "common/text.h"

/* Longest part of a refused value that a reason shows. */
#define VALUE_SHOWN	60

void weft_text_init(struct weft_text *t, char *buf, size_t size)
{
	t->buf = buf;
	t->size = size;
	t->len = 0;
	t->cut = false;
	buf[0] = '\0';
}

static __printf(2, 0) void text_vadd(struct weft_text *t, const char *fmt,
				     va_list ap)
{
	size_t room = t->size - t->len;
	int n = vsnprintf(t->buf + t->len, room, fmt, ap);

	if (n < 0) {
		t->buf[t->len] = '\0';
		t->cut = true;
	} else if ((size_t)n >= room) {
		t->len = t->size - 1;
		t->cut = true;
	} else {
		t->len += (size_t)n;
	}
}

void weft_text_add(struct weft_text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vadd(t, fmt, ap);
	va_end(ap);
}

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f;
}

void weft_text_add_escaped(struct weft_text *t, const char *s, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		u8 c = (u8)s[i];
		size_t need = is_plain(s[i]) ? 1 : 4;

		/* never half of an escape: it would read as something else */
		if (t->size - t->len <= need) {
			t->cut = true;
			return;
		}
		if (need == 1) {
			t->buf[t->len] = s[i];
		} else {
			t->buf[t->len] = '\\';
			t->buf[t->len + 1] = 'x';
			t->buf[t->len + 2] = digits[c >> 4];
			t->buf[t->len + 3] = digits[c & 0xf];
		}
		t->len += need;
		t->buf[t->len] = '\0';
	}
}

void weft_text_add_value(struct weft_text *t, const char *s, size_t n)
{
	if (n <= VALUE_SHOWN) {
		weft_text_add_escaped(t, s, n);
		return;
	}
	weft_text_add_escaped(t, s, VALUE_SHOWN - 12);
	weft_text_add(t, "...");
	weft_text_add_escaped(t, s + n - 8, 8);
}

/* One line of printable characters, visibly cut if it did not fit. */
static void reason_seal(struct weft_reason *why, const struct weft_text *t)
{
	size_t i;

	for (i = 0; i < t->len; i++)
		if (!is_plain(why->text[i]))
			why->text[i] = '?';
	if (t->cut && t->len >= 3)
		memcpy(why->text + t->len - 3, "...", 3);
}

int weft_vfail(struct weft_reason *why, int err, const char *fmt, va_list ap)
{
	struct weft_text t;

	if (!why)
		return err;
	weft_text_init(&t, why->text, sizeof(why->text));
	text_vadd(&t, fmt, ap);
	reason_seal(why, &t);
	return err;
}

int weft_fail(struct weft_reason *why, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	weft_vfail(why, err, fmt, ap);
	va_end(ap);
	return err;
}

int weft_fail_value(struct weft_reason *why, int err, const char *key,
		    const char *value, size_t len, const char *fmt, ...)
{
	struct weft_text t;
	va_list ap;

	if (!why)
		return err;
	weft_text_init(&t, why->text, sizeof(why->text));
	weft_text_add(&t, "%s=", key);
	weft_text_add_value(&t, value, len);
	weft_text_add(&t, ": ");
	va_start(ap, fmt);
	text_vadd(&t, fmt, ap);
	va_end(ap);
	reason_seal(why, &t);
	return err;
}

static int digit_of(char c, unsigned int base)
{
	unsigned int d;

	if (c >= '0' && c <= '9')
		d = (unsigned int)(c - '0');
	else if (c >= 'a' && c <= 'f')
		d = (unsigned int)(c - 'a') + 10;
	else if (c >= 'A' && c <= 'F')
		d = (unsigned int)(c - 'A') + 10;
	else
		return -1;
	return d < base ? (int)d : -1;
}

int weft_parse_u64(const char *s, size_t n, u64 *out)
{
	u64 v = 0, most = ~(u64)0 / 10;
	unsigned int base = 10;
	bool over = false;
	size_t i = 0;

	if (n > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		most = ~(u64)0 / 16;
		i = 2;
	}
	if (i == n)
		return -EINVAL;
	for (; i < n; i++) {
		int d = digit_of(s[i], base);

		if (d < 0)
			return -EINVAL;
		over |= v > most;
		v = v * base + (u64)d;
		over |= v < (u64)d;
	}
	if (over)
		return -ERANGE;
	*out = v;
	return 0;
}

int weft_parse_s64(const char *s, size_t n, s64 *out)
{
	const u64 lowest = (u64)1 << 63;
	bool minus = n > 0 && s[0] == '-';
	u64 v;
	int err;

	if (minus) {
		s++;
		n--;
	}
	err = weft_parse_u64(s, n, &v);
	if (err)
		return err;
	if (v > lowest || (v == lowest && !minus))
		return -ERANGE;
	/* ~v + 1 is -v without passing through a value s64 cannot hold */
	*out = minus ? (s64)(~v + 1) : (s64)v;
	return 0;
}
