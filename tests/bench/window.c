// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Runs in the guest beside a load: when the load has begun and warmed up, marks a window in
 * which the emulator counts instructions (counter.c), and prints how many I/Os the disk
 * completed in it and how many nanoseconds it was long.
 *
 *	window RAMP_MS LENGTH_MS /sys/block/DISK/stat
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/mark.h"

/* More than what looks for partitions reads */
#define BEGUN_IOS	64

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "window: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void sleep_ms(unsigned long ms)
{
	struct timespec t = {
		.tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000,
	};

	nanosleep(&t, NULL);
}

static unsigned long milliseconds(const char *text)
{
	char *end;
	unsigned long ms = strtoul(text, &end, 10);

	if (end == text || *end) {
		errno = EINVAL;
		die(text);
	}
	return ms;
}

/* Reads and writes that the disk has completed. */
static uint64_t completed(const char *path)
{
	unsigned long reads, writes;
	FILE *f = fopen(path, "r");

	if (!f || fscanf(f, "%lu %*u %*u %*u %lu", &reads, &writes) != 2)
		die(path);
	fclose(f);
	return reads + writes;
}

static void wait_for_load(const char *path)
{
	uint64_t first = completed(path);

	while (completed(path) < first + BEGUN_IOS)
		sleep_ms(5);
}

int main(int argc, char **argv)
{
	unsigned long ramp, length;
	uint64_t ios, ns;

	if (argc != 4) {
		fprintf(stderr, "usage: window RAMP_MS LENGTH_MS /sys/block/DISK/stat\n");
		return 2;
	}
	ramp = milliseconds(argv[1]);
	length = milliseconds(argv[2]);
	wait_for_load(argv[3]);
	sleep_ms(ramp);
	ios = completed(argv[3]);
	ns = now_ns();
	mark(MARK_BEGIN);
	sleep_ms(length);
	mark(MARK_END);
	ns = now_ns() - ns;
	ios = completed(argv[3]) - ios;
	printf("%" PRIu64 " %" PRIu64 "\n", ios, ns);
	return 0;
}
