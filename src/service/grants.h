/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grants: which role may do what. A method names its permission in the proto; members.personal is
 * asked for inside GetMember and BatchGetMembers. The role "member" is bound to its subject: it may
 * ask about this one member only.
 */
#pragma once

#include "rpc/principal.h"

#define ROLE_MEMBER	    "member"
#define PERMISSION_PERSONAL "members.personal"

/* Ends with role NULL. */
extern const struct rpc_grant service_grants[];
