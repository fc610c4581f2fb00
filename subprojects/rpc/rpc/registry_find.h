/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_find: looks up files and symbols of a registry by name; for reflection.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "rpc/registry_impl.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL when there is none, here and below. */
const struct rpc_file *rpc_registry_find_file(const struct rpc_registry *registry,
					      const char *name);

/* The file that declares a message, field, oneof, enum, enum value, extension, service or method of
 * this full name, without a dot before it. */
const struct rpc_file *rpc_registry_find_symbol(const struct rpc_registry *registry,
						struct str symbol);

/* The file that declares this extension of the message type. */
const struct rpc_file *rpc_registry_find_extension(const struct rpc_registry *registry,
						   const char *type, int32_t number);

/* The numbers of all extensions of the type; false when no file has such a message. */
bool rpc_registry_find_extensions(const struct rpc_registry *registry, struct arena *arena,
				  const char *type, int32_t **numbers, size_t *count);

/* The file and all that it imports, each once, itself first. False when the arena is out of memory. */
bool rpc_registry_find_closure(const struct rpc_registry *registry, struct arena *arena,
			       const struct rpc_file *file, const struct rpc_file ***files,
			       size_t *count);
