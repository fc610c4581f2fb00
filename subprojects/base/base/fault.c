/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"

#ifdef MEMBERD_TEST_HOOKS

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The one global of the project: fault points are everywhere and exist in test builds only. */
static struct {
	pthread_mutex_t lock;
	char name[64]; /* "" means any point */
	bool armed, struck;
	unsigned long wait; /* passings of the named point before it fails */
	unsigned long count; /* failing passings left */
	unsigned long passed;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void arm(const char *name, unsigned long n, unsigned long count)
{
	assert(n >= 1);
	pthread_mutex_lock(&state.lock);
	snprintf(state.name, sizeof(state.name), "%s", name == NULL ? "" : name);
	state.armed = true;
	state.struck = false;
	state.wait = n - 1;
	state.count = count;
	state.passed = 0;
	pthread_mutex_unlock(&state.lock);
}

void fault_arm(const char *name, unsigned long n)
{
	arm(name, n, 1);
}

bool fault_arm_spec(const char *spec)
{
	const char *colon = strrchr(spec, ':');
	unsigned long n, count = 1;
	char name[sizeof(state.name)];
	char *end;

	if (colon == NULL || colon == spec || (size_t)(colon - spec) >= sizeof(name) ||
	    colon[1] < '0' || colon[1] > '9') {
		return false;
	}
	n = strtoul(colon + 1, &end, 10);
	if (*end == '*' && end[1] >= '0' && end[1] <= '9') {
		count = strtoul(end + 1, &end, 10);
	}
	if (*end != '\0' || n == 0) {
		return false;
	}
	memcpy(name, spec, (size_t)(colon - spec));
	name[colon - spec] = '\0';
	arm(name, n, count == 0 ? ULONG_MAX : count);
	return true;
}

void fault_disarm(void)
{
	pthread_mutex_lock(&state.lock);
	state.armed = false;
	state.struck = false;
	state.passed = 0;
	pthread_mutex_unlock(&state.lock);
}

bool fault_hit(const char *name)
{
	bool fails = false;

	pthread_mutex_lock(&state.lock);
	state.passed++;
	if (state.armed && (state.name[0] == '\0' || strcmp(state.name, name) == 0)) {
		if (state.wait > 0) {
			state.wait--;
		} else if (state.count > 0) {
			state.count--;
			state.struck = fails = true;
		}
	}
	pthread_mutex_unlock(&state.lock);
	return fails;
}

unsigned long fault_passed(void)
{
	unsigned long passed;

	pthread_mutex_lock(&state.lock);
	passed = state.passed;
	pthread_mutex_unlock(&state.lock);
	return passed;
}

bool fault_struck(void)
{
	bool struck;

	pthread_mutex_lock(&state.lock);
	struck = state.struck;
	pthread_mutex_unlock(&state.lock);
	return struck;
}

#else

typedef int fault_is_compiled_out;

#endif
