/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands: what each command of memberctl does; the table that names them is in commands.c.
 */
#pragma once

struct ctl;

/* Each returns an exit code of ctl/exits.h. */
int command_activities(struct ctl *ctl);
int command_audit(struct ctl *ctl);
int command_benefits(struct ctl *ctl);
int command_check(struct ctl *ctl);
int command_completion(struct ctl *ctl);
int command_enroll(struct ctl *ctl);
int command_get(struct ctl *ctl);
int command_health(struct ctl *ctl);
int command_history(struct ctl *ctl);
int command_hotel(struct ctl *ctl);
int command_import(struct ctl *ctl);
int command_lookup(struct ctl *ctl);
int command_members(struct ctl *ctl);
int command_offer(struct ctl *ctl);
int command_policy(struct ctl *ctl);
int command_preview(struct ctl *ctl);
int command_progress(struct ctl *ctl);
int command_quote(struct ctl *ctl);
int command_record(struct ctl *ctl);
int command_score(struct ctl *ctl);
int command_update(struct ctl *ctl);
