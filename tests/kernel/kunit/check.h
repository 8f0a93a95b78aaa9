/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of check's interface that tests/unit uses, on top of KUnit: the same
 * suites, cases and assertions, run in the kernel.  Each file that includes it
 * is one suite; its main() says what the cases are when the suite is begun.
 */
#ifndef KUNIT_CHECK_H
#define KUNIT_CHECK_H

#include <kunit/test.h>
#include <linux/types.h>

typedef struct kunit_suite Suite;
typedef struct kunit_suite TCase;
typedef struct kunit_suite SRunner;

#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1
#define CK_NORMAL    0
#define CK_ENV       0

/* Ends the case. */
void check_failed(const char *file, int line, const char *format, ...) __printf(3, 4);

#define ck_assert_msg(condition, ...)                                 \
	do {                                                          \
		if (!(condition))                                     \
			check_failed(__FILE__, __LINE__, __VA_ARGS__); \
	} while (0)
#define ck_assert(condition)        ck_assert_msg(condition, "%s", #condition)
#define ck_assert_ptr_nonnull(p)    ck_assert(p)
#define ck_assert_ptr_null(p)       ck_assert(!(p))
#define ck_assert_str_eq(a, b)      ck_assert(strcmp(a, b) == 0)
#define ck_assert_mem_eq(a, b, n)   ck_assert(memcmp(a, b, n) == 0)

#define check_op(type, format, a, op, b)                                                      \
	do {                                                                                  \
		type a_ = (a), b_ = (b);                                                      \
                                                                                              \
		if (!(a_ op b_))                                                              \
			check_failed(__FILE__, __LINE__, "%s is " format ", wanted %s " format, \
				     #a, a_, #op, b_);                                        \
	} while (0)
#define check_int(a, op, b)    check_op(long long, "%lld", a, op, b)
#define check_uint(a, op, b)   check_op(unsigned long long, "%llu", a, op, b)
#define ck_assert_int_eq(a, b)  check_int(a, ==, b)
#define ck_assert_int_ne(a, b)  check_int(a, !=, b)
#define ck_assert_int_lt(a, b)  check_int(a, <, b)
#define ck_assert_int_le(a, b)  check_int(a, <=, b)
#define ck_assert_int_gt(a, b)  check_int(a, >, b)
#define ck_assert_int_ge(a, b)  check_int(a, >=, b)
#define ck_assert_uint_eq(a, b) check_uint(a, ==, b)
#define ck_assert_uint_ne(a, b) check_uint(a, !=, b)
#define ck_assert_uint_lt(a, b) check_uint(a, <, b)
#define ck_assert_uint_le(a, b) check_uint(a, <=, b)
#define ck_assert_uint_gt(a, b) check_uint(a, >, b)
#define ck_assert_uint_ge(a, b) check_uint(a, >=, b)

#define START_TEST(name) static void name(struct kunit *check_test)
#define END_TEST

#ifndef CHECK_NO_SUITE

#define CHECK_CASES_MAX 100

static void (*check_setup)(void), (*check_teardown)(void);
static struct kunit_case check_cases[CHECK_CASES_MAX + 1];

int main(void);

/* Whether KUnit looks for suites before or after a module's own init is another in each kernel. */
static int check_suite_begin(struct kunit_suite *suite)
{
	return main();
}

static int check_suite_init(struct kunit *test)
{
	if (check_setup)
		check_setup();
	return 0;
}

static void check_suite_exit(struct kunit *test)
{
	if (check_teardown)
		check_teardown();
}

static struct kunit_suite check_suite = {
	.name = "meso_" KBUILD_BASENAME,
	.suite_init = check_suite_begin,
	.init = check_suite_init,
	.exit = check_suite_exit,
	.test_cases = check_cases,
};
kunit_test_suite(check_suite);

static inline Suite *suite_create(const char *name)
{
	return &check_suite;
}

static inline TCase *tcase_create(const char *name)
{
	return &check_suite;
}

static inline void tcase_add_checked_fixture(TCase *tcase, void (*setup)(void),
					     void (*teardown)(void))
{
	check_setup = setup;
	check_teardown = teardown;
}

static inline void tcase_set_timeout(TCase *tcase, int seconds)
{
}

static inline void check_add(void (*run)(struct kunit *test), const char *name)
{
	unsigned int i = 0;

	while (check_cases[i].run_case)
		i++;
	if (WARN_ON(i >= CHECK_CASES_MAX))
		return;
	check_cases[i].run_case = run;
	check_cases[i].name = name;
}

#define tcase_add_test(tcase, test) check_add(test, #test)

static inline void suite_add_tcase(Suite *suite, TCase *tcase)
{
}

static inline SRunner *srunner_create(Suite *suite)
{
	return suite;
}

/* KUnit runs them. */
static inline void srunner_run_all(SRunner *runner, int verbosity)
{
}

static inline int srunner_ntests_failed(SRunner *runner)
{
	return 0;
}

static inline void srunner_free(SRunner *runner)
{
}

#endif /* CHECK_NO_SUITE */
#endif /* KUNIT_CHECK_H */
