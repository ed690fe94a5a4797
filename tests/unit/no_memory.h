/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Memory that is counted, or is not there, by --wrap of what allocates it. Included
 * by one test program each; the Makefile names the calls.
 */
#ifndef TESTS_UNIT_NO_MEMORY_H
#define TESTS_UNIT_NO_MEMORY_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* These fail meanwhile */
static atomic_bool no_malloc, no_aligned;
/* Calls of threads that are not the test's own */
static atomic_uint allocations;
static _Thread_local bool not_counted;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
int __real_posix_memalign(void **p, size_t align, size_t n);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n);

static void count_one(void)
{
	if (!not_counted)
		allocations++;
}

void *__wrap_malloc(size_t n)
{
	count_one();
	return no_malloc ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	count_one();
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	count_one();
	return __real_realloc(p, n);
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
	count_one();
	return __real_aligned_alloc(align, n);
}

int __wrap_posix_memalign(void **p, size_t align, size_t n)
{
	count_one();
	return no_aligned ? ENOMEM : __real_posix_memalign(p, align, n);
}

#endif
