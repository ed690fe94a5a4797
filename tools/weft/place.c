// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Finds the place of a mistake in a connect string. The parser (which the
 * kernel shares) only gives a reason in words, so it is asked again with
 * pieces of the string.
 */
#include "tools/weft/place.h"

/* An option that is none, and no part of @s; '\0' if there is no such. */
static char probe_for(const char *s)
{
	char c;

	for (c = 1; c < ' '; c++)
		if (c != '\n' && !strchr(s, c))
			return c;
	return '\0';
}

/*
 * Does parsing @s up to @end already fail for @why? The probe behind it makes
 * sure that it fails anyhow, but for another reason: a string cut off may
 * miss something that the whole one has.
 */
static bool fails_by(const char *s, size_t end, char probe,
		     const struct weft_reason *why)
{
	struct weft_connstr c;
	struct weft_reason r;
	char text[WEFT_CONNSTR_MAX + 1];
	int n;

	n = snprintf(text, sizeof(text), "%.*s,%c", (int)end, s, probe);
	if (n < 0 || (size_t)n >= sizeof(text))
		return false;
	r.text[0] = '\0';
	weft_connstr_parse(text, n, &c, &r);
	/* secrets may be in them */
	explicit_bzero(&c, sizeof(c));
	explicit_bzero(text, sizeof(text));
	return !strcmp(r.text, why->text);
}

/* The element of @s whose key the reason begins with. */
static bool element_named(const char *s, const struct weft_reason *why,
			  size_t *at, size_t *len)
{
	size_t key = strcspn(why->text, ":= ");

	for (; *s; s += *len + !!s[*len]) {
		*len = strcspn(s, ",\n");
		if (key && key <= *len && !memcmp(s, why->text, key) &&
		    (key == *len || s[key] == '='))
			return true;
		*at += *len + 1;
	}
	return false;
}

/* Of a refused value only the value is meant, of anything else the key. */
static void narrow(const char *s, const struct weft_reason *why, size_t *at,
		   size_t *len)
{
	size_t key = 0;

	while (key < *len && s[*at + key] != '=')
		key++;
	if (key == *len || !key)
		return;
	if (strlen(why->text) > key && why->text[key] == '=' &&
	    key + 1 < *len && !memcmp(why->text, s + *at, key)) {
		*at += key + 1;
		*len -= key + 1;
	} else if (why->text[strcspn(why->text, ":= ")] != '=') {
		*len = key;
	}
}

bool connect_string_place(const char *s, const struct weft_reason *why,
			  size_t *at, size_t *len)
{
	size_t start = 0, n;
	bool found = false;
	char probe;

	probe = probe_for(s);
	if (!probe || strlen(s) > WEFT_CONNSTR_MAX - 2)
		return false;
	while (!found && s[start]) {
		n = strcspn(s + start, ",\n");
		found = n && fails_by(s, start + n, probe, why);
		if (found) {
			*at = start;
			*len = n;
		}
		start += n + !!s[start + n];
	}
	/* it may only be wrong together with another option */
	if (!found) {
		*at = 0;
		found = element_named(s, why, at, len);
	}
	if (found)
		narrow(s, why, at, len);
	return found;
}
