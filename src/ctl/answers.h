/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answers: whole answers as text, for the commands that share them.
 */
#pragma once

#include "memberd/v1/scoring_service.pb-c.h"

struct ctl;

/* score_command.c: tier, parts, what is pending and what will be. */
void show_score_answer(struct ctl *ctl, const Memberd__V1__GetScoreResponse *response);
