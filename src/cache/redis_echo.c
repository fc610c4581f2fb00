/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_echo: own writes that come back.
 *
 * NOLOOP keeps Redis from telling a connection of its own writes, but not of those that its scripts make
 * (seen with 7.0). Forgetting each record that was just told would cost the process cache its best
 * ones, so a change of a member that this process has just set is taken for the echo.
 *
 * It may be wrong: Redis tells several writes of a key within one turn of its own as one, so an echo may
 * be owed that never comes, and then the next change by another is swallowed. That is why an echo is owed
 * for a second only, and why changes are hints: what must not be missed is told by the outbox.
 *
 * A row belongs to the last member that was set of those that share it; a member that lost its row is told
 * of its own write, which costs a look at Redis.
 */
#include "cache/redis_impl.h"

#include "base/hash.h"

static struct echo *row_of(struct redis *redis, int64_t member_id)
{
	return &redis->echoes[hash_mix((uint64_t)member_id) % ECHO_ROWS];
}

void echo_owe(struct redis *redis, int64_t member_id)
{
	struct echo *echo = row_of(redis, member_id);
	uint64_t now = uv_hrtime();

	if (echo->member_id != member_id || now >= echo->until) {
		*echo = (struct echo){.member_id = member_id};
	}
	echo->owed++;
	echo->until = now + ECHO_MS * NS_PER_MS;
}

void echo_settle(struct redis *redis, int64_t member_id)
{
	struct echo *echo = row_of(redis, member_id);

	if (echo->member_id == member_id && echo->owed > 0) {
		echo->owed--;
	}
}

bool echo_take(struct redis *redis, int64_t member_id)
{
	const struct echo *echo = row_of(redis, member_id);

	if (echo->member_id != member_id || echo->owed == 0 || uv_hrtime() >= echo->until) {
		return false;
	}
	echo_settle(redis, member_id);
	return true;
}
