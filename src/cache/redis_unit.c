/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_unit: the two connections, which live and die together.
 *
 *     WAITING ─timer─▶ RESOLVING ─▶ FEED ─subscribed─▶ DATA ─armed─▶ UP
 *        ▲            (only a name)   │                  │            │
 *        └──── backoff, full jitter ──┴─── refused, late, error ──────┴── closed, silent, lies
 *
 * FEED comes first, because DATA names its client id as the one to tell of changes. A name with several
 * addresses is tried address by address before it is waited. LOADING is no failure: it is soon asked
 * again. When the subscriber is lost, Redis says nothing to the data connection (it would in RESP3
 * only) and changes are lost in silence: hence the heartbeat of both, and one end for both.
 */
#include "cache/redis_impl.h"

#include "base/fault.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANNEL "__redis__:invalidate"

struct resolving {
	uv_getaddrinfo_t request;
	struct redis *redis; /* NULL: closed meanwhile */
};

enum feed_step { FEED_LOGIN, FEED_SETNAME, FEED_ID, FEED_SUBSCRIBE, FEED_ARMED };

static const struct wire_ops feed_ops;

/* --- waiting --- */

static void on_step(uv_timer_t *timer)
{
	struct redis *redis = timer->data;

	redis->late_step = redis->due = true;
	redis_kick(redis);
}

static void wait_ms(struct redis *redis, uint64_t ms)
{
	uv_timer_start(&redis->step_timer, on_step, ms, 0);
}

static uint64_t backoff(struct redis *redis)
{
	uint64_t most = (uint64_t)BACKOFF_MS << (redis->tries < 7 ? redis->tries : 7);

	redis->tries++;
	return redis_random(redis, (most < BACKOFF_MOST ? most : BACKOFF_MOST) + 1);
}

/* --- taking it down --- */

static void close_wires(struct redis *redis)
{
	struct wire *wires[] = {redis->feed, redis->data};

	redis->feed = redis->data = NULL;
	for (size_t i = 0; i < 2; i++) {
		if (wires[i] != NULL) {
			wire_close(wires[i]);
		}
	}
}

static void take_down(struct redis *redis, enum unit_state next)
{
	bool up = redis->unit == UNIT_UP;

	redis->unit = next;
	redis_set_state(redis, REDIS_DOWN);
	close_wires(redis);
	redis_drop_slots(redis);
	breaker_reset(redis);
	uv_timer_stop(&redis->step_timer);
	uv_timer_stop(&redis->beat_timer);
	redis->late_step = redis->late_beat = redis->late_budget = redis->late_probe = false;
	if (up) {
		COUNT(redis, teardowns);
		redis->tell_down = true;
		redis_kick(redis);
		if (uv_hrtime() - redis->since >= STEADY_MS * NS_PER_MS) {
			redis->tries = 0;
		}
	}
}

/* loading: it is there, but not yet ready. */
static void fail(struct redis *redis, bool loading)
{
	bool more = (redis->unit == UNIT_FEED || redis->unit == UNIT_DATA) &&
		    redis->address + 1 < redis->n_addresses;

	if (redis->unit == UNIT_WAITING || redis->unit == UNIT_CLOSING) {
		return;
	}
	take_down(redis, UNIT_WAITING);
	if (loading) {
		redis->address = redis->n_addresses;
		wait_ms(redis, LOADING_MS / 2 + redis_random(redis, LOADING_MS));
	} else if (more) {
		redis->address++;
		wait_ms(redis, 0);
	} else {
		redis->address = redis->n_addresses;
		wait_ms(redis, backoff(redis));
	}
}

void unit_fail(struct redis *redis, const char *fmt, ...)
{
	char why[200];
	va_list args;

	if (redis->unit == UNIT_WAITING || redis->unit == UNIT_CLOSING) {
		return;
	}
	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	redis_tell(redis, "%s", why);
	fail(redis, false);
}

void unit_stop(struct redis *redis)
{
	take_down(redis, UNIT_CLOSING);
	if (redis->resolving != NULL) {
		redis->resolving->redis = NULL;
		uv_cancel((uv_req_t *)&redis->resolving->request);
		redis->resolving = NULL;
	}
}

/* An error to a command that arms. */
static void on_arming_error(struct redis *redis, const redisReply *reply, bool login)
{
	bool loading = redis_is_error(reply, "LOADING");
	char word[REDIS_WORD_MAX];

	redis_count_error(redis, reply, login, word);
	redis_tell(redis, "%s: %s",
		   loading ? "not ready yet"
		   : login ? "Redis refused the login"
			   : "Redis refused a command that is needed",
		   word);
	fail(redis, loading);
}

/* --- up --- */

static void on_beat_timer(uv_timer_t *timer)
{
	struct redis *redis = timer->data;

	redis->late_beat = redis->due = true;
	redis_kick(redis);
}

static void come_up(struct redis *redis)
{
	redis->unit = UNIT_UP;
	redis->since = uv_hrtime();
	uv_timer_stop(&redis->step_timer);
	redis->late_step = false;
	redis->feed_asked = 0;
	uv_timer_start(&redis->beat_timer, on_beat_timer, BEAT_MS, BEAT_MS);
	if (redis->was_up) {
		COUNT(redis, reconnects);
	}
	redis->was_up = true;
	redis_set_state(redis, REDIS_UP);
	redis->options.up(redis->options.data);
}

/* Whatever is owed for long ends the unit; where nothing is owed, something is asked. */
void unit_on_beat(struct redis *redis)
{
	const struct str ping[] = {STR("PING")};
	uint64_t now = uv_hrtime(), silence = SILENCE_MS * NS_PER_MS;
	const struct slot *oldest = &redis->slots[redis->slot_head % SLOTS_MOST];

	if (redis->unit != UNIT_UP) {
		return;
	}
	if (redis->slot_head < redis->slot_tail) {
		if (now - oldest->asked > silence) {
			unit_fail(redis, "Redis has not answered for %d ms", SILENCE_MS);
			return;
		}
	} else if (!redis_send(redis, SLOT_BEAT, NULL, 1, ping)) {
		unit_fail(redis, "out of memory");
		return;
	}
	if (redis->feed_asked != 0) {
		if (now - redis->feed_asked > silence) {
			unit_fail(redis, "Redis has not answered the subscriber for %d ms",
				  SILENCE_MS);
		}
	} else if (wire_put(redis->feed, 1, ping)) {
		redis->feed_asked = now;
		redis_kick(redis);
	} else {
		unit_fail(redis, "out of memory");
	}
}

/* --- the data connection --- */

static size_t login_words(const struct redis *redis, struct str words[3])
{
	size_t n = 0;

	words[n++] = STR("AUTH");
	if (redis->url.user[0] != '\0') {
		words[n++] = str_from(redis->url.user);
	}
	words[n++] = str_from(redis->url.password);
	return n;
}

void unit_on_data_connected(struct wire *wire)
{
	struct redis *redis = wire->owner;
	char prefix[REDIS_KEY_MAX], position[REDIS_KEY_MAX], db[12];
	struct str words[9] = {STR("CLIENT"), STR("SETNAME"), STR("memberd:data")};
	struct str select[] = {STR("SELECT"), {db, 0}};
	const struct str script[] = {STR("SCRIPT"), STR("LOAD"), str_from(redis_set_script)};
	const struct str tracking[] = {STR("CLIENT"),
				       STR("TRACKING"),
				       STR("ON"),
				       STR("REDIRECT"),
				       str_from(redis->feed_id),
				       STR("BCAST"),
				       STR("PREFIX"),
				       {prefix, redis_key_prefix(redis->store_id, prefix)},
				       STR("NOLOOP")};
	const struct str look[] = {STR("GETRANGE"),
				   {position, redis_key_position(redis->store_id, position)},
				   STR("0"),
				   STR("0")};
	struct str login[3];
	size_t n_login = login_words(redis, login);

	select[1].len = (size_t)snprintf(db, sizeof(db), "%d", redis->url.db);
	if ((redis->url.auth && !redis_send(redis, SLOT_LOGIN, NULL, n_login, login)) ||
	    !redis_send(redis, SLOT_SETNAME, NULL, 3, words) ||
	    (redis->url.db > 0 && !redis_send(redis, SLOT_SELECT, NULL, 2, select)) ||
	    !redis_send(redis, SLOT_SCRIPT, NULL, 3, script) ||
	    !redis_send(redis, SLOT_TRACKING, NULL, 9, tracking) ||
	    !redis_send(redis, SLOT_LOOK, NULL, 4, look)) {
		unit_fail(redis, "out of memory");
	}
}

static bool take_script(struct redis *redis, const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_STRING || reply->len != sizeof(redis->script) - 1 ||
	    strspn(reply->str, "0123456789abcdef") != reply->len) {
		return false;
	}
	memcpy(redis->script, reply->str, reply->len + 1);
	return true;
}

static bool is_ok(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "OK") == 0;
}

void unit_on_arming(struct redis *redis, enum slot_kind kind, const redisReply *reply)
{
	bool well;

	switch (kind) {
	case SLOT_SETNAME: /* only for people: who may not, goes without */
		well = is_ok(reply) ||
		       (reply->type == REDIS_REPLY_ERROR && !redis_is_error(reply, "NOAUTH"));
		break;
	case SLOT_SCRIPT:
		well = take_script(redis, reply);
		break;
	case SLOT_LOOK: /* whether it may read, and has its data */
		well = reply->type == REDIS_REPLY_STRING || redis_is_error(reply, "WRONGTYPE");
		break;
	default:
		well = is_ok(reply);
	}
	if (!well && reply->type == REDIS_REPLY_ERROR) {
		on_arming_error(redis, reply, kind == SLOT_LOGIN);
	} else if (!well) {
		unit_fail(redis, "an answer of another type than the command has");
	} else if (kind == SLOT_LOOK) {
		come_up(redis);
	}
}

/* --- the subscriber --- */

static bool is_text(const redisReply *reply, const char *text)
{
	return reply->type == REDIS_REPLY_STRING && reply->len == strlen(text) &&
	       memcmp(reply->str, text, reply->len) == 0;
}

static void on_changed_keys(struct redis *redis, const struct wire *wire, const redisReply *keys)
{
	int64_t member_id;

	/* a callback may close */
	for (size_t i = 0; i < keys->elements && !wire->closed; i++) {
		const redisReply *key = keys->element[i];

		if (key->type != REDIS_REPLY_STRING) {
			unit_fail(redis, "a message of another form");
			return;
		}
		if (redis_key_parse(redis->store_id, key->str, key->len, &member_id) &&
		    !echo_take(redis, member_id)) {
			COUNT(redis, invalidations);
			redis->options.changed(member_id, redis->options.data);
		}
	}
}

/* What comes once it has subscribed: changes, and answers to its heartbeat. */
static void on_message(struct redis *redis, const struct wire *wire, const redisReply *reply)
{
	bool message = reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
		       is_text(reply->element[0], "message") && is_text(reply->element[1], CHANNEL);

	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
	    is_text(reply->element[0], "pong") && redis->feed_asked != 0) {
		redis->feed_asked = 0;
	} else if (message && redis->unit != UNIT_UP) {
		return; /* nothing is believed yet */
	} else if (message && reply->element[2]->type == REDIS_REPLY_NIL) {
		COUNT(redis, flushes);
		redis->options.changed(0, redis->options.data);
	} else if (message && reply->element[2]->type == REDIS_REPLY_ARRAY) {
		on_changed_keys(redis, wire, reply->element[2]);
	} else {
		unit_fail(redis, "a message of another form");
	}
}

static void connect_data(struct redis *redis);

static bool take_feed_step(struct redis *redis, const redisReply *reply)
{
	switch ((enum feed_step)redis->feed_step) {
	case FEED_LOGIN:
		return is_ok(reply);
	case FEED_SETNAME:
		return is_ok(reply) ||
		       (reply->type == REDIS_REPLY_ERROR && !redis_is_error(reply, "NOAUTH"));
	case FEED_ID:
		snprintf(redis->feed_id, sizeof(redis->feed_id), "%lld", reply->integer);
		return reply->type == REDIS_REPLY_INTEGER && reply->integer > 0;
	default:
		return reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
		       is_text(reply->element[0], "subscribe") &&
		       is_text(reply->element[1], CHANNEL);
	}
}

static void on_feed_reply(struct wire *wire, const redisReply *reply)
{
	struct redis *redis = wire->owner;

	if (redis->feed_step == FEED_ARMED) {
		on_message(redis, wire, reply);
		return;
	}
	if (take_feed_step(redis, reply)) {
		redis->feed_step++;
		if (redis->feed_step == FEED_ARMED) {
			connect_data(redis);
		}
	} else if (reply->type == REDIS_REPLY_ERROR) {
		on_arming_error(redis, reply, redis->feed_step == FEED_LOGIN);
	} else {
		unit_fail(redis, "an answer of another type than the command has");
	}
}

static void on_feed_connected(struct wire *wire)
{
	struct redis *redis = wire->owner;
	const struct str name[] = {STR("CLIENT"), STR("SETNAME"), STR("memberd:changes")};
	const struct str id[] = {STR("CLIENT"), STR("ID")};
	const struct str subscribe[] = {STR("SUBSCRIBE"), STR(CHANNEL)};
	struct str login[3];
	size_t n_login = login_words(redis, login);

	redis->feed_step = redis->url.auth ? FEED_LOGIN : FEED_SETNAME;
	if ((redis->url.auth && !wire_put(wire, n_login, login)) || !wire_put(wire, 3, name) ||
	    !wire_put(wire, 2, id) || !wire_put(wire, 2, subscribe)) {
		unit_fail(redis, "out of memory");
	}
	redis_kick(redis);
}

static void on_feed_gone(struct wire *wire, const char *why)
{
	unit_fail(wire->owner, "%s", why);
}

static const struct wire_ops feed_ops = {
	.connected = on_feed_connected,
	.reply = on_feed_reply,
	.gone = on_feed_gone,
	.freed = redis_on_wire_freed,
};

/* --- connecting --- */

static struct wire *connect_wire(struct redis *redis, const struct wire_ops *ops, size_t reply_most)
{
	const struct wire_limits limits = {.reply = reply_most, .out = OUT_MOST};
	const struct sockaddr *address = (const struct sockaddr *)&redis->addresses[redis->address];
	struct wire *wire = wire_create(redis->options.loop, redis->url.path[0] != '\0', ops, redis,
					redis->room, &limits);
	int status;

	if (wire == NULL) {
		unit_fail(redis, "out of memory");
		return NULL;
	}
	redis->wires++;
	status = wire_connect(wire, redis->url.path, address);
	if (status != 0) {
		wire_close(wire);
		unit_fail(redis, "connecting: %s", uv_strerror(status));
		return NULL;
	}
	return wire;
}

static void connect_data(struct redis *redis)
{
	redis->unit = UNIT_DATA;
	redis->data = connect_wire(redis, &redis_data_ops, DATA_REPLY_MOST);
}

static void connect_feed(struct redis *redis)
{
	COUNT(redis, connects);
	redis->unit = UNIT_FEED;
	redis_set_state(redis, REDIS_CONNECTING);
	wait_ms(redis, ATTEMPT_MS);
	redis->feed = connect_wire(redis, &feed_ops, FEED_REPLY_MOST);
}

static void take_addresses(struct redis *redis, const struct addrinfo *list)
{
	redis->n_addresses = redis->address = 0;
	for (; list != NULL && redis->n_addresses < ADDRESSES_MOST; list = list->ai_next) {
		if (list->ai_addrlen <= sizeof(redis->addresses[0])) {
			memcpy(&redis->addresses[redis->n_addresses++], list->ai_addr,
			       list->ai_addrlen);
		}
	}
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
	struct resolving *resolving = request->data;
	struct redis *redis = resolving->redis;

	free(resolving);
	if (redis != NULL) {
		redis->resolving = NULL;
		take_addresses(redis, status == 0 ? list : NULL);
		if (redis->n_addresses > 0) {
			connect_feed(redis);
		} else {
			unit_fail(redis, "the name %.100s: %s", redis->url.host,
				  status == 0 ? "no address" : uv_strerror(status));
		}
	}
	uv_freeaddrinfo(list);
}

/* Of a name, by a thread of libuv's: it may take as long as it likes, so it has no timer. */
static void resolve(struct redis *redis)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct resolving *resolving =
		FAULT("redis.unit.resolve") ? NULL : calloc(1, sizeof(*resolving));
	char port[8];
	int status;

	redis->unit = UNIT_RESOLVING;
	redis_set_state(redis, REDIS_CONNECTING);
	if (resolving == NULL) {
		unit_fail(redis, "out of memory");
		return;
	}
	resolving->redis = redis;
	resolving->request.data = resolving;
	snprintf(port, sizeof(port), "%d", redis->url.port);
	status = uv_getaddrinfo(redis->options.loop, &resolving->request, on_resolved,
				redis->url.host, port, &hints);
	if (status != 0) {
		free(resolving);
		unit_fail(redis, "the name %.100s: %s", redis->url.host, uv_strerror(status));
		return;
	}
	redis->resolving = resolving;
}

/* An address as it is written needs no resolver. */
static bool take_numeric(struct redis *redis)
{
	struct sockaddr_storage *address = &redis->addresses[0];

	if (redis->url.host[0] != '\0' &&
	    uv_ip4_addr(redis->url.host, redis->url.port, (struct sockaddr_in *)address) != 0 &&
	    uv_ip6_addr(redis->url.host, redis->url.port, (struct sockaddr_in6 *)address) != 0) {
		return false;
	}
	redis->n_addresses = 1;
	redis->address = 0;
	return true;
}

void unit_on_step(struct redis *redis)
{
	switch (redis->unit) {
	case UNIT_WAITING:
		if (redis->address < redis->n_addresses || take_numeric(redis)) {
			connect_feed(redis);
		} else {
			resolve(redis);
		}
		break;
	case UNIT_FEED:
	case UNIT_DATA:
		unit_fail(redis, "no connection within %d ms", ATTEMPT_MS);
		break;
	default:
		break;
	}
}

void unit_start(struct redis *redis)
{
	redis->unit = UNIT_WAITING;
	wait_ms(redis, 0);
}
