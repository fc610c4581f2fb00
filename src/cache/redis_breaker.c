/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_breaker: no read waits longer than its budget, and when several in a row got nothing for
 * their waiting, no other one waits at all.
 *
 *     closed ── BREAKER_ROW reads failed in a row ──▶ open: reads fail at once
 *        ▲                                             │ after a pause: PING
 *        └─────── answered within the budget ──────────┘ late, or not at all: a longer pause
 *
 * A read that is given up leaves its slot behind, so that its late answer is eaten in order.
 */
#include "cache/redis_impl.h"

static uint64_t budget_ns(const struct redis *redis)
{
	return redis->options.budget_ms * NS_PER_MS;
}

static void on_budget(uv_timer_t *timer)
{
	struct redis *redis = timer->data;

	redis->late_budget = redis->due = true;
	redis_kick(redis);
}

static void watch_until(struct redis *redis, uint64_t deadline)
{
	uint64_t now = uv_hrtime();
	uint64_t ns = deadline > now ? deadline - now : 0;

	uv_timer_start(&redis->budget_timer, on_budget, (ns + NS_PER_MS - 1) / NS_PER_MS, 0);
}

/* One timer for all: they are asked in the order in which they are due. */
void breaker_watch(struct redis *redis)
{
	if (!redis->late_budget && !uv_is_active((uv_handle_t *)&redis->budget_timer)) {
		watch_until(redis, uv_hrtime() + budget_ns(redis));
	}
}

void breaker_on_budget(struct redis *redis)
{
	uint64_t now = uv_hrtime(), late = 0;

	if (redis->judged < redis->slot_head) {
		redis->judged = redis->slot_head;
	}
	for (; redis->judged < redis->slot_tail; redis->judged++) {
		struct slot *slot = &redis->slots[redis->judged % SLOTS_MOST];

		if (slot->kind != SLOT_GET || slot->request == NULL) {
			continue;
		}
		if (slot->asked + budget_ns(redis) > now) {
			watch_until(redis, slot->asked + budget_ns(redis));
			break;
		}
		redis_fail(redis, slot->request);
		slot->request = NULL;
		COUNT(redis, timeouts);
		late++;
	}
	while (late-- > 0) {
		breaker_read_failed(redis, "reads are not answered within the budget");
	}
}

/* --- the breaker --- */

static void on_probe(uv_timer_t *timer)
{
	struct redis *redis = timer->data;

	redis->late_probe = redis->due = true;
	redis_kick(redis);
}

static void wait_for_probe(struct redis *redis)
{
	uint64_t most = (uint64_t)BACKOFF_MS << (redis->openings < 7 ? redis->openings : 7);

	if (most > BACKOFF_MOST) {
		most = BACKOFF_MOST;
	}
	redis->openings++;
	/* at least half of it: a probe that comes at once learns nothing */
	uv_timer_start(&redis->probe_timer, on_probe, most / 2 + redis_random(redis, most / 2 + 1),
		       0);
}

void breaker_on_probe(struct redis *redis)
{
	const struct str words[] = {STR("PING")};

	if (!redis->open || redis->unit != UNIT_UP || redis->probing) {
		return;
	}
	redis->probing = redis_send(redis, SLOT_PROBE, NULL, 1, words);
	if (!redis->probing) {
		wait_for_probe(redis);
	}
}

void breaker_on_pong(struct redis *redis, uint64_t asked)
{
	uint64_t now = uv_hrtime();

	redis->probing = false;
	if (!redis->open) {
		return;
	}
	if (now - asked > budget_ns(redis)) {
		wait_for_probe(redis);
		return;
	}
	redis->open = false;
	redis->row = 0;
	redis->closed_at = now;
	redis_set_state(redis, REDIS_UP);
}

void breaker_read_well(struct redis *redis)
{
	redis->row = 0;
}

void breaker_read_failed(struct redis *redis, const char *why)
{
	redis->row++;
	if (redis->open || redis->unit != UNIT_UP || redis->row < BREAKER_ROW) {
		return;
	}
	redis->open = true;
	if (uv_hrtime() - redis->closed_at > STEADY_MS * NS_PER_MS) {
		redis->openings = 0;
	}
	COUNT(redis, breaker_opens);
	redis_tell(redis, "%u reads in a row failed: %s", redis->row, why);
	redis_set_state(redis, REDIS_OPEN);
	wait_for_probe(redis);
}

void breaker_reset(struct redis *redis)
{
	redis->open = redis->probing = false;
	redis->row = 0;
	uv_timer_stop(&redis->probe_timer);
	uv_timer_stop(&redis->budget_timer);
}
