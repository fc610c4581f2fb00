/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody who speaks where a Redis should: he arms the unit and then sends what no Redis sends. No bytes
 * of his end the process, take its memory or leave a request without its one answer. */
#include "redis_bed.h"

#include "cache/redis_value.h"
#include "port.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define FEED_ARMED                  \
	"+OK\r\n:7\r\n"             \
	"*3\r\n$9\r\nsubscribe\r\n" \
	"$20\r\n__redis__:invalidate\r\n:1\r\n"
#define SCRIPT	   "$40\r\n0123456789012345678901234567890123456789\r\n"
#define DATA_ARMED "+OK\r\n" SCRIPT "+OK\r\n$0\r\n\r\n"
#define MESSAGE	   "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n"

#define CALLERS_MOST 1024

struct liar {
	/* what he says when first asked: to the subscriber, to the data connection */
	const char *feed_first, *data_first;
	/* what he says later, again and again, or NULL */
	const char *feed_later, *data_later;
	size_t later_len; /* of texts with NULs; 0: strlen */
	bool endless; /* the later text is repeated from `again` on until he is left */
	size_t again;
	bool hangs_up; /* after the later text */
	bool drip; /* byte by byte */
	uint64_t slow_ms; /* no lies, but late: PONG to a PING, the later text else */
	uv_tcp_t listener;
	int port;
	size_t n_callers;
	struct caller {
		uv_tcp_t tcp;
		struct liar *liar;
		size_t number, asked;
		bool feed;
		char room[4096];
	} * callers[CALLERS_MOST];
};

static struct liar liar;
static struct redis_user user;
static char url[64];

struct said {
	uv_write_t write;
	struct caller *caller;
	size_t len;
	char bytes[];
};

static void say(struct caller *caller, const char *text, size_t len);

static void on_closed_free(uv_handle_t *handle)
{
	free(handle->data);
}

static void leave(struct caller *caller)
{
	if (!uv_is_closing((uv_handle_t *)&caller->tcp)) {
		caller->liar->callers[caller->number] = NULL;
		uv_close((uv_handle_t *)&caller->tcp, on_closed_free);
	}
}

static void on_said(uv_write_t *write, int status)
{
	struct said *said = write->data;
	struct caller *caller = said->caller;

	if (status == 0 && liar.endless && caller->asked > 1) {
		size_t from = said->len == liar.later_len ? liar.again : 0;

		say(caller, said->bytes + from, said->len - from);
	}
	free(said);
}

static void say(struct caller *caller, const char *text, size_t len)
{
	for (size_t at = 0, step; at < len; at += step) {
		struct said *said;
		uv_buf_t buf;

		step = liar.drip ? 1 : len;
		said = malloc(sizeof(*said) + step);
		assert_non_null(said);
		said->caller = caller;
		said->len = step;
		said->write.data = said;
		memcpy(said->bytes, text + at, step);
		buf = uv_buf_init(said->bytes, (unsigned)step);
		if (uv_write(&said->write, (uv_stream_t *)&caller->tcp, &buf, 1, on_said) != 0) {
			free(said);
		}
	}
}

struct thought {
	uv_timer_t timer;
	struct caller *caller;
	const char *text;
};

static void on_thought(uv_timer_t *timer)
{
	struct thought *thought = timer->data;

	say(thought->caller, thought->text, strlen(thought->text));
	uv_close((uv_handle_t *)timer, on_closed_free);
}

/* Nobody leaves while one is thought of: the tests see to it. */
static void think(struct caller *caller, const char *text)
{
	struct thought *thought = calloc(1, sizeof(*thought));

	assert_non_null(thought);
	*thought = (struct thought){.caller = caller, .text = text};
	uv_timer_init(&user.loop, &thought->timer);
	thought->timer.data = thought;
	uv_timer_start(&thought->timer, on_thought, liar.slow_ms, 0);
}

/* One answer for each command. */
static void think_of_all(struct caller *caller, const char *asked, const char *text)
{
	for (; *asked != '\0'; asked++) {
		if (strncmp(asked, "PING", 4) == 0) {
			think(caller, caller->feed ? text : "+PONG\r\n");
		} else if (strncmp(asked, "GETRANGE", 8) == 0) {
			think(caller, text);
		}
	}
}

/* Who he is, he says with his first words. */
static void on_asked(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct caller *caller = stream->data;
	const char *text;
	size_t n;

	if (len < 0) {
		leave(caller);
		return;
	}
	caller->asked++;
	buf->base[len < (ssize_t)buf->len ? len : len - 1] = '\0';
	if (caller->asked == 1) {
		caller->feed = strstr(buf->base, "SUBSCRIBE") != NULL;
		text = caller->feed ? liar.feed_first : liar.data_first;
		say(caller, text, strlen(text));
		return;
	}
	text = caller->feed ? liar.feed_later : liar.data_later;
	if (text == NULL || (liar.endless && caller->asked > 2)) {
		return;
	}
	if (liar.slow_ms > 0) {
		think_of_all(caller, buf->base, text);
		return;
	}
	n = liar.later_len != 0 ? liar.later_len : strlen(text);
	say(caller, text, n);
	if (liar.hangs_up) {
		uv_tcp_close_reset(&caller->tcp, on_closed_free);
		liar.callers[caller->number] = NULL;
	}
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct caller *caller = handle->data;

	(void)suggested;
	*buf = uv_buf_init(caller->room, sizeof(caller->room));
}

static void on_caller(uv_stream_t *listener, int status)
{
	struct caller *caller = calloc(1, sizeof(*caller));

	assert_int_equal(status, 0);
	assert_non_null(caller);
	assert_true(liar.n_callers < CALLERS_MOST);
	caller->liar = &liar;
	caller->number = liar.n_callers++;
	liar.callers[caller->number] = caller;
	uv_tcp_init(&user.loop, &caller->tcp);
	caller->tcp.data = caller;
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&caller->tcp), 0);
	uv_read_start((uv_stream_t *)&caller->tcp, on_room, on_asked);
}

static int lay(void **state)
{
	struct sockaddr_in address;

	(void)state;
	liar = (struct liar){.feed_first = FEED_ARMED, .data_first = DATA_ARMED};
	redis_user_init(&user, url);
	liar.port = port_reserve();
	uv_tcp_init(&user.loop, &liar.listener);
	uv_ip4_addr("127.0.0.1", liar.port, &address);
	uv_tcp_bind(&liar.listener, (const struct sockaddr *)&address, 0);
	assert_int_equal(uv_listen((uv_stream_t *)&liar.listener, 16, on_caller), 0);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d", liar.port);
	return 0;
}

static int lift(void **state)
{
	(void)state;
	redis_user_close(&user);
	for (size_t i = 0; i < liar.n_callers; i++) {
		if (liar.callers[i] != NULL) {
			leave(liar.callers[i]);
		}
	}
	uv_close((uv_handle_t *)&liar.listener, NULL);
	redis_user_fini(&user);
	return 0;
}

static bool has_story(const struct redis_user *who)
{
	return redis_user_figures(who).story[0] != '\0';
}

static bool went_down(const struct redis_user *who)
{
	return who->downs > 0;
}

/* --- while it is armed --- */

static void lies_at_arming_bring_nothing_up(void **state)
{
	static const char *const feeds[] = {
		"+OK\r\n+OK\r\n",
		"*0\r\n*0\r\n*0\r\n",
		"+OK\r\n:0\r\n",
		"+OK\r\n:-1\r\n",
		"+OK\r\n$1\r\n7\r\n",
		"+OK\r\n:7\r\n+OK\r\n",
		"+OK\r\n:7\r\n*0\r\n",
		"+OK\r\n:7\r\n*3\r\n:1\r\n:2\r\n:3\r\n",
		"+OK\r\n:7\r\n*3\r\n$9\r\nsubscribe\r\n$5\r\nother\r\n:1\r\n",
		"+OK\r\n:7\r\n*-1\r\n",
		"HTTP/1.1 400 Bad Request\r\n\r\n",
		"\r\n\r\n",
		"-ERR unknown command\r\n-ERR unknown command\r\n",
	};
	static const char *const datas[] = {
		"+OK\r\n+OK\r\n",
		":1\r\n",
		"+OK\r\n$3\r\nabc\r\n",
		"+OK\r\n$40\r\n012345678901234567890123456789012345678Z\r\n",
		"+OK\r\n" SCRIPT "+QUEUED\r\n",
		"+OK\r\n" SCRIPT "*1\r\n+OK\r\n",
		"+OK\r\n" SCRIPT "-ERR unknown subcommand 'TRACKING'\r\n",
		"+OK\r\n" SCRIPT "+OK\r\n:0\r\n",
		"+OK\r\n" SCRIPT "+OK\r\n$-1\r\n",
		"+OK\r\n-NOPERM no\r\n",
		"SSH-2.0-OpenSSH_9.2\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(feeds) / sizeof(feeds[0]); i++) {
		liar.feed_first = feeds[i];
		redis_user_open(&user);
		if (!redis_user_run(&user, has_story, 3000)) {
			fail_msg("taken: %s", feeds[i]);
		}
		redis_user_close(&user);
	}
	liar.feed_first = FEED_ARMED;
	for (size_t i = 0; i < sizeof(datas) / sizeof(datas[0]); i++) {
		liar.data_first = datas[i];
		redis_user_open(&user);
		if (!redis_user_run(&user, has_story, 3000)) {
			fail_msg("taken: %s", datas[i]);
		}
		redis_user_close(&user);
	}
	assert_int_equal(user.ups, 0);
}

static void who_says_nothing_is_left_after_a_second(void **state)
{
	(void)state;
	liar.feed_first = "";
	redis_user_open(&user);
	assert_true(redis_user_run(&user, has_story, 5000));
	assert_non_null(strstr(redis_user_figures(&user).story, "within"));
}

/* An error text that would forge a line, or repeats the password. */
static void errors_are_told_without_what_they_must_not_tell(void **state)
{
	struct redis_figures figures;
	char secret[64];

	(void)state;
	snprintf(secret, sizeof(secret), "redis://:topsecret@127.0.0.1:%d", liar.port);
	user.options.url = secret;
	liar.feed_first = "-ERR unknown command 'AUTH', with args beginning with: 'topsecret'\r\n";
	redis_user_open(&user);
	assert_true(redis_user_run(&user, has_story, 3000));
	figures = redis_user_figures(&user);
	assert_null(strstr(figures.story, "topsecret"));
	assert_non_null(strstr(figures.story, "login"));
	redis_user_close(&user);
	user.options.url = url;
	liar.feed_first = "+OK\r\n-ERR \x1b[31mred\n2026 INFO forged\r\n";
	redis_user_open(&user);
	assert_true(redis_user_run(&user, has_story, 3000));
	figures = redis_user_figures(&user);
	assert_null(strchr(figures.story, '\n'));
	assert_null(strchr(figures.story, 0x1b));
}

/* --- when it is up --- */

static unsigned answers;
static enum redis_answer last;

static void on_get(struct redis_get *get)
{
	answers++;
	last = get->answer;
}

static void on_set(struct redis_set *set)
{
	answers++;
	assert_true(set->failed);
}

static void on_position(struct redis_position_request *request)
{
	answers++;
	assert_true(request->failed);
}

static void on_scan(struct redis_scan *scan)
{
	answers++;
	assert_true(scan->failed);
}

static void up_again(void)
{
	user.ups = user.downs = 0;
	redis_user_open(&user);
	redis_user_await_up(&user, 1);
}

static void down_again(const char *lie)
{
	if (!redis_user_run(&user, went_down, 3000)) {
		fail_msg("stays up: %.60s", lie);
	}
	assert_true(has_story(&user));
	redis_user_close(&user);
}

static void lies_to_a_get_end_the_unit(void **state)
{
	static const char *const lies[] = {
		"+OK\r\n",
		":1\r\n",
		"$-1\r\n",
		"*-1\r\n",
		"*0\r\n",
		"*1\r\n$1\r\nx\r\n",
		"$-2\r\n",
		"$x\r\n",
		"$1\r\nxyz",
		"$99999999999999999999\r\n",
		"*99999999999999999999\r\n",
		"*2147483647\r\n",
		"*2147483648\r\n",
		"*4294967297\r\n$1\r\nx\r\n",
		"*10000000\r\n",
		"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
		">2\r\n$21\r\ntracking-redir-broken\r\n:7\r\n",
		"*2\r\n$21\r\ntracking-redir-broken\r\n:7\r\n",
		"$0\r\n\r\n$0\r\n\r\n",
		"%1\r\n+a\r\n+b\r\n",
		"?\r\n",
		"GET / HTTP/1.1\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct redis_get get = {.member_id = 1, .cb = on_get};

		liar.data_later = lies[i];
		liar.drip = i % 3 == 2;
		up_again();
		answers = 0;
		redis_get(user.redis, &get);
		down_again(lies[i]);
		assert_int_equal(answers, 1);
	}
}

static void an_error_is_no_lie(void **state)
{
	struct redis_get get = {.member_id = 1, .cb = on_get};

	(void)state;
	liar.data_later = "-MASTERDOWN Link with MASTER is down\r\n";
	liar.drip = true;
	up_again();
	answers = 0;
	last = REDIS_HIT;
	redis_get(user.redis, &get);
	assert_true(redis_user_run(&user, has_story, 3000));
	while (answers == 0) {
		uv_run(&user.loop, UV_RUN_ONCE);
	}
	assert_int_equal(last, REDIS_FAILED);
	assert_int_equal(user.downs, 0);
	assert_int_equal(redis_user_figures(&user).errors, 1);
}

static void lies_to_everything_else_end_the_unit(void **state)
{
	static const char *const lies[] = {
		"+QUEUED\r\n",
		"*0\r\n",
		"*2\r\n$1\r\n0\r\n$1\r\n0\r\n",
		"*2\r\n$1\r\nx\r\n*0\r\n",
		"*2\r\n$2\r\n0x\r\n*0\r\n",
		"*2\r\n$30\r\n000000000000000000000000000000\r\n*0\r\n",
		"*2\r\n$0\r\n\r\n*0\r\n",
		"*2\r\n$2\r\n-1\r\n*0\r\n",
		"*2\r\n$1\r\n0\r\n*1\r\n:1\r\n",
		"*2\r\n$1\r\n0\r\n*1\r\n$-1\r\n",
		"*2\r\n*0\r\n*0\r\n",
		"$-1\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct redis_record record = {1, redis_user_record(1, 1)};
		struct redis_set set = {.records = &record, .n = 1, .cb = on_set};
		struct redis_position_request get = {.cb = on_position};
		struct redis_position_request put = {.cb = on_position};
		int64_t ids[4];
		struct redis_scan scan = {.ids = ids, .most = 4, .cb = on_scan};

		liar.data_later = lies[i];
		up_again();
		answers = 0;
		redis_scan(user.redis, &scan);
		redis_get_position(user.redis, &get);
		redis_set(user.redis, &set);
		/* a status is what a put has; all others come after it */
		if (i > 0) {
			redis_put_position(user.redis, &put);
		}
		down_again(lies[i]);
		assert_int_equal(answers, i > 0 ? 4 : 3);
	}
	for (size_t i = 0; i < 2; i++) {
		struct redis_record record = {1, redis_user_record(1, 1)};
		struct redis_set set = {.records = &record, .n = 1, .cb = on_set};

		liar.data_later = i == 0 ? "$1\r\n1\r\n" : "+OK\r\n";
		up_again();
		answers = 0;
		redis_set(user.redis, &set);
		down_again("to a set");
		assert_int_equal(answers, 1);
	}
}

/* The subscriber is asked at each heartbeat, and lies then. */
static void lies_of_the_subscriber_end_the_unit(void **state)
{
	static const char *const lies[] = {
		"+PONG\r\n",
		"*0\r\n",
		"*1\r\n$4\r\npong\r\n",
		"*3\r\n:1\r\n:2\r\n:3\r\n",
		"*3\r\n$7\r\nmessage\r\n$5\r\nother\r\n*0\r\n",
		"*3\r\n$-1\r\n$-1\r\n$-1\r\n",
		MESSAGE ":1\r\n",
		MESSAGE "$1\r\nx\r\n",
		MESSAGE "*2\r\n$1\r\nx\r\n:1\r\n",
		MESSAGE "*1\r\n*1\r\n$1\r\nx\r\n",
		MESSAGE "*1\r\n$-1\r\n",
		MESSAGE "*100000000\r\n",
		"*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\nx\r\n$1\r\ny\r\n",
		"*2\r\n$4\r\npong\r\n$0\r\n\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n",
		">2\r\n$10\r\ninvalidate\r\n*0\r\n",
	};

	(void)state;
	liar.data_later = "+PONG\r\n";
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		liar.feed_later = lies[i];
		up_again();
		down_again(lies[i]);
	}
	assert_int_equal(user.n_changed, 0);
}

static void a_subscriber_that_falls_silent_ends_the_unit(void **state)
{
	(void)state;
	liar.data_later = "+PONG\r\n";
	up_again();
	assert_true(redis_user_run(&user, went_down, 6000));
	assert_non_null(strstr(redis_user_figures(&user).story, "subscriber"));
}

static void strange_keys_are_nobodys(void **state)
{
	(void)state;
	liar.data_later = "+PONG\r\n";
	liar.feed_later =
		MESSAGE "*4\r\n$1\r\nx\r\n$0\r\n\r\n$36\r\nm:{0123456789abcdef6665646362613938:\r\n"
			"$39\r\nm:{0123456789abcdef6665646362613938:-1}\r\n"
			"*2\r\n$4\r\npong\r\n$0\r\n\r\n" MESSAGE
			"*1\r\n$38\r\nm:{0123456789abcdef6665646362613938:7}\r\n";
	up_again();
	while (user.n_changed == 0 && user.downs == 0) {
		uv_run(&user.loop, UV_RUN_ONCE);
	}
	assert_int_equal(user.changed[0], 7);
	assert_int_equal(user.downs, 0);
}

/* --- slow --- */

static bool is_usable(const struct redis_user *who)
{
	return redis_usable(who->redis);
}

static enum redis_answer get_one(void)
{
	return redis_user_get(&user, 1, NULL);
}

static void slower_than_the_budget_it_stays_open(void **state)
{
	const bool never = false;

	(void)state;
	liar.data_later = "$0\r\n\r\n";
	liar.feed_later = "*2\r\n$4\r\npong\r\n$0\r\n\r\n";
	liar.slow_ms = 120;
	user.options.budget_ms = 40;
	up_again();
	for (int i = 0; i < 5; i++) {
		assert_int_equal(get_one(), REDIS_FAILED);
		/* late answers must not come together: he answers once for each time he hears */
		redis_user_run_flag(&user, &never, 150);
	}
	assert_false(redis_usable(user.redis));
	redis_user_run_flag(&user, &never, 1200); /* some probes, all late */
	assert_false(redis_usable(user.redis));
	assert_int_equal(get_one(), REDIS_FAILED);
	assert_int_equal(redis_user_figures(&user).timeouts, 5);
	assert_int_equal(redis_user_figures(&user).refused, 1);
	assert_int_equal(redis_user_figures(&user).breaker_opens, 1);
	liar.slow_ms = 1;
	assert_true(redis_user_run(&user, is_usable, 8000));
	assert_int_equal(get_one(), REDIS_MISS);
	assert_int_equal(user.downs, 0);
	redis_user_close(&user);
	redis_user_run_flag(&user, &never, 20);
}

/* --- memory --- */

static size_t resident(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void answers_without_an_end_take_no_memory(void **state)
{
	static char lies[3][9 + 4 * 20000];
	static const size_t heads[] = {13, 1, 9};
	size_t before = 0;

	(void)state;
	memset(lies, 'x', sizeof(lies));
	memcpy(lies[0], "$2147483647\r\n", 13);
	lies[1][0] = '+';
	/* an array that is just small enough to be begun, and more elements than fit */
	memcpy(lies[2], "*500000\r\n", 9);
	for (size_t at = 9; at + 4 <= sizeof(lies[2]); at += 4) {
		memcpy(lies[2] + at, ":1\r\n", 4);
	}
	liar.endless = true;
	liar.later_len = sizeof(lies[0]);
	for (size_t i = 0; i < 3; i++) {
		struct redis_get get = {.member_id = 1, .cb = on_get};

		liar.data_later = lies[i];
		liar.again = heads[i];
		up_again();
		answers = 0;
		before = resident();
		redis_get(user.redis, &get);
		down_again("without an end");
		assert_int_equal(answers, 1);
		assert_true(resident() < before + ((size_t)24 << 20));
	}
}

/* --- connections that come to nothing --- */

static void a_listener_that_never_accepts(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int listener = socket(AF_INET, SOCK_STREAM, 0), full[4], on = 1;
	char full_url[64];
	int port = port_reserve();

	(void)state;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	address.sin_port = htons((uint16_t)port);
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 0), 0);
	for (size_t i = 0; i < 4; i++) { /* its queue is full, so what comes is dropped */
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(full[i], (const struct sockaddr *)&address, sizeof(address));
	}
	snprintf(full_url, sizeof(full_url), "redis://127.0.0.1:%d", port);
	user.options.url = full_url;
	redis_user_open(&user);
	assert_true(redis_user_run(&user, has_story, 5000));
	assert_non_null(strstr(redis_user_figures(&user).story, "no connection within"));
	redis_user_close(&user); /* also while it connects */
	redis_user_open(&user);
	uv_run(&user.loop, UV_RUN_ONCE);
	uv_run(&user.loop, UV_RUN_ONCE);
	redis_user_close(&user);
	for (size_t i = 0; i < 4; i++) {
		close(full[i]);
	}
	close(listener);
}

static void hung_up_in_the_middle_of_an_answer(void **state)
{
	struct redis_get get = {.member_id = 1, .cb = on_get};

	(void)state;
	liar.data_later = "$100\r\nabc";
	liar.hangs_up = true;
	up_again();
	answers = 0;
	redis_get(user.redis, &get);
	down_again("hung up");
	assert_int_equal(answers, 1);
}

static void a_name_that_is_none_is_told(void **state)
{
	(void)state;
	user.options.url = "redis://a..b";
	redis_user_open(&user);
	assert_true(redis_user_run(&user, has_story, 20000));
	assert_non_null(strstr(redis_user_figures(&user).story, "the name a..b"));
	redis_user_close(&user);
	user.options.url = "redis://localhost:1";
	for (int turns = 0; turns < 4; turns++) { /* closed while it is resolved */
		redis_user_open(&user);
		for (int i = 0; i < turns; i++) {
			uv_run(&user.loop, UV_RUN_NOWAIT);
		}
		redis_user_close(&user);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lay, lift)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lies_at_arming_bring_nothing_up),
		TEST(who_says_nothing_is_left_after_a_second),
		TEST(errors_are_told_without_what_they_must_not_tell),
		TEST(lies_to_a_get_end_the_unit),
		TEST(an_error_is_no_lie),
		TEST(lies_to_everything_else_end_the_unit),
		TEST(lies_of_the_subscriber_end_the_unit),
		TEST(a_subscriber_that_falls_silent_ends_the_unit),
		TEST(strange_keys_are_nobodys),
		TEST(slower_than_the_budget_it_stays_open),
		TEST(answers_without_an_end_take_no_memory),
		TEST(a_listener_that_never_accepts),
		TEST(hung_up_in_the_middle_of_an_answer),
		TEST(a_name_that_is_none_is_told),
	};

	return cmocka_run_group_tests_name("redis_liar", tests, NULL, NULL);
}
