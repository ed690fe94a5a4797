/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * A unit test program is a table of named tests and one line:
 *
 *	static void test_empty(void) { CU_ASSERT_EQUAL(f(""), -EINVAL); }
 *	UNIT_MAIN(UNIT(test_empty), UNIT(test_long))
 *
 * It prints each failed assertion with its place and ends with 0 (all passed),
 * 1 (some failed) or 77 (unit_skip() was called before anything ran).
 * Arguments are names of tests to run; none means all.
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/CUnit.h>

struct unit_test {
	const char *name;
	void (*run)(void);
};

#define UNIT(fn) { #fn, fn }

#define UNIT_MAIN(...)							\
	int main(int argc, char **argv)					\
	{								\
		static const struct unit_test tests[] = { __VA_ARGS__ };\
									\
		return unit_main(argc, argv, tests,			\
				 sizeof(tests) / sizeof(tests[0]));	\
	}

/* like CU_ASSERT_EQUAL for integers, and prints both values when they differ */
#define UNIT_EQ(actual, expected) do {					\
	long long unit_a = (long long)(actual);				\
	long long unit_e = (long long)(expected);			\
									\
	if (unit_a != unit_e)						\
		fprintf(stderr, "  %s:%d: %s = %lld (0x%llx), want %lld (0x%llx)\n", \
			__FILE__, __LINE__, #actual, unit_a,		\
			(unsigned long long)unit_a, unit_e,		\
			(unsigned long long)unit_e);			\
	CU_ASSERT_EQUAL(unit_a, unit_e);				\
} while (0)

/* like CU_ASSERT_STRING_EQUAL, and prints both strings when they differ */
#define UNIT_STR(actual, expected) do {					\
	const char *unit_a = (actual);					\
	const char *unit_e = (expected);				\
									\
	if (strcmp(unit_a, unit_e))					\
		fprintf(stderr, "  %s:%d: %s = \"%s\", want \"%s\"\n",	\
			__FILE__, __LINE__, #actual, unit_a, unit_e);	\
	CU_ASSERT_STRING_EQUAL(unit_a, unit_e);				\
} while (0)

/* the machine lacks what the program needs: say what, count as skipped */
static inline __attribute__((noreturn, unused)) void unit_skip(const char *why)
{
	fprintf(stderr, "skipped: %s\n", why);
	exit(77);
}

static inline int unit_wanted(int argc, char **argv, const char *name)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return 1;
	return argc < 2;
}

static inline void unit_print_failures(void)
{
	CU_pFailureRecord f;

	for (f = CU_get_failure_list(); f; f = f->pNext)
		fprintf(stderr, "%s:%u: %s: %s\n",
			f->strFileName ? f->strFileName : "?", f->uiLineNumber,
			f->pTest ? f->pTest->pName : "?",
			f->strCondition ? f->strCondition : "?");
}

static inline int unit_main(int argc, char **argv,
			    const struct unit_test *tests, size_t count)
{
	unsigned int failed, ran;
	CU_pSuite suite;
	size_t i;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	suite = CU_add_suite(argv[0], NULL, NULL);
	for (i = 0; suite && i < count; i++)
		if (unit_wanted(argc, argv, tests[i].name) &&
		    !CU_add_test(suite, tests[i].name, tests[i].run))
			suite = NULL;
	if (!suite || CU_run_all_tests() != CUE_SUCCESS) {
		fprintf(stderr, "%s: %s\n", argv[0], CU_get_error_msg());
		CU_cleanup_registry();
		return 1;
	}
	unit_print_failures();
	failed = CU_get_number_of_failures();
	ran = CU_get_number_of_tests_run();
	printf("%u tests, %u assertions, %u failed\n", ran,
	       CU_get_number_of_asserts(), failed);
	CU_cleanup_registry();
	return failed || !ran;
}

#endif
