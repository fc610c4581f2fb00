/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/admin.h"

#include "base/fault.h"

#include <microhttpd.h>

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* When so many are held by callers who say nothing, others wait until those time out: a probe must not
 * wait for long. */
#define CONNECTIONS_MAX	   256
#define CONNECTION_BYTES   ((size_t)16 << 10)
#define CONNECTION_SECONDS 5u

struct admin {
	struct admin_options options;
	struct MHD_Daemon *http;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status,
			      struct strbuf *body, const char *type)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (body->failed) {
		strbuf_fini(body);
		return MHD_NO; /* closes the connection: no half of an answer */
	}
	response = MHD_create_response_from_buffer(body->len, body->ptr, MHD_RESPMEM_MUST_FREE);
	if (response == NULL) {
		strbuf_fini(body);
		return MHD_NO;
	}
	*body = (struct strbuf){0};
	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	}
	if (status >= 400 && status < 500) {
		MHD_add_response_header(response, "Connection", "close");
	}
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *text)
{
	struct strbuf body = {0};

	strbuf_puts(&body, text);
	return answer(connection, status, &body, "text/plain; charset=utf-8");
}

struct header_count {
	int hosts;
	bool body;
};

static enum MHD_Result count_header(void *data, enum MHD_ValueKind kind, const char *key,
				    const char *value)
{
	struct header_count *count = data;

	(void)kind;
	count->hosts += strcasecmp(key, "Host") == 0 ? 1 : 0;
	/* also in forms that the library would let pass and a proxy may read otherwise */
	count->body = count->body || strcasecmp(key, "Transfer-Encoding") == 0 ||
		      (strcasecmp(key, "Content-Length") == 0 &&
		       (value == NULL || strcmp(value, "0") != 0));
	return MHD_YES;
}

/* The status that refuses a request for its form, 0 when it is well-formed. */
static unsigned check_form(struct MHD_Connection *connection, const char *method,
			   const char *version, const char **text)
{
	struct header_count count = {0};

	MHD_get_connection_values(connection, MHD_HEADER_KIND, count_header, &count);
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		*text = "only GET and HEAD\n";
		return MHD_HTTP_METHOD_NOT_ALLOWED;
	}
	if (count.body) {
		*text = "a request here has no body\n";
		return MHD_HTTP_BAD_REQUEST;
	}
	if (count.hosts > 1 || (count.hosts == 0 && strcmp(version, "HTTP/1.1") == 0)) {
		*text = "exactly one Host header\n";
		return MHD_HTTP_BAD_REQUEST;
	}
	return 0;
}

static enum MHD_Result handle(void *data, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	const struct admin_options *options = &((struct admin *)data)->options;
	struct strbuf body = {0};
	const char *why;
	unsigned status;
	bool well;

	(void)upload;
	(void)upload_size;
	(void)state;
	status = check_form(connection, method, version, &why);
	if (status != 0) {
		return refuse(connection, status, why);
	}
	if (strcmp(url, "/metrics") == 0) {
		options->metrics(&body, options->data);
		return answer(connection, MHD_HTTP_OK, &body,
			      "text/plain; version=0.0.4; charset=utf-8");
	}
	if (strcmp(url, "/healthz") == 0) {
		well = options->healthy(&body, options->data);
	} else if (strcmp(url, "/readyz") == 0) {
		well = options->ready(&body, options->data);
	} else {
		return refuse(connection, MHD_HTTP_NOT_FOUND,
			      "here are /metrics, /healthz and /readyz\n");
	}
	return answer(connection, well ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, &body,
		      "text/plain; charset=utf-8");
}

/* Paths here need no escapes, and the library's own way makes "/healthz" of "/healthz%00". */
static size_t keep_escapes(void *data, struct MHD_Connection *connection, char *text)
{
	(void)data;
	(void)connection;
	return strlen(text);
}

static enum mb_code resolve(const struct address *address, struct addrinfo **out,
			    struct mb_err *err)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
				 .ai_socktype = SOCK_STREAM};
	char port[8];
	int status;

	snprintf(port, sizeof(port), "%u", address->port);
	status = getaddrinfo(address->host, port, &hints, out);
	if (status != 0) {
		return mb_fail(err, MB_FIELD_INVALID, "--admin-listen: '%.100s': %s", address->host,
			       gai_strerror(status));
	}
	return MB_OK;
}

enum mb_code admin_start(const struct admin_options *options, int *port, struct admin **out,
			 struct mb_err *err)
{
	struct admin *admin = FAULT("daemon.admin.memory") ? NULL : calloc(1, sizeof(*admin));
	struct addrinfo *found = NULL;
	unsigned flags = MHD_USE_POLL | MHD_USE_INTERNAL_POLLING_THREAD;
	enum mb_code code = MB_OK;

	if (admin == NULL) {
		return mb_fail(err, MB_OVERLOADED, "out of memory");
	}
	admin->options = *options;
	code = resolve(&options->address, &found, err);
	if (code != MB_OK) {
		goto out;
	}
	flags |= found->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0u;
	admin->http = MHD_start_daemon(
		flags, options->address.port, NULL, NULL, handle, admin, MHD_OPTION_SOCK_ADDR,
		found->ai_addr, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
		CONNECTION_SECONDS, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
		keep_escapes, NULL, MHD_OPTION_END);
	if (FAULT("daemon.admin.bind")) {
		MHD_stop_daemon(admin->http);
		admin->http = NULL;
	}
	if (admin->http == NULL) {
		code = mb_fail(
			err, MB_STORE_UNAVAILABLE,
			"--admin-listen %.100s:%d: the address cannot be bound; is it in use?",
			options->address.host, options->address.port);
		goto out;
	}
	*port = MHD_get_daemon_info(admin->http, MHD_DAEMON_INFO_BIND_PORT)->port;
	*out = admin;
	admin = NULL;
out:
	if (found != NULL) {
		freeaddrinfo(found);
	}
	free(admin);
	return code;
}

void admin_stop(struct admin *admin)
{
	if (admin == NULL) {
		return;
	}
	MHD_stop_daemon(admin->http);
	free(admin);
}
