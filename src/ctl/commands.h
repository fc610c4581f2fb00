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
int command_credibility(struct ctl *ctl);
int command_enroll(struct ctl *ctl);
int command_fraud(struct ctl *ctl);
int command_get(struct ctl *ctl);
int command_health(struct ctl *ctl);
int command_help(struct ctl *ctl);
int command_history(struct ctl *ctl);
int command_watch(struct ctl *ctl);
int command_hotel(struct ctl *ctl);
int command_import(struct ctl *ctl);
int command_link(struct ctl *ctl);
int command_lookup(struct ctl *ctl);
int command_members(struct ctl *ctl);
int command_offer(struct ctl *ctl);
int command_override(struct ctl *ctl);
int command_policy(struct ctl *ctl);
int command_preview(struct ctl *ctl);
int command_progress(struct ctl *ctl);
int command_quote(struct ctl *ctl);
int command_record(struct ctl *ctl);
int command_resume(struct ctl *ctl);
int command_reverse(struct ctl *ctl);
int command_score(struct ctl *ctl);
int command_suspend(struct ctl *ctl);
int command_unlink(struct ctl *ctl);
int command_update(struct ctl *ctl);
int command_version(struct ctl *ctl);
int command_void(struct ctl *ctl);
