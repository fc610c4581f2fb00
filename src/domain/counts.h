/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counts: what each entry adds to the score, and at which caps its sums stand. Private to the
 * domain. Both leave the timeline as it is.
 */
#pragma once

#include "domain/timeline.h"

/* Fills out->counts, and out->caps, at the timeline's instant. False when the arena refused. */
bool counts_make(struct timeline *line, struct arena *arena, struct fold *out);
bool caps_make(struct timeline *line, struct arena *arena, struct fold *out);
