/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands: what each command of memberctl does; the table that names them is in commands.c.
 */
#pragma once

struct ctl;

/* Each returns an exit code of ctl/exits.h. */
int command_import(struct ctl *ctl);
