/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Connect strings as a user wrote them: checked, and where a mistake stands.
 */
#ifndef WEFT_TOOLS_PLACE_H
#define WEFT_TOOLS_PLACE_H

#include "common/connstr.h"

/**
 * connect_string_check() - parse, and check against what the transport takes
 * Return: 0 or a negative errno with the reason.
 */
int connect_string_check(const char *s, struct weft_connstr *c,
			 struct weft_reason *why);

/**
 * connect_string_place() - where in @s is what @why speaks of?
 * @at: first byte
 * @len: bytes from there
 * Return: false if it is nowhere, because something is missing.
 */
bool connect_string_place(const char *s, const struct weft_reason *why,
			  size_t *at, size_t *len);

/** connect_string_complain() - the reason and its place on stderr */
void connect_string_complain(const char *s, const struct weft_reason *why);

#endif
