/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What the programs share that measure sockets: time, processors, medians, arguments.
 */
#ifndef TESTS_BENCH_MEASURE_H
#define TESTS_BENCH_MEASURE_H

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "common/platform.h"

static inline void check(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static inline u64 now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000 + (u64)ts.tv_nsec / 1000;
}

static inline void pin(int which)
{
	cpu_set_t all, one;
	int i, seen = -1;

	check(!sched_getaffinity(0, sizeof(all), &all), "sched_getaffinity");
	CPU_ZERO(&one);
	for (i = 0; i < CPU_SETSIZE && seen < which; i++)
		if (CPU_ISSET(i, &all)) {
			CPU_ZERO(&one);
			CPU_SET(i, &one);
			seen++;
		}
	check(!sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity");
}

static inline double cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static inline int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static inline double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), by_value);
	return v[n / 2];
}

/* Argument @i: a number from 1 to @most; @otherwise if it is not there */
static inline long number(const char *usage, char **argv, int i, long most,
			  long otherwise)
{
	char *end;
	long n;

	if (!argv[i])
		return otherwise;
	n = strtol(argv[i], &end, 10);
	if (*end || n < 1 || n > most) {
		fprintf(stderr, "%s: '%s': 1 to %ld is accepted\n",
			usage, argv[i], most);
		exit(2);
	}
	return n;
}

#endif
