/* SPDX-License-Identifier: Apache-2.0 */
/* WatchMembers; watch_members.c. */
#pragma once

#include "service/service.h"

enum mb_code watch_members_bind(struct rpc_registry *registry, struct services *services,
				struct mb_err *err);
