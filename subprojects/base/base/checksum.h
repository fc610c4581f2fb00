/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checksum: CRC-32C, so that what a disk or a wire has changed is not taken for what was stored.
 */
#pragma once

#include "base/str.h"

#include <stdint.h>

/* Goes on from `sum`; begin with 0. */
uint32_t checksum_bytes(uint32_t sum, struct str bytes);
/* As 8 bytes, the lowest first. */
uint32_t checksum_number(uint32_t sum, int64_t number);
/* Its length, then its bytes: no two rows of texts run together alike. */
uint32_t checksum_text(uint32_t sum, struct str text);
