/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_commands: what is asked, and the answers, which come in the order of the asking.
 *
 * Every command leaves a slot; an answer belongs to the oldest one. An answer that is not of the kind
 * that its command has ends the unit: whatever speaks there is no Redis, or not to us.
 */
#include "cache/redis_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes are compared one by one, because Lua compares texts by the locale of Redis. What is at the places
 * named is the business of redis_value.h: 33 bytes that say of what it is, and after 38 the order. */
const char redis_set_script[] =
	"local old = redis.pcall('GETRANGE', KEYS[1], 0, 229)\n"
	"local new = ARGV[1]\n"
	"if type(old) == 'string' and #old > 58 and #old < 230 and\n"
	"  string.sub(old, 1, 33) == string.sub(new, 1, 33) then\n"
	"  local a, b = {string.byte(old, 39, 58)}, {string.byte(new, 39, 58)}\n"
	"  local i = 1\n"
	"  while i < 20 and a[i] == b[i] do i = i + 1 end\n"
	"  if a[i] >= b[i] then return 0 end\n"
	"end\n"
	"redis.call('SET', KEYS[1], new, 'EX', ARGV[2])\n"
	"return 1\n";

/* Takes away what was read, if it is still that. */
static const char forget_script[] = "if redis.call('GETRANGE', KEYS[1], 0, 229) == ARGV[1] then\n"
				    "  return redis.call('DEL', KEYS[1])\n"
				    "end\n"
				    "return 0\n";

_Static_assert(REDIS_VALUE_NAMED == 33, "the script");
_Static_assert(REDIS_VALUE_HEAD + HOT_ORDER_AT == 38 && HOT_ORDER_BYTES == 20, "the script");
_Static_assert(REDIS_VALUE_MAX == 229, "the script");
_Static_assert(REDIS_POSITION_BYTES == 45, "a position is read with the byte after it");

static struct redis_name name_of(const struct redis *redis, int64_t number)
{
	struct redis_name name = {.epoch = redis->epoch, .number = number};

	memcpy(name.store_id, redis->store_id, sizeof(name.store_id));
	return name;
}

/* --- errors --- */

bool redis_is_error(const redisReply *reply, const char *word)
{
	size_t len = strlen(word);

	return reply->type == REDIS_REPLY_ERROR && reply->len >= len &&
	       memcmp(reply->str, word, len) == 0 && (reply->len == len || reply->str[len] == ' ');
}

/* What Redis says, made fit for a line of a log. */
static void put_word(const redisReply *reply, bool hide, char out[REDIS_WORD_MAX])
{
	size_t len = 0;

	for (; len < reply->len && len + 1 < REDIS_WORD_MAX; len++) {
		char c = reply->str[len];

		if (hide && c == ' ') {
			break;
		}
		out[len] = c >= ' ' && c < 0x7f ? c : '?';
	}
	out[len] = '\0';
}

void redis_count_error(struct redis *redis, const redisReply *reply, bool hide,
		       char out[REDIS_WORD_MAX])
{
	COUNT(redis, errors);
	if (redis_is_error(reply, "LOADING")) {
		COUNT(redis, errors_loading);
	} else if (redis_is_error(reply, "OOM")) {
		COUNT(redis, errors_memory);
	} else if (redis_is_error(reply, "READONLY")) {
		COUNT(redis, errors_readonly);
	} else if (redis_is_error(reply, "NOAUTH") || redis_is_error(reply, "WRONGPASS") ||
		   redis_is_error(reply, "NOPERM")) {
		COUNT(redis, errors_access);
	} else if (redis_is_error(reply, "NOSCRIPT")) {
		COUNT(redis, errors_script);
	} else if (redis_is_error(reply, "MISCONF")) {
		COUNT(redis, errors_disk);
	}
	put_word(reply, hide, out);
}

/* --- sending --- */

bool redis_send(struct redis *redis, enum slot_kind kind, struct redis_private *request, size_t n,
		const struct str *words)
{
	if (redis->data == NULL || redis->slot_tail - redis->slot_head == SLOTS_MOST ||
	    !wire_put(redis->data, n, words)) {
		return false;
	}
	redis->slots[redis->slot_tail % SLOTS_MOST] =
		(struct slot){.kind = kind, .request = request, .asked = uv_hrtime()};
	redis->slot_tail++;
	redis_kick(redis);
	return true;
}

static void ask(struct redis *redis, enum slot_kind kind, struct redis_private *request, size_t n,
		const struct str *words)
{
	request->kind = (int)kind;
	if (redis->unit != UNIT_UP || !redis_send(redis, kind, request, n, words)) {
		COUNT(redis, refused);
		redis_fail(redis, request);
	}
}

void redis_get(struct redis *redis, struct redis_get *get)
{
	char key[REDIS_KEY_MAX];
	struct str words[] = {STR("GETRANGE"), {key, 0}, STR("0"), STR("229")};

	get->priv.kind = SLOT_GET;
	if (redis->open) {
		COUNT(redis, refused);
		redis_fail(redis, &get->priv);
		return;
	}
	words[1].len = redis_key_member(redis->store_id, get->member_id, key);
	ask(redis, SLOT_GET, &get->priv, 4, words);
	breaker_watch(redis);
}

void redis_get_position(struct redis *redis, struct redis_position_request *request)
{
	char key[REDIS_KEY_MAX];
	struct str words[] = {STR("GETRANGE"), {key, 0}, STR("0"), STR("45")};

	request->found = request->failed = false;
	words[1].len = redis_key_position(redis->store_id, key);
	ask(redis, SLOT_GET_POSITION, &request->priv, 4, words);
}

void redis_put_position(struct redis *redis, struct redis_position_request *request)
{
	struct redis_name name = name_of(redis, request->position.seq);
	uint8_t value[REDIS_POSITION_BYTES];
	char key[REDIS_KEY_MAX];
	struct str words[] = {STR("SET"), {key, 0}, {(const char *)value, sizeof(value)}};

	request->failed = false;
	name.epoch = request->position.epoch;
	redis_position_encode(&name, request->position.told_at, value);
	words[1].len = redis_key_position(redis->store_id, key);
	ask(redis, SLOT_PUT_POSITION, &request->priv, 3, words);
}

void redis_scan(struct redis *redis, struct redis_scan *scan)
{
	char cursor[24], pattern[REDIS_KEY_MAX], count[24];
	struct str words[] = {STR("SCAN"),  {cursor, 0},  STR("MATCH"),
			      {pattern, 0}, STR("COUNT"), {count, 0}};

	scan->n = 0;
	scan->failed = false;
	words[1].len = (size_t)snprintf(cursor, sizeof(cursor), "%" PRIu64, scan->cursor);
	words[3].len = redis_key_prefix(redis->store_id, pattern);
	pattern[words[3].len++] = '*';
	words[5].len = (size_t)snprintf(count, sizeof(count), "%zu", scan->most);
	ask(redis, SLOT_SCAN, &scan->priv, 6, words);
}

/* --- sets --- */

/* Sent by the script's name, or with its text where Redis has forgotten it. */
static bool send_set(struct redis *redis, struct redis_private *request, const struct sent *what,
		     bool whole)
{
	char key[REDIS_KEY_MAX], ttl[24];
	uint64_t tenth = redis->options.ttl_s / 10;
	uint64_t seconds = redis->options.ttl_s - tenth + redis_random(redis, 2 * tenth + 1);
	struct str words[] = {whole ? STR("EVAL") : STR("EVALSHA"),
			      str_from(whole ? redis_set_script : redis->script),
			      STR("1"),
			      {key, 0},
			      {(const char *)what->value, what->len},
			      {ttl, 0}};

	if (redis->sent_tail - redis->sent_head == SENT_MOST) {
		return false;
	}
	words[3].len = redis_key_member(redis->store_id, what->member_id, key);
	words[5].len = (size_t)snprintf(ttl, sizeof(ttl), "%" PRIu64, seconds);
	if (!redis_send(redis, SLOT_SET, request, 6, words)) {
		return false;
	}
	redis->sent[redis->sent_tail % SENT_MOST] = *what;
	redis->sent_tail++;
	echo_owe(redis, what->member_id);
	return true;
}

void redis_set(struct redis *redis, struct redis_set *set)
{
	struct redis_private *request = &set->priv;
	const struct str ping[] = {STR("PING")};

	request->kind = SLOT_SET;
	request->waiting = 0;
	set->failed = redis->unit != UNIT_UP;
	for (size_t i = 0; i < set->n && !set->failed; i++) {
		const struct redis_record *record = &set->records[i];
		struct redis_name name = name_of(redis, record->member_id);
		struct sent what = {.member_id = record->member_id};

		what.len = (uint8_t)redis_value_encode(&name, &record->bytes, what.value);
		if (send_set(redis, request, &what, false)) {
			request->waiting++;
		} else {
			set->failed = true;
		}
	}
	if (set->n == 0 && !set->failed) {
		/* its answer, too, says that all before it were answered */
		request->waiting = redis_send(redis, SLOT_EMPTY, request, 1, ping) ? 1 : 0;
		set->failed = request->waiting == 0;
	}
	if (set->failed) {
		COUNT(redis, refused);
		atomic_fetch_add(&redis->counts.sets_failed, (int64_t)(set->n - request->waiting));
	}
	if (request->waiting == 0) {
		redis_fail(redis, request);
	}
}

static void set_answered(struct redis_private *request)
{
	struct redis_set *set = LIST_ITEM(request, struct redis_set, priv);

	if (--request->waiting == 0) {
		set->cb(set);
	}
}

static void set_failed(struct redis *redis, struct redis_private *request)
{
	LIST_ITEM(request, struct redis_set, priv)->failed = true;
	COUNT(redis, sets_failed);
	set_answered(request);
}

void redis_drop_slots(struct redis *redis)
{
	for (; redis->slot_head < redis->slot_tail; redis->slot_head++) {
		struct redis_private *request = redis->slots[redis->slot_head % SLOTS_MOST].request;

		if (request == NULL) {
			continue;
		}
		if (request->kind == SLOT_SET) {
			LIST_ITEM(request, struct redis_set, priv)->failed = true;
			COUNT(redis, sets_failed);
			if (--request->waiting > 0) {
				continue;
			}
		}
		redis_fail(redis, request);
	}
	redis->sent_head = redis->sent_tail;
	redis->judged = redis->slot_tail;
}

/* --- answers --- */

/* Not of the kind that the command has. The request fails with all others. */
static void on_lie(struct redis *redis, struct redis_private *request)
{
	if (request != NULL) {
		redis_fail(redis, request);
	}
	unit_fail(redis, "an answer of another type than the command has");
}

/* Another will write: this one has become a replica, or its disk is full. */
static void on_refusal(struct redis *redis, const redisReply *reply, const char *word)
{
	redis_tell(redis, "Redis refused a write: %s", word);
	if (redis_is_error(reply, "READONLY")) {
		unit_fail(redis, "Redis refused a write: %s", word);
	}
}

static void get_answered(struct redis *redis, struct redis_get *get, enum redis_answer answer)
{
	if (answer == REDIS_HIT) {
		COUNT(redis, hits);
	} else {
		COUNT(redis, misses);
	}
	breaker_read_well(redis);
	get->answer = answer;
	get->cb(get);
}

/* Where its first bytes look right a damaged value would hold every other one off. */
static void forget_damaged(struct redis *redis, int64_t member_id, const redisReply *reply)
{
	char key[REDIS_KEY_MAX];
	struct str words[] = {
		STR("EVAL"), str_from(forget_script), STR("1"), {key, 0}, {reply->str, reply->len}};

	words[3].len = redis_key_member(redis->store_id, member_id, key);
	redis_send(redis, SLOT_FORGET, NULL, 5, words);
}

static enum redis_answer judge(struct redis *redis, struct redis_get *get, const redisReply *reply,
			       bool doubted)
{
	struct redis_name name = name_of(redis, get->member_id);
	enum redis_verdict verdict =
		redis_value_decode(&name, reply->str, reply->len, &get->record);

	switch (verdict) {
	case REDIS_VALUE_GOOD:
		if (!doubted) {
			return REDIS_HIT;
		}
		COUNT(redis, misses_order);
		break;
	case REDIS_VALUE_ABSENT:
		COUNT(redis, misses_absent);
		break;
	case REDIS_VALUE_FORM:
		COUNT(redis, misses_format);
		forget_damaged(redis, get->member_id, reply);
		break;
	case REDIS_VALUE_EPOCH:
		COUNT(redis, misses_epoch);
		break;
	case REDIS_VALUE_DAMAGED:
		COUNT(redis, misses_checksum);
		forget_damaged(redis, get->member_id, reply);
	}
	return REDIS_MISS;
}

static void on_get(struct redis *redis, struct redis_private *request, const redisReply *reply,
		   bool doubted)
{
	struct redis_get *get;
	char word[REDIS_WORD_MAX];

	if (request == NULL) {
		return;
	}
	get = LIST_ITEM(request, struct redis_get, priv);
	if (reply->type == REDIS_REPLY_STRING) {
		get_answered(redis, get, judge(redis, get, reply, doubted));
	} else if (redis_is_error(reply, "WRONGTYPE")) {
		COUNT(redis, misses_type);
		get_answered(redis, get, REDIS_MISS);
	} else if (reply->type == REDIS_REPLY_ERROR) {
		redis_count_error(redis, reply, false, word);
		redis_fail(redis, request);
		redis_tell(redis, "Redis refused a read: %s", word);
		breaker_read_failed(redis, word);
	} else {
		on_lie(redis, request);
	}
}

static void on_set(struct redis *redis, struct redis_private *request, const redisReply *reply)
{
	struct sent what = redis->sent[redis->sent_head % SENT_MOST];
	char word[REDIS_WORD_MAX];

	redis->sent_head++;
	if (reply->type == REDIS_REPLY_INTEGER) {
		COUNT(redis, sets);
		if (reply->integer == 0) {
			echo_settle(redis, what.member_id);
		}
		set_answered(request);
		return;
	}
	if (reply->type != REDIS_REPLY_ERROR) {
		request->waiting--;
		LIST_ITEM(request, struct redis_set, priv)->failed = true;
		COUNT(redis, sets_failed);
		on_lie(redis, request->waiting == 0 ? request : NULL);
		return;
	}
	redis_count_error(redis, reply, false, word);
	echo_settle(redis, what.member_id);
	if (redis_is_error(reply, "NOSCRIPT")) {
		redis->doubted = redis->slot_tail;
		if (send_set(redis, request, &what, true)) {
			return;
		}
	}
	/* the unit first: what the callback asks is not for this Redis any more */
	on_refusal(redis, reply, word);
	set_failed(redis, request);
}

static void on_position(struct redis *redis, struct redis_private *request, enum slot_kind kind,
			const redisReply *reply)
{
	struct redis_position_request *position =
		LIST_ITEM(request, struct redis_position_request, priv);
	struct redis_name name = name_of(redis, 0);
	int64_t told_at = 0;
	char word[REDIS_WORD_MAX];

	if (reply->type == REDIS_REPLY_ERROR) {
		redis_count_error(redis, reply, false, word);
		if (kind == SLOT_PUT_POSITION) {
			on_refusal(redis, reply, word);
		}
		/* of another type: as good as none, and a put replaces it */
		position->failed = !redis_is_error(reply, "WRONGTYPE");
	} else if (kind == SLOT_GET_POSITION && reply->type == REDIS_REPLY_STRING) {
		position->found = redis_position_decode(reply->str, reply->len, &name, &told_at) ==
				  REDIS_VALUE_GOOD;
		if (position->found) {
			position->position =
				(struct redis_position){name.epoch, name.number, told_at};
		}
	} else if (kind != SLOT_PUT_POSITION || reply->type != REDIS_REPLY_STATUS) {
		on_lie(redis, request);
		return;
	}
	position->cb(position);
}

static bool is_scan(const redisReply *reply, uint64_t *out_cursor)
{
	const redisReply *cursor, *keys;
	char digits[24];
	char *end;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
		return false;
	}
	cursor = reply->element[0];
	keys = reply->element[1];
	if (cursor->type != REDIS_REPLY_STRING || cursor->len == 0 ||
	    cursor->len >= sizeof(digits) || keys->type != REDIS_REPLY_ARRAY) {
		return false;
	}
	for (size_t i = 0; i < keys->elements; i++) {
		if (keys->element[i]->type != REDIS_REPLY_STRING) {
			return false;
		}
	}
	memcpy(digits, cursor->str, cursor->len);
	digits[cursor->len] = '\0';
	*out_cursor = strtoull(digits, &end, 10);
	return digits[0] >= '0' && digits[0] <= '9' && *end == '\0';
}

static void on_scan(struct redis *redis, struct redis_private *request, const redisReply *reply)
{
	struct redis_scan *scan = LIST_ITEM(request, struct redis_scan, priv);
	char word[REDIS_WORD_MAX];

	if (reply->type == REDIS_REPLY_ERROR) {
		redis_count_error(redis, reply, false, word);
		redis_tell(redis, "Redis refused a scan: %s", word);
		redis_fail(redis, request);
		return;
	}
	if (!is_scan(reply, &scan->cursor)) {
		on_lie(redis, request);
		return;
	}
	for (size_t i = 0; i < reply->element[1]->elements && scan->n < scan->most; i++) {
		const redisReply *key = reply->element[1]->element[i];

		if (redis_key_parse(redis->store_id, key->str, key->len, &scan->ids[scan->n])) {
			scan->n++;
		}
	}
	scan->cb(scan);
}

/* Nobody waits for it: what could not be taken away is a miss again. */
static void on_forget(struct redis *redis, const redisReply *reply)
{
	char word[REDIS_WORD_MAX];

	if (reply->type == REDIS_REPLY_ERROR) {
		redis_count_error(redis, reply, false, word);
		redis_tell(redis, "Redis refused a write: %s", word);
	} else if (reply->type != REDIS_REPLY_INTEGER) {
		on_lie(redis, NULL);
	}
}

static void on_ping(struct redis *redis, const struct slot *slot, const redisReply *reply)
{
	char word[REDIS_WORD_MAX];
	bool well = reply->type == REDIS_REPLY_STATUS;

	if (!well && reply->type != REDIS_REPLY_ERROR) {
		if (slot->request != NULL) {
			LIST_ITEM(slot->request, struct redis_set, priv)->failed = true;
		}
		on_lie(redis, slot->request);
		return;
	}
	if (!well) {
		redis_count_error(redis, reply, false, word);
	}
	if (slot->kind == SLOT_PROBE) {
		/* an error is no sign of health: as if it had been asked long ago */
		breaker_on_pong(redis, well ? slot->asked : 0);
	}
	if (slot->kind == SLOT_EMPTY) {
		set_answered(slot->request);
	}
}

static void on_reply(struct wire *wire, const redisReply *reply)
{
	struct redis *redis = wire->owner;
	struct slot slot;
	bool doubted;

	if (redis->slot_head == redis->slot_tail) {
		unit_fail(redis, "an answer that nobody asked for");
		return;
	}
	slot = redis->slots[redis->slot_head % SLOTS_MOST];
	doubted = redis->slot_head < redis->doubted;
	redis->slot_head++;
	switch (slot.kind) {
	case SLOT_GET:
		on_get(redis, slot.request, reply, doubted);
		break;
	case SLOT_FORGET:
		on_forget(redis, reply);
		break;
	case SLOT_SET:
		on_set(redis, slot.request, reply);
		break;
	case SLOT_GET_POSITION:
	case SLOT_PUT_POSITION:
		on_position(redis, slot.request, slot.kind, reply);
		break;
	case SLOT_SCAN:
		on_scan(redis, slot.request, reply);
		break;
	case SLOT_BEAT:
	case SLOT_EMPTY:
	case SLOT_PROBE:
		on_ping(redis, &slot, reply);
		break;
	default:
		unit_on_arming(redis, slot.kind, reply);
	}
}

static void on_gone(struct wire *wire, const char *why)
{
	unit_fail(wire->owner, "%s", why);
}

const struct wire_ops redis_data_ops = {
	.connected = unit_on_data_connected,
	.reply = on_reply,
	.gone = on_gone,
	.freed = redis_on_wire_freed,
};
