/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault: named places where a test makes the code fail.
 *
 *     if (FAULT("store.sqlite.commit") || sqlite3_step(stmt) != SQLITE_DONE) ...
 *
 * Without the build option test_hooks FAULT() is the constant false and nothing of this exists.
 *
 * Threads:  points may be passed on any thread; arm and count from one.
 */
#pragma once

#include <stdbool.h>

#ifdef MEMBERD_TEST_HOOKS

/* Whether this passing of the point fails. Counts every passing. */
bool fault_hit(const char *name);
#define FAULT(name) fault_hit(name)

/* The nth passing from now of the point `name` fails (n >= 1; name NULL: of any point). */
void fault_arm(const char *name, unsigned long n);
/* The same from "NAME:N", and N failing passings in a row from "NAME:N*COUNT" (COUNT 0: for ever).
 * False when the text has another form. */
bool fault_arm_spec(const char *spec);
void fault_disarm(void);
/* Passings of all points since the last fault_arm() or fault_disarm(). */
unsigned long fault_passed(void);
/* Whether an armed fault has struck since the last fault_arm(). */
bool fault_struck(void);

#else

#define FAULT(name) false

#endif
