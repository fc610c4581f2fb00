/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture: an echo server, a caller of it, and an arena for what they say to each other.
 */
#pragma once

#include "caller.h"
#include "echo.h"
#include "echo.pb-c.h"

#define SAY	   "/echo.v1.EchoService/Say"
#define SAY_LATER  "/echo.v1.EchoService/SayLater"
#define SAY_PUBLIC "/echo.v1.EchoService/SayPublic"
#define WHISPER	   "/echo.v1.EchoService/Whisper"
#define COUNT	   "/echo.v1.EchoService/Count"
#define CHAT	   "/echo.v1.EchoService/Chat"

struct fixture {
	struct echo echo;
	struct caller caller;
	struct arena *arena;
};

/* Options of f->echo may be set between the two. */
void fixture_init(struct fixture *f);
void fixture_start(struct fixture *f);
void fixture_fini(struct fixture *f);

struct str fixture_pack(struct fixture *f, const Echo__V1__EchoRequest *request);
struct str fixture_text(struct fixture *f, const char *text); /* a request with this text */
struct str fixture_delayed(struct fixture *f,
			   int delay_ms); /* one that SayLater takes its time for */
/* A unary call without metadata and deadline. */
void fixture_call(struct fixture *f, const char *method, struct str message, struct outcome *out);
/* The answer to such a call, which must be OK; its text. */
const char *fixture_answer(struct fixture *f, struct outcome *out);
const char *fixture_unpack(struct fixture *f, const struct strbuf *message);
/* The outcome is a refusal of memberd's own, with its one ErrorInfo. Frees it. */
void assert_refused(struct outcome *out, grpc_status_code status, const char *reason);
