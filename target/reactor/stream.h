/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Servers of a few clients over stream sockets, as RPC and metrics are: whom
 * they accept, which of them are there, and writing without waiting. What is
 * said is the business of those who embed these. A server and its clients are
 * one reactor's.
 */
#ifndef WEFT_TARGET_REACTOR_STREAM_H
#define WEFT_TARGET_REACTOR_STREAM_H

#include <sys/queue.h>
#include <sys/types.h>

#include "target/reactor/reactor.h"

/**
 * struct stream_client - one connection, first in its owner's own structure
 * @fd: -1 when it is closed
 */
struct stream_client {
	struct stream_server *server;
	int fd;
	struct fd_source *source;
	TAILQ_ENTRY(stream_client) link;
};

/**
 * struct stream_server - a listening socket and who came there
 * @name: what it serves, for listings and messages
 * @max: most clients at a time; more are turned away
 * @accept: memory for the client that @fd is, or NULL: it is turned away
 * @event: EPOLLIN and friends; a client begins with EPOLLIN
 * @closed: it is no client any more; its memory is the owner's to free
 * @fd: -1 unless it is open; this and the rest is stream.c's
 */
struct stream_server {
	const char *name;
	unsigned int max;
	struct stream_client *(*accept)(int fd);
	void (*event)(struct stream_client *c, u32 events);
	void (*closed)(struct stream_client *c);
	int fd;
	struct fd_source *source;
	struct poller *pause;
	unsigned int nclients;
	TAILQ_HEAD(, stream_client) clients;
};

/** stream_server_open() - serve @fd, which listens; 0, or -ENOMEM */
int stream_server_open(struct stream_server *s, int fd);
/** stream_server_close() - and all of its clients; idempotent */
void stream_server_close(struct stream_server *s);
/** stream_close() - closed() is called within; idempotent */
void stream_close(struct stream_client *c);
/**
 * stream_send() - as much of @len bytes as the socket takes now
 * Return: how many were sent, or negative errno: nobody is there.
 */
ssize_t stream_send(struct stream_client *c, const void *bytes, size_t len);

#endif
