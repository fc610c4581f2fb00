/* SPDX-License-Identifier: Apache-2.0 */
/*
 * story: one member's ledger `l`, fresh for each test, and short ways to fill and to ask it.
 */
#pragma once

#include "base/attr.h"
#include "base/clock.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct ledger l;

static MB_UNUSED int begin(void **state)
{
	(void)state;
	ledger_init(&l, &default_policies);
	return 0;
}

static MB_UNUSED int end(void **state)
{
	(void)state;
	ledger_fini(&l);
	return 0;
}

static MB_UNUSED struct standing standing(int64_t t)
{
	return ledger_fold(&l, t).standing;
}

/* Completed when it is paid: posts after 7 days; counts up to CNY 50,000. */
static MB_UNUSED void shop(const char *id, int64_t when, int64_t amount)
{
	ledger_put(&l, order_for(&l, id, PLATFORM_SHOPPING, when, when, amount));
}

/* Posts when it is paid; counts up to CNY 30,000 with all food of the window. */
static MB_UNUSED void food(const char *id, int64_t when, int64_t amount)
{
	ledger_put(&l, order_for(&l, id, PLATFORM_FOOD, when, when, amount));
}

static MB_UNUSED const char *name(const char *prefix, int n)
{
	return arena_printf(l.arena, "%s-%d", prefix, n);
}

/* 350,000 on shopping, all six platforms, 25 categories, `days` days; all post at one instant. */
static MB_UNUSED int64_t fill_to_the_top(int days)
{
	int64_t first = at("2025-09-01 10:00:00"), done = at("2026-04-01 10:00:00");

	for (int i = 0; i < days; i++) {
		int64_t paid = first + i * US_PER_DAY;
		enum platform platform =
			i < 7 ? PLATFORM_SHOPPING : (enum platform)(1 + i % (PLATFORM_END - 1));
		int64_t delay = default_policy.posting.delay[platform];
		struct line line = goods(1, i < 7 ? YUAN(50000) : YUAN(10));

		line.category = str_from(name("category", i % 25));
		ledger_put(&l,
			   order_with(&l, name("o", i), platform, paid, done - delay, &line, 1));
	}
	return done;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
