/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tier_history: MemberService/ListTierHistory.
 */
#pragma once

#include "rpc/call.h"

void list_tier_history(struct rpc_call *call, const ProtobufCMessage *message, void *data);
