/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Random bytes that are the same on every run: xorshift64* from a fixed seed,
 * so that a failing input is found again by running the test again. Also a
 * buffer that ends where its allocation ends, for decoders that must not read
 * a byte too far (AddressSanitizer sees it).
 */
#ifndef TESTS_UNIT_RANDOM_H
#define TESTS_UNIT_RANDOM_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct test_random {
	uint64_t state;
};

static inline uint64_t random_u64(struct test_random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1dull;
}

static inline void random_fill(struct test_random *r, void *buf, size_t n)
{
	uint8_t *p = buf;

	while (n--)
		*p++ = random_u64(r) >> 56;
}

/* @n bytes of @from in an allocation of exactly that size; free() it */
static inline void *exact_copy(const void *from, size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		abort();
	if (n)
		memcpy(p, from, n);
	return p;
}

#endif
