/* SPDX-License-Identifier: Apache-2.0 */
#include "service/grants.h"

const struct rpc_grant service_grants[] = {
	{"checkout", "members.read"},
	{"checkout", "benefits.read"},
	{"checkout", "benefits.quote"},
	{"portal", "members.read"},
	{"portal", "benefits.read"},
	{"support", "members.read"},
	{"support", PERMISSION_PERSONAL},
	{"support", "members.write"},
	{"support", "members.list"},
	{"support", "scores.read"},
	{"support", "benefits.read"},
	{"manager", "members.read"},
	{"manager", "members.list"},
	{"manager", "scores.read"},
	{"producer", "members.write"},
	{"producer", "activities.write"},
	{ROLE_MEMBER, GRANT_OF_SUBJECT},
	{ROLE_MEMBER, "members.read"},
	{ROLE_MEMBER, PERMISSION_PERSONAL},
	{ROLE_MEMBER, "scores.read"},
	{ROLE_MEMBER, "benefits.read"},
	{ROLE_MEMBER, "benefits.quote"},
	{"admin", "*"},
	{NULL, NULL},
};
