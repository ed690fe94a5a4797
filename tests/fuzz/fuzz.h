/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What fuzz harnesses share. A harness is one function that must return for any
 * bytes; it is linked either with libFuzzer (make fuzz) or with driver.c, which
 * runs a fixed number of inputs that are the same every time.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/platform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/**
 * fuzz_seed() - a good input for driver.c to start from; a harness may have it
 * @index: 0, 1, ...
 * @buf: room for @size (4,096 or more) bytes
 *
 * Without coverage to guide it, a driver finds what lies behind a check only
 * from inputs that pass the check.
 *
 * Return: bytes written; 0 when there is no seed of that number.
 */
size_t fuzz_seed(unsigned int index, uint8_t *buf, size_t size);

static inline void must(bool ok)
{
	if (!ok)
		abort();
}

/* The rest of an input: harnesses take their parameters off its front. */
struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

/* @n (<= 8) bytes as a number; zeros when the input is used up */
static inline uint64_t fuzz_take(struct fuzz_input *in, size_t n)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n && in->size; i++, in->data++, in->size--)
		v |= (uint64_t)*in->data << 8 * i;
	return v;
}

static inline void fuzz_skip(struct fuzz_input *in, size_t n)
{
	n = n < in->size ? n : in->size;
	in->data += n;
	in->size -= n;
}

/* the rest in an allocation of exactly its size; free() it */
static inline uint8_t *fuzz_exact(const struct fuzz_input *in)
{
	uint8_t *p = malloc(in->size ? in->size : 1);

	must(p);
	if (in->size)
		memcpy(p, in->data, in->size);
	return p;
}

/* the rest, cut or filled up with zeros, in @buf of @size bytes */
static inline void fuzz_padded(const struct fuzz_input *in, void *buf,
			       size_t size)
{
	memset(buf, 0, size);
	if (in->size)
		memcpy(buf, in->data, in->size < size ? in->size : size);
}

#endif
