/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/exits.h"

#include <stddef.h>
#include <string.h>

enum exit_code exits_from_code(enum mb_code code)
{
	/* by the gRPC code that the table of errors gives */
	switch (mb_code_grpc(code)) {
	case 0:
		return EXIT_OK;
	case 1: /* CANCELLED */
	case 4: /* DEADLINE_EXCEEDED */
		return EXIT_TRY_AGAIN;
	case 5: /* NOT_FOUND */
		return EXIT_NOT_FOUND;
	case 7: /* PERMISSION_DENIED */
	case 16: /* UNAUTHENTICATED */
		return EXIT_NO_PERMISSION;
	case 12: /* UNIMPLEMENTED */
	case 13: /* INTERNAL */
		return EXIT_SOFTWARE;
	case 14: /* UNAVAILABLE */
		return EXIT_UNAVAILABLE;
	default:
		return EXIT_DATA;
	}
}

const char *exits_advice(const struct mb_err *err)
{
	switch (err->code) {
	case MB_MEMBER_NOT_FOUND:
		return strcmp(err->field, "as_of") == 0 || strcmp(err->field, "known_at") == 0
			       ? "`memberctl get MEMBER` tells since when he is enrolled"
			       : "`memberctl enroll ISSUER:ID` makes a member";
	case MB_ACTIVITY_NOT_FOUND:
		return "`memberctl activities MEMBER` lists them";
	case MB_UNDO_NOT_ALLOWED:
		return "a decision other than a finding ends by a new one of the same kind";
	case MB_BENEFIT_NOT_FOUND:
		return "`memberctl benefits MEMBER` lists the benefits' ids";
	case MB_IDENTITY_TAKEN:
		return "`memberctl lookup ISSUER:ID` tells whose it is";
	case MB_POLICY_INVALID:
		return "`memberctl policy validate FILE` tells everything that is wrong with it";
	case MB_POLICY_NOT_NEXT:
	case MB_POLICY_NOT_FOUND:
		return "`memberctl policy list` tells which versions there are";
	case MB_REQUEST_ID_REUSED:
		return "leave --request-id out to get a fresh one";
	case MB_ETAG_MISMATCH:
		return "`memberctl get MEMBER --full` tells the profile and its etag as they are";
	case MB_PERMISSION_MISSING:
	case MB_TOKEN_UNKNOWN:
		return "pass a token of the right role (docs/operations.md) with --token-file or "
		       "MEMBERD_TOKEN";
	case MB_CALL_TIMED_OUT:
		return "--timeout SECONDS waits longer";
	case MB_OVERLOADED:
	case MB_DRAINING:
	case MB_STORE_UNAVAILABLE:
	case MB_STORE_FULL:
		return "is memberd running at --server (or MEMBERD_SERVER)? `memberctl health` "
		       "asks it";
	case MB_METHOD_UNKNOWN:
		return "the server may be older than this memberctl, or no memberd at all";
	default:
		return NULL;
	}
}
