/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Bounded text: the printing surface of common/.
 *
 * Reasons, listings and connect strings are put together in a buffer that the
 * caller owns. Text that does not fit is cut and remembered as cut; the buffer
 * always holds a terminated string.
 */
#ifndef WEFT_COMMON_TEXT_H
#define WEFT_COMMON_TEXT_H

#include "common/platform.h"

/**
 * struct weft_text - a bounded, always terminated string under construction
 * @buf: the caller's buffer
 * @size: bytes in @buf, at least 1
 * @len: bytes used, without the terminator
 * @cut: something did not fit
 */
struct weft_text {
	char *buf;
	size_t size;
	size_t len;
	bool cut;
};

/** weft_text_init() - start an empty text in @buf of @size (>= 1) bytes */
void weft_text_init(struct weft_text *t, char *buf, size_t size);

/** weft_text_add() - append formatted text; cuts and marks when it is full */
__printf(2, 3) void weft_text_add(struct weft_text *t, const char *fmt, ...);

/**
 * weft_text_add_escaped() - append bytes that came from elsewhere
 * @t: where to
 * @s: bytes, need not be terminated
 * @n: how many
 *
 * Anything but printable ASCII is written as \\xHH, so that a hostile peer
 * cannot put line breaks or terminal controls into a log or a reason line.
 */
void weft_text_add_escaped(struct weft_text *t, const char *s, size_t n);

/**
 * weft_text_add_value() - append a value that was refused, escaped
 *
 * As weft_text_add_escaped(), but the middle of a long value is left out, so
 * that what is said about it still fits a reason line.
 */
void weft_text_add_value(struct weft_text *t, const char *s, size_t n);

/**
 * struct weft_reason - why something was refused, in words for a user
 * @text: one line without a line break; empty if nothing was said
 *
 * Travels beside an error number up to the user; the number says what kind,
 * the text names the field, the value and what is accepted.
 */
#define WEFT_REASON_MAX 256
struct weft_reason {
	char text[WEFT_REASON_MAX];
};

/**
 * weft_fail() - note a reason and hand back the error number
 * @why: filled in; may be NULL
 * @err: negative errno, returned unchanged
 *
 * What does not fit ends in "..."; anything but printable ASCII becomes '?'.
 * Lets a check read `return weft_fail(why, -EINVAL, "nsid=%u: ...", nsid);`.
 */
__printf(3, 4) int weft_fail(struct weft_reason *why, int err,
			     const char *fmt, ...);

/** weft_vfail() - weft_fail() with a list of arguments */
__printf(3, 0) int weft_vfail(struct weft_reason *why, int err,
			      const char *fmt, va_list ap);

/**
 * weft_fail_value() - refuse `key=value` and say what is accepted
 * @why: filled in; may be NULL
 * @err: negative errno, returned unchanged
 * @key: the field's name
 * @value: bytes as they came, shown through weft_text_add_value()
 * @len: their number
 * @fmt: what is wrong and what is accepted
 *
 * Gives "key=value: what is accepted".
 */
__printf(6, 7) int weft_fail_value(struct weft_reason *why, int err,
				   const char *key, const char *value,
				   size_t len, const char *fmt, ...);

/**
 * weft_parse_u64() - decimal or 0x-hexadecimal number, whole string
 * @s: text, need not be terminated
 * @n: its length
 * @out: the value
 *
 * Return: 0, -EINVAL (empty, not a number, trailing bytes) or -ERANGE.
 */
int weft_parse_u64(const char *s, size_t n, u64 *out);

/** weft_parse_s64() - as weft_parse_u64(), with an optional leading minus */
int weft_parse_s64(const char *s, size_t n, s64 *out);

#endif
