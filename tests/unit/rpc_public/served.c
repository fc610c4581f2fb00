/* SPDX-License-Identifier: Apache-2.0 */
#include "served.h"

#include "echo.h"
#include "rpc/pb.h"
#include "rpc/reflection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

extern const unsigned char echo_files[];
extern const unsigned long echo_files_size;

static const struct rpc_grant grants[] = {{NULL, NULL}};
static const struct rpc_principal nobody = {{"nobody", 6}, {"", 0}};

void served_start(struct served *served)
{
	static atomic_int number;
	struct rpc_server_options options = {
		.queues = 2,
		.message_max = (size_t)1 << 20,
		.pending_max = 100,
		.grants = grants,
		.anonymous = &nobody,
	};
	struct mb_err err;
	int port;

	end_with_a_failure();
	memset(served, 0, sizeof(*served));
	arena_budget_init(&served->budget, (size_t)64 << 20);
	snprintf(served->path, sizeof(served->path), "/tmp/memberd-served-%d-%d.sock",
		 (int)getpid(), atomic_fetch_add(&number, 1));
	snprintf(served->target, sizeof(served->target), "unix:%s", served->path);
	served->arena = arena_create(NULL, 0);
	served->health = rpc_health_create();
	served->registry = rpc_registry_create();
	assert_int_equal(
		rpc_registry_add_files(served->registry, echo_files, echo_files_size, &err), MB_OK);
	assert_int_equal(rpc_health_bind(served->health, served->registry, &err), MB_OK);
	assert_int_equal(rpc_reflection_bind(served->registry, &err), MB_OK);
	options.listen = served->target;
	options.budget = &served->budget;
	options.health = served->health;
	if (rpc_server_create(&options, served->registry, &port, &served->server, &err) != MB_OK) {
		fail_msg("%s", err.text);
	}
	assert_int_equal(rpc_server_start(served->server, &err), MB_OK);
	caller_init(&served->caller, served->target);
}

void served_stop(struct served *served)
{
	caller_fini(&served->caller);
	rpc_server_destroy(served->server);
	rpc_registry_destroy(served->registry);
	rpc_health_destroy(served->health);
	arena_destroy(served->arena);
	assert_int_equal(served->budget.used, 0);
	unlink(served->path);
}

struct str served_pack(struct served *served, const ProtobufCMessage *message)
{
	return pb_pack(served->arena, message);
}

ProtobufCMessage *served_unpack(struct served *served, const ProtobufCMessageDescriptor *type,
				const struct strbuf *bytes)
{
	ProtobufCMessage *message = pb_unpack(served->arena, type, bytes->ptr, bytes->len);

	assert_non_null(message);
	return message;
}
