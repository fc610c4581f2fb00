/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list_members: MemberService/ListMembers.
 */
#pragma once

#include "rpc/call.h"

void list_members(struct rpc_call *call, const ProtobufCMessage *message, void *data);
