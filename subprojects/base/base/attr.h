/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attr: the only header with compiler attributes (C11 has none of its own for these).
 */
#pragma once

#define MB_PRINTF(fmt_index, first_arg) __attribute__((format(printf, fmt_index, first_arg)))
#define MB_UNUSED			__attribute__((unused))
#define MB_NODISCARD			__attribute__((warn_unused_result))
/* The line of memory at this address will be read soon; any address may be given. */
#define MB_PREFETCH(address) __builtin_prefetch(address)
/* Seen by shared libraries, however the rest is compiled. */
#define MB_EXPORT __attribute__((visibility("default")))
