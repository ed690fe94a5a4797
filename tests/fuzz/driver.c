// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * main() for a fuzz harness where there is no libFuzzer (gcc): runs -runs=N
 * inputs made from -seed=N alone, so that every run of a build sees the same
 * bytes; arguments that are files are run once each instead, to look at an
 * input that failed. Inputs are mutations of the harness's own seeds, of
 * random text and of random bytes. When the harness stops the program, the
 * number of the input is on the last line.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX	8192
#define DEFAULT_RUNS	20000

/* there when the program is built with a sanitizer */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*fn)(void));

static uint64_t state;
static volatile unsigned long current;

__attribute__((weak)) size_t fuzz_seed(unsigned int index, uint8_t *buf,
				       size_t size)
{
	(void)index;
	(void)buf;
	(void)size;
	return 0;
}

static uint64_t next_random(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

static size_t below(size_t n)
{
	return n ? next_random() % n : 0;
}

/* Half of all lengths are short: there most edges lie. */
static size_t random_length(void)
{
	return next_random() & 1 ? below(64) : below(INPUT_MAX);
}

static size_t random_input(uint8_t *buf)
{
	static const char text[] =
		"abcdefghijklmnopqrstuvwxyz0123456789=,:.-_%[]/ \n";
	bool printable = next_random() & 1;
	size_t i, n = random_length();

	for (i = 0; i < n; i++)
		buf[i] = printable ? (uint8_t)text[below(sizeof(text) - 1)] :
				     (uint8_t)next_random();
	return n;
}

static unsigned int count_seeds(uint8_t *buf)
{
	unsigned int n = 0;

	while (fuzz_seed(n, buf, INPUT_MAX))
		n++;
	return n;
}

static void change_byte(uint8_t *buf, size_t n)
{
	static const uint8_t edges[] = { 0, 1, 0x7f, 0x80, 0xfe, 0xff };
	uint8_t *p = buf + below(n);

	switch (below(3)) {
	case 0:
		*p ^= 1u << below(8);
		break;
	case 1:
		*p = edges[below(sizeof(edges))];
		break;
	default:
		*p = next_random() >> 56;
	}
}

/* Fill, move or cut: what changes more than one byte. */
static size_t change_block(uint8_t *buf, size_t n)
{
	size_t at = below(n), len = 1 + below(n - at);
	size_t to = below(n - len + 1);

	switch (below(3)) {
	case 0:
		memset(buf + at, next_random() & 1 ? 0 : 0xff, len);
		return n;
	case 1:
		memmove(buf + to, buf + at, len);
		return n;
	default:
		return at;
	}
}

static size_t mutate(uint8_t *buf, size_t n)
{
	size_t changes = 1 + below(8);

	while (changes-- && n) {
		if (below(8))
			change_byte(buf, n);
		else
			n = change_block(buf, n);
	}
	return n;
}

/* The harness gets each input in an allocation that ends where it ends. */
static void run_one(const uint8_t *buf, size_t n)
{
	struct fuzz_input in = { .data = buf, .size = n };
	uint8_t *exact = fuzz_exact(&in);

	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

static void run_random(unsigned long runs, uint64_t seed)
{
	static uint8_t buf[INPUT_MAX];
	unsigned int seeds = count_seeds(buf);
	size_t n;

	/* the generator must not start at 0, where it stays for ever */
	state = seed * 0x9e3779b97f4a7c15ull + 1;
	state += !state;
	for (current = 0; current < runs; current++) {
		if (seeds && current % 8)
			n = fuzz_seed(below(seeds), buf, sizeof(buf));
		else
			n = random_input(buf);
		/* every seed as it is first */
		if (current < seeds)
			n = fuzz_seed(current, buf, sizeof(buf));
		else
			n = mutate(buf, n);
		run_one(buf, n);
	}
	printf("%lu inputs, seed %llu\n", runs, (unsigned long long)seed);
}

static int run_file(const char *path)
{
	static uint8_t buf[1u << 20];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	run_one(buf, n);
	return 0;
}

/* abort() in a harness, or a sanitizer's end, comes from run_one() itself */
static void say_which(void)
{
	dprintf(STDERR_FILENO, "failed at input %lu\n", current);
}

static void on_abort(int sig)
{
	(void)sig;
	say_which();
}

/* "-name=123"; options of libFuzzer that are not ours are passed over */
static bool option(const char *arg, const char *name, unsigned long long *v)
{
	size_t n = strlen(name);

	if (strncmp(arg, name, n))
		return false;
	*v = strtoull(arg + n, NULL, 10);
	return true;
}

int main(int argc, char **argv)
{
	unsigned long long runs = DEFAULT_RUNS, seed = 1;
	bool files = false;
	int i, ret = 0;

	signal(SIGABRT, on_abort);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(say_which);
	for (i = 1; i < argc; i++) {
		if (option(argv[i], "-runs=", &runs) ||
		    option(argv[i], "-seed=", &seed) || argv[i][0] == '-')
			continue;
		files = true;
		ret |= run_file(argv[i]);
	}
	if (!files)
		run_random(runs, seed);
	return ret;
}
