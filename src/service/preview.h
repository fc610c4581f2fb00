/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preview: ScoringService/PreviewScore.
 */
#pragma once

#include "rpc/call.h"

void preview_score(struct rpc_call *call, const ProtobufCMessage *message, void *data);
