/* SPDX-License-Identifier: Apache-2.0 */
#include "service_bed.h"

#include "client/client.h"
#include "repository/seal.h"
#include "rpc/principal.h"
#include "service/grants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void require(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "service_bed: %s\n", what);
		abort();
	}
}

/* ---- tokens: the token of a role is its name ---- */

static void put_token(FILE *file, const char *role)
{
	unsigned char digest[SEAL_DIGEST_BYTES];

	require(seal_sha256(str_from(role), digest, NULL) == MB_OK, "no digest");
	fprintf(file, "%s sha256:", role);
	for (size_t i = 0; i < sizeof(digest); i++) {
		fprintf(file, "%02x", digest[i]);
	}
	fprintf(file, "\n");
}

static void load_tokens(struct service_bed *bed)
{
	static const char *const roles[] = {"checkout", "portal", "support",
					    "manager",	"admin",  "producer"};
	struct mb_err err;
	FILE *file = fopen(bed->token_file, "w");

	require(file != NULL && chmod(bed->token_file, 0600) == 0, "no token file");
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		put_token(file, roles[i]);
	}
	for (size_t i = 0; i < BED_CLIENTS; i++) {
		if (strncmp(bed->clients[i].token, "member", 6) == 0) {
			put_token(file, bed->clients[i].token);
		}
	}
	fclose(file);
	if (rpc_tokens_load(bed->tokens, bed->token_file, service_grants, &err) != MB_OK) {
		require(false, err.text);
	}
}

static struct client *client_of(struct service_bed *bed, const char *role)
{
	struct client_options options = {.token = role[0] != '\0' ? role : NULL};
	char target[128];
	size_t i = 0;

	while (i < BED_CLIENTS && bed->clients[i].client != NULL &&
	       strcmp(bed->clients[i].token, role) != 0) {
		i++;
	}
	require(i < BED_CLIENTS, "too many roles");
	if (bed->clients[i].client == NULL) {
		snprintf(bed->clients[i].token, sizeof(bed->clients[i].token), "%s", role);
		if (strncmp(role, "member", 6) == 0) {
			load_tokens(bed);
		}
		snprintf(target, sizeof(target), "unix:%s", bed->socket);
		require(client_create(target, &options, &bed->clients[i].client, NULL) == MB_OK,
			"no client");
	}
	return bed->clients[i].client;
}

/* ---- life ---- */

static void on_stop(uv_async_t *async)
{
	uv_close((uv_handle_t *)async, NULL);
	uv_stop(async->loop);
}

static void *run_loop(void *data)
{
	uv_run(data, UV_RUN_DEFAULT);
	return NULL;
}

static void start_server(struct service_bed *bed)
{
	static const struct rpc_principal nobody = {{"", 0}, {"", 0}};
	char listen[128];
	struct rpc_server_options options = {.listen = listen,
					     .queues = 2,
					     .message_max = (size_t)4 << 20,
					     .pending_max = 1000,
					     .grants = service_grants,
					     .tokens = bed->tokens,
					     .anonymous = &nobody};
	struct mb_err err;
	int port;

	snprintf(listen, sizeof(listen), "unix:%s", bed->socket);
	if (services_bind(bed->registry, &bed->services, &err) != MB_OK ||
	    rpc_server_create(&options, bed->registry, &port, &bed->server, &err) != MB_OK ||
	    rpc_server_start(bed->server, &err) != MB_OK) {
		require(false, err.text);
	}
}

void service_bed_start(struct service_bed *bed, const char *backend)
{
	struct mb_err err;

	memset(bed, 0, sizeof(*bed));
	repo_bed_init(&bed->repo, backend);
	if (repo_bed_open(&bed->repo, &err) != MB_OK) {
		require(false, err.text);
	}
	snprintf(bed->dir, sizeof(bed->dir), "/tmp/memberd-service-XXXXXX");
	require(mkdtemp(bed->dir) != NULL, "no folder");
	snprintf(bed->socket, sizeof(bed->socket), "%s/socket", bed->dir);
	snprintf(bed->token_file, sizeof(bed->token_file), "%s/tokens", bed->dir);
	bed->services =
		(struct services){.repository = bed->repo.repository, .grants = service_grants};
	bed->registry = rpc_registry_create();
	bed->tokens = rpc_tokens_create();
	require(bed->registry != NULL && bed->tokens != NULL, "no memory");
	load_tokens(bed);
	require(uv_async_init(&bed->repo.store.loop, &bed->stop, on_stop) == 0, "no async");
	require(pthread_create(&bed->loop_thread, NULL, run_loop, &bed->repo.store.loop) == 0,
		"no thread");
	start_server(bed);
}

void service_bed_stop(struct service_bed *bed)
{
	for (size_t i = 0; i < BED_CLIENTS; i++) {
		if (bed->clients[i].client != NULL) {
			client_destroy(bed->clients[i].client);
		}
	}
	rpc_server_drain(bed->server, 0, 5000, NULL);
	rpc_server_destroy(bed->server);
	uv_async_send(&bed->stop);
	require(pthread_join(bed->loop_thread, NULL) == 0, "no join");
	repo_bed_fini(&bed->repo);
	rpc_registry_destroy(bed->registry);
	rpc_tokens_destroy(bed->tokens);
	unlink(bed->token_file);
	unlink(bed->socket);
	require(rmdir(bed->dir) == 0, "the folder holds a file that nobody knows");
}

/* ---- calls ---- */

void *service_call(struct service_bed *bed, const char *role, const char *method,
		   const ProtobufCMessage *request, const ProtobufCMessageDescriptor *type)
{
	struct client *client = client_of(bed, role);
	struct client_call call = {.method = method,
				   .request = request,
				   .response_type = type,
				   .arena = bed->repo.arena,
				   .deadline_ms = bed->deadline_ms};

	bed->err = (struct mb_err){0};
	if (client_submit(client, &call, &bed->err) != MB_OK) {
		return NULL;
	}
	require(client_wait(client, -1) == &call, "another call came back");
	bed->err = call.err;
	return call.response;
}
