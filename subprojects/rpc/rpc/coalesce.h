/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coalesce: what a queue's thread writes leaves together, once the queue has nothing more to do. Shared
 * by server and sendmsg, nobody else; docs/write-coalescing.md tells why.
 *
 * C core calls sendmsg() once an answer, which makes a packet each. The executable defines sendmsg()
 * itself (sendmsg.c), C core calls that, and while a queue's thread holds back it adds MSG_MORE: the
 * kernel takes the bytes and sends them when it is told, which the thread does before it waits.
 *
 * Why the kernel keeps the bytes and not a buffer of ours: what C core was told is sent has been taken by
 * the socket. Order, short writes, a full socket, shutdown(), close() and a number that is used again
 * are the kernel's as ever, and a push that is late, lost or meets another socket does no harm.
 *
 * Threads:  a coalescer belongs to one thread; its figures are read by any. A queue's thread has one,
 *           and so may one thread beside them (rpc_server_hold()). Other threads never hold back, and
 *           what they write to a socket takes along what is held there.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct grpc_server;

/* What may be held at most; the time is looked at when something is written. */
#define RPC_HELD_SOCKETS 64
#define RPC_HELD_WRITES	 64
#define RPC_HELD_BYTES	 ((size_t)64 << 10)
#define RPC_HELD_NS	 INT64_C(1000000)

struct rpc_coalescer {
	int sockets[RPC_HELD_SOCKETS];
	int socket_count, writes; /* held now */
	size_t bytes;
	int64_t since_ns;
	_Atomic int64_t held, held_bytes, pushed; /* ever; pushed counts sockets */
};

/* This thread's writes to TCP sockets are held by the coalescer from here on; NULL: no more, which is only
 * said when nothing is held. */
void rpc_coalesce_begin(struct rpc_coalescer *coalescer);
/* Sends what is held. */
void rpc_coalesce_push(struct rpc_coalescer *coalescer);
/* What sendmsg() does. */
ssize_t rpc_coalesce_send(int fd, const struct msghdr *message, int flags);
/* NULL when C core, which has been started, writes through rpc_coalesce_send(); else what is in the
 * way. Blocks for a second at most. */
const char *rpc_coalesce_check(struct grpc_server *core);
