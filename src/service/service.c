/* SPDX-License-Identifier: Apache-2.0 */
#include "service/service.h"

#include "service/watch_members.h"

/* From proto/: the FileDescriptorSet of memberd.v1 with all that it imports. */
extern const unsigned char memberd_descriptor_set[];
extern const unsigned long memberd_descriptor_set_size;

enum mb_code service_bind_methods(struct rpc_registry *registry,
				  const struct service_method *methods, size_t n,
				  struct services *services, struct mb_err *err)
{
	enum mb_code code = MB_OK;

	for (size_t i = 0; code == MB_OK && i < n; i++) {
		code = rpc_registry_bind_unary(registry, methods[i].name, methods[i].input,
					       methods[i].output, methods[i].arena_cap,
					       methods[i].fn, services, err);
	}
	return code;
}

enum mb_code services_bind(struct rpc_registry *registry, struct services *services,
			   struct mb_err *err)
{
	enum mb_code code = rpc_registry_add_files(registry, memberd_descriptor_set,
						   memberd_descriptor_set_size, err);

	streams_init(&services->streams);
	if (code == MB_OK) {
		code = member_service_bind(registry, services, err);
	}
	if (code == MB_OK) {
		code = scoring_service_bind(registry, services, err);
	}
	if (code == MB_OK) {
		code = stream_activities_bind(registry, services, err);
	}
	if (code == MB_OK) {
		code = watch_members_bind(registry, services, err);
	}
	if (code == MB_OK) {
		code = benefit_service_bind(registry, services, err);
	}
	if (code == MB_OK) {
		code = policy_service_bind(registry, services, err);
	}
	if (code == MB_OK) {
		code = audit_service_bind(registry, services, err);
	}
	if (code == MB_OK) {
		code = decisions_bind(registry, services, err);
	}
	return code == MB_OK ? vip_service_bind(registry, services, err) : code;
}

void services_drain(void *services)
{
	streams_drain(&((struct services *)services)->streams);
}
