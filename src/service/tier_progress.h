/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tier_progress: ScoringService/GetTierProgress.
 */
#pragma once

#include "rpc/call.h"

void get_tier_progress(struct rpc_call *call, const ProtobufCMessage *message, void *data);
