/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list_activities: ScoringService/ListActivities.
 */
#pragma once

#include "rpc/call.h"

void list_activities(struct rpc_call *call, const ProtobufCMessage *message, void *data);
