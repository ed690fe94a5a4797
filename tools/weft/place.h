/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Connect strings as a user wrote them: of one piece or as options, checked, and
 * where a mistake stands.
 */
#ifndef WEFT_TOOLS_PLACE_H
#define WEFT_TOOLS_PLACE_H

#include "tools/weft/cli.h"

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

/**
 * connect_string_from() - a connect string from the command line's options
 * @nqn: name of the subsystem if none is given; may be NULL
 *
 * Checked as the kernel will; mistakes are printed.
 * Return: an enum cli_exit; @out is the caller's to free on success.
 */
int connect_string_from(const struct cli_args *a, const char *nqn, char **out);

/**
 * connect_string_get() - the same, or the first argument if there is one
 * That is a whole connect string; options beside it are a mistake.
 */
int connect_string_get(const struct cli_args *a, const char *nqn, char **out);

/**
 * connect_string_name_host() - add this host's names to a string from options
 * @text: of connect_string_from() or _get(); another one afterwards
 *
 * For the kernel, whose own names are made anew whenever the module is loaded.
 * It has a host identifier of its own as well, so that a host NQN alone would
 * not go with it: both names or none. None if one of them was given.
 */
void connect_string_name_host(const struct cli_args *a, char **text);

/** connect_string_complain() - the reason and its place on stderr */
void connect_string_complain(const char *s, const struct weft_reason *why);

#endif
