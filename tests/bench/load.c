/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: puts a gRPC server under load with many different requests.
 *
 *     load [-c CONNECTIONS] [-m STREAMS] [-n REQUESTS] [-f FIRST] PORT METHOD FILE
 *
 * FILE holds framed messages (a byte 0, four bytes of length, the message), one after the other; the
 * n-th call sends the (FIRST + n)-th of them, from the first again after the last. METHOD is a path. Each
 * connection keeps STREAMS calls in work, so the server is never idle. h2load can send one body only;
 * with a file of one message this program sends what h2load sends, frame by frame, and costs the server
 * the same.
 *
 * Prints one line of JSON: requests, seconds, rps, p50_us, p99_us (from when a request is handed to HTTP/2
 * until its stream ends), bytes (of answers' messages), ok, and what was not: by grpc-status, also of
 * answers that have trailers only, http (another :status, a reset stream, no status at all). Ends with 1
 * if anything was not ok, with 69 if a connection cannot be made or breaks.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FRAME_HEAD  5
#define STATUS_MOST 17 /* grpc-status runs 0 .. 16 */
#define WINDOW	    ((1 << 30) - 1)
#define OUT_BYTES   ((size_t)256 * 1024)

struct connection;

struct stream {
	struct connection *connection;
	const uint8_t *body;
	size_t left;
	int64_t start_ns;
	int status; /* grpc-status; -1: none came */
	bool http_ok;
};

struct connection {
	int fd;
	nghttp2_session *session;
	struct stream *streams;
	uint8_t out[OUT_BYTES];
	size_t out_used;
	bool wants_out; /* asked of epoll */
};

static struct {
	long connections, streams, requests, first;
	const char *port, *method;
} options = {4, 32, 10000, 0, NULL, NULL};

static const uint8_t *file_bytes;
static size_t *frames; /* where each begins; one more: the end */
static size_t n_frames;
static long submitted, finished, ok, http_errors, by_status[STATUS_MOST];
static int64_t bytes_in;
static uint32_t *latencies_us;
static int poll_fd;
static nghttp2_nv headers[7];

static void give_up(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(69);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- the file ---- */

static size_t frame_length(size_t at, size_t size)
{
	const uint8_t *head = file_bytes + at;
	size_t length = SIZE_MAX;

	if (size - at >= FRAME_HEAD && head[0] == 0) {
		length = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 |
			 head[4];
	}
	if (length > size - at - FRAME_HEAD) {
		fprintf(stderr, "load: no frame at byte %zu\n", at);
		exit(66);
	}
	return FRAME_HEAD + length;
}

static void read_frames(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat stat;
	size_t cap = 0;

	if (fd < 0 || fstat(fd, &stat) != 0 || stat.st_size == 0) {
		give_up(path);
	}
	file_bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (file_bytes == MAP_FAILED) {
		give_up(path);
	}
	for (size_t at = 0;; at += frame_length(at, (size_t)stat.st_size)) {
		if (n_frames + 1 >= cap) {
			cap = cap == 0 ? 1024 : cap * 2;
			frames = realloc(frames, cap * sizeof(*frames));
		}
		frames[n_frames] = at;
		if (at == (size_t)stat.st_size) {
			break;
		}
		n_frames++;
	}
	close(fd);
}

/* ---- calls ---- */

static ssize_t give_body(nghttp2_session *session, int32_t id, uint8_t *out, size_t size,
			 uint32_t *flags, nghttp2_data_source *source, void *data)
{
	struct stream *stream = source->ptr;
	size_t n = stream->left < size ? stream->left : size;

	(void)session, (void)id, (void)data;
	memcpy(out, stream->body, n);
	stream->body += n;
	stream->left -= n;
	if (stream->left == 0) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	}
	return (ssize_t)n;
}

static void submit(struct stream *stream, int64_t now)
{
	nghttp2_data_provider body = {.source.ptr = stream, .read_callback = give_body};
	size_t frame;

	if (submitted == options.requests) {
		return;
	}
	frame = (size_t)(options.first + submitted++) % n_frames;
	stream->body = file_bytes + frames[frame];
	stream->left = frames[frame + 1] - frames[frame];
	stream->start_ns = now;
	stream->status = -1;
	stream->http_ok = false;
	if (nghttp2_submit_request(stream->connection->session, NULL, headers,
				   sizeof(headers) / sizeof(headers[0]), &body, stream) < 0) {
		give_up("no stream is left");
	}
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t len, uint8_t flags, void *data)
{
	struct stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)flags, (void)data, (void)len;
	if (stream != NULL && name_len == 11 && memcmp(name, "grpc-status", 11) == 0) {
		stream->status = atoi((const char *)value); /* nghttp2 ends it with a 0 */
	} else if (stream != NULL && name_len == 7 && memcmp(name, ":status", 7) == 0) {
		stream->http_ok = len == 3 && memcmp(value, "200", 3) == 0;
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
		   size_t len, void *data)
{
	(void)session, (void)flags, (void)id, (void)bytes, (void)data;
	bytes_in += (int64_t)len;
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *data)
{
	struct stream *stream = nghttp2_session_get_stream_user_data(session, id);
	int64_t now = now_ns();

	(void)data;
	if (stream == NULL) {
		return 0;
	}
	latencies_us[finished++] = (uint32_t)((now - stream->start_ns) / 1000);
	if (error != NGHTTP2_NO_ERROR || !stream->http_ok || stream->status < 0 ||
	    stream->status >= STATUS_MOST) {
		http_errors++;
	} else {
		by_status[stream->status]++;
		ok += stream->status == 0;
	}
	submit(stream, now);
	return 0;
}

/* ---- connections ---- */

static void want(struct connection *connection, bool out)
{
	struct epoll_event event = {.events = EPOLLIN | (out ? EPOLLOUT : 0),
				    .data.ptr = connection};

	if (connection->wants_out != out) {
		connection->wants_out = out;
		epoll_ctl(poll_fd, EPOLL_CTL_MOD, connection->fd, &event);
	}
}

/* False: the socket takes no more now. */
static bool flush(struct connection *connection)
{
	size_t sent = 0;

	while (sent < connection->out_used) {
		ssize_t n = send(connection->fd, connection->out + sent,
				 connection->out_used - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			give_up("the connection broke");
		}
		if (n < 0 && errno == EAGAIN) {
			break;
		}
		sent += n > 0 ? (size_t)n : 0;
	}
	memmove(connection->out, connection->out + sent, connection->out_used - sent);
	connection->out_used -= sent;
	return connection->out_used == 0;
}

/* All that HTTP/2 has to say, in as few writes as it fits in. */
static void send_all(struct connection *connection)
{
	const uint8_t *bytes;
	ssize_t n;

	do {
		n = nghttp2_session_mem_send(connection->session, &bytes);
		if (n < 0) {
			give_up("HTTP/2");
		}
		if ((size_t)n > OUT_BYTES - connection->out_used && !flush(connection)) {
			fputs("load: the server reads too slowly\n", stderr);
			exit(69);
		}
		memcpy(connection->out + connection->out_used, bytes, (size_t)n);
		connection->out_used += (size_t)n;
	} while (n > 0);
	want(connection, !flush(connection));
}

static void receive(struct connection *connection)
{
	static uint8_t bytes[256 * 1024];
	ssize_t n = recv(connection->fd, bytes, sizeof(bytes), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	if (n <= 0) {
		errno = n == 0 ? ECONNRESET : errno;
		give_up("the connection broke");
	}
	if (nghttp2_session_mem_recv(connection->session, bytes, (size_t)n) != n) {
		fputs("load: the server does not speak HTTP/2\n", stderr);
		exit(69);
	}
}

static nghttp2_session *make_session(struct connection *connection)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW},
	};
	nghttp2_session_callbacks *callbacks;
	nghttp2_session *session;

	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	if (nghttp2_session_client_new(&session, callbacks, connection) != 0 ||
	    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 2) != 0 ||
	    nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, WINDOW) != 0) {
		give_up("HTTP/2");
	}
	nghttp2_session_callbacks_del(callbacks);
	return session;
}

static struct connection *connect_one(void)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)atoi(options.port)),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
	int one = 1;

	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(connection->fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    fcntl(connection->fd, F_SETFL, O_NONBLOCK) != 0) {
		give_up("cannot connect");
	}
	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	connection->session = make_session(connection);
	connection->streams = calloc((size_t)options.streams, sizeof(*connection->streams));
	for (long i = 0; i < options.streams; i++) {
		connection->streams[i].connection = connection;
		submit(&connection->streams[i], now_ns());
	}
	epoll_ctl(poll_fd, EPOLL_CTL_ADD, connection->fd, &event);
	return connection;
}

static void run(void)
{
	struct epoll_event events[64];

	for (long i = 0; i < options.connections; i++) {
		send_all(connect_one());
	}
	while (finished < options.requests) {
		int n = epoll_wait(poll_fd, events, 64, 10000);

		if (n == 0) {
			errno = ETIMEDOUT;
			give_up("no answer");
		}
		for (int i = 0; i < n; i++) {
			struct connection *connection = events[i].data.ptr;

			if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0) {
				receive(connection);
			}
			send_all(connection);
		}
	}
}

/* ---- telling ---- */

static int compare_us(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

static void tell(double seconds)
{
	const char *comma = "";

	qsort(latencies_us, (size_t)finished, sizeof(*latencies_us), compare_us);
	printf("{\"requests\": %ld, \"seconds\": %.6f, \"rps\": %.0f, \"p50_us\": %" PRIu32
	       ", \"p99_us\": %" PRIu32 ", \"bytes\": %" PRId64
	       ", \"ok\": %ld, \"http\": %ld, \"grpc\": {",
	       finished, seconds, (double)finished / seconds, latencies_us[finished / 2],
	       latencies_us[finished * 99 / 100],
	       bytes_in - FRAME_HEAD * ok, /* a failure has no message */
	       ok, http_errors);
	for (int i = 1; i < STATUS_MOST; i++) {
		if (by_status[i] > 0) {
			printf("%s\"%d\": %ld", comma, i, by_status[i]);
			comma = ", ";
		}
	}
	puts("}}");
}

static void set_header(int i, const char *name, const char *value)
{
	headers[i] = (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value),
				  NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

static bool read_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "c:m:n:f:")) != -1) {
		long *value = option == 'c'   ? &options.connections
			      : option == 'm' ? &options.streams
			      : option == 'n' ? &options.requests
					      : &options.first;

		if (option == '?') {
			return false;
		}
		*value = atol(optarg);
	}
	if (argc - optind != 3) {
		return false;
	}
	options.port = argv[optind];
	options.method = argv[optind + 1];
	return options.connections > 0 && options.streams > 0 && options.requests > 0 &&
	       options.first >= 0;
}

int main(int argc, char **argv)
{
	char authority[32];
	int64_t start;

	if (!read_options(argc, argv)) {
		fputs("usage: load [-c CONNECTIONS] [-m STREAMS] [-n REQUESTS] [-f FIRST] PORT "
		      "METHOD "
		      "FILE\n",
		      stderr);
		return 64;
	}
	read_frames(argv[argc - 1]);
	latencies_us = calloc((size_t)options.requests, sizeof(*latencies_us));
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	snprintf(authority, sizeof(authority), "127.0.0.1:%s", options.port);
	set_header(0, ":method", "POST");
	set_header(1, ":scheme", "http");
	set_header(2, ":authority", authority);
	set_header(3, ":path", options.method);
	set_header(4, "user-agent", "load");
	set_header(5, "content-type", "application/grpc");
	set_header(6, "te", "trailers");
	start = now_ns();
	run();
	tell((double)(now_ns() - start) / 1e9);
	return ok == finished ? 0 : 1;
}
