/* SPDX-License-Identifier: Apache-2.0 */
/*
 * principal: who calls, and what his role may do. The floor above brings the table of roles.
 *
 * Memory:   a principal lives at least as long as the call it was found for.
 * Crypto:   SHA-256 and the comparison in constant time are libcrypto's, which gRPC brings along
 *           anyway; neither of rpc's other libraries has them in its interface.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct rpc_principal {
	struct str role; /* "checkout", "member", … */
	struct str subject; /* "" or what the role is bound to: "member:4711" has subject "4711" */
};

/* One right of one role; the table ends with role NULL. permission "*" is every one. A method's
 * permission of its proto option must stand in some row, or be PERMISSION_PUBLIC. */
struct rpc_grant {
	const char *role;
	const char *permission;
};

#define PERMISSION_PUBLIC "public" /* needs no token: health and reflection */
/* No permission: such a row says that a token of this role must name its subject. */
#define GRANT_OF_SUBJECT "of-subject"

/* PERMISSION_PUBLIC is everybody's. */
bool rpc_role_may(const struct rpc_grant *grants, struct str role, const char *permission);

/*
 * The token file: one line `role[:subject] sha256:HEX` each, blank lines and # comments aside; HEX
 * is the SHA-256 of the token. Compared in constant time. A caller sends it as metadata
 * `authorization: Bearer TOKEN`.
 *
 * Threads:  rpc_tokens_find() from any thread; load from one. Loading swaps the whole set at once; a bad
 *           file leaves the old one in force. Principals that were handed out stay valid until
 *           rpc_tokens_destroy().
 */
struct rpc_tokens;

struct rpc_tokens *rpc_tokens_create(void);
void rpc_tokens_destroy(struct rpc_tokens *tokens);
/* MB_FIELD_INVALID with file, line and reason; roles must stand in grants; the file must not be
 * open to group or others, must name at least one token and none twice. A file that says what is
 * in force already changes nothing and costs no memory. */
enum mb_code rpc_tokens_load(struct rpc_tokens *tokens, const char *path,
			     const struct rpc_grant *grants, struct mb_err *err);
/* NULL when no line has this token. */
const struct rpc_principal *rpc_tokens_find(struct rpc_tokens *tokens, struct str token);
