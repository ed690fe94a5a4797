// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The HTTP side of the metrics: one GET, one answer, closed. As little of
 * HTTP/1.0 as that takes, and nothing that a client does can hold anything:
 * clients, their requests and their time are limited, and no socket is waited
 * for.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/names.h"
#include "target/metrics/metrics.h"
#include "target/reactor/stream.h"
#include "target/rpc/statistics.h"

#define MAX_CLIENTS	16u
#define MAX_REQUEST	4096u
#define CLIENT_US	10000000	/* from the first to the last byte */

/**
 * struct client - one connection
 * @busy: an answer is being made, and holds it
 * @answered: nothing is read any more but the end
 */
struct client {
	struct stream_client s;
	struct poller *timer;
	char in[MAX_REQUEST];
	size_t in_len;
	struct metrics_text out;
	size_t sent;
	bool busy;
	bool answered;
};

static void client_free(struct client *c)
{
	if (c->s.fd >= 0 || c->busy)
		return;
	free(c->out.bytes);
	free(c);
}

static void client_closed(struct stream_client *s)
{
	struct client *c = (struct client *)s;

	poller_unregister(&c->timer);
	client_free(c);
}

static void client_late(void *ctx)
{
	struct client *c = ctx;

	c->timer = NULL;	/* it has gone off */
	stream_close(&c->s);
}

static void client_write(struct client *c)
{
	ssize_t n = stream_send(&c->s, c->out.bytes + c->sent,
				c->out.len - c->sent);

	if (n < 0) {
		stream_close(&c->s);
		return;
	}
	c->sent += (size_t)n;
	/* its end comes when it has read all, or by the timer */
	if (c->sent == c->out.len)
		shutdown(c->s.fd, SHUT_WR);
	fd_source_modify(c->s.source, c->sent < c->out.len ? EPOLLOUT : EPOLLIN);
}

static void client_answer(struct client *c, const char *status,
			  const char *type, const char *body, size_t len)
{
	char head[256];
	size_t n;

	n = (size_t)snprintf(head, sizeof(head),
			     "HTTP/1.0 %s\r\nContent-Type: %s\r\n"
			     "Content-Length: %zu\r\nConnection: close\r\n\r\n",
			     status, type, len);
	c->answered = true;
	c->out.bytes = malloc(n + len);
	if (!c->out.bytes) {
		stream_close(&c->s);
		return;
	}
	memcpy(c->out.bytes, head, n);
	memcpy(c->out.bytes + n, body, len);
	c->out.len = n + len;
	client_write(c);
}

static void client_refuse(struct client *c, const char *status)
{
	char body[128];
	size_t n;

	n = (size_t)snprintf(body, sizeof(body), "%s: try GET /metrics\n",
			     status);
	client_answer(c, status, "text/plain", body, n);
}

static void collected(void *ctx, json_t *statistics)
{
	struct metrics_text text = { 0 };
	struct client *c = ctx;

	c->busy = false;
	if (c->s.fd < 0) {
		client_free(c);
		return;
	}
	if (statistics)
		metrics_render(&text, statistics);
	if (!statistics || text.failed)
		client_refuse(c, "503 Service Unavailable");
	else
		client_answer(c, "200 OK",
			      "application/openmetrics-text; version=1.0.0; charset=utf-8",
			      text.bytes, text.len);
	free(text.bytes);
}

/* The request line is enough; headers only have to end. */
static void client_serve(struct client *c)
{
	static const char path[] = "/metrics";
	char *target = c->in + 4;
	size_t n;

	if (strncmp(c->in, "GET ", 4)) {
		client_refuse(c, "405 Method Not Allowed");
		return;
	}
	n = strcspn(target, " ?\r\n");
	if (n != sizeof(path) - 1 || memcmp(target, path, n)) {
		client_refuse(c, "404 Not Found");
		return;
	}
	c->answered = true;
	c->busy = true;
	fd_source_modify(c->s.source, 0);
	statistics_collect(collected, c);
}

static void client_read(struct client *c)
{
	char rest[512];
	ssize_t n;

	if (c->answered)	/* what more it says is not of interest */
		n = recv(c->s.fd, rest, sizeof(rest), MSG_DONTWAIT);
	else
		n = recv(c->s.fd, c->in + c->in_len,
			 sizeof(c->in) - 1 - c->in_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		stream_close(&c->s);
		return;
	}
	if (c->answered)
		return;
	c->in_len += (size_t)n;
	c->in[c->in_len] = '\0';
	if (strlen(c->in) != c->in_len)
		client_refuse(c, "400 Bad Request");
	else if (strstr(c->in, "\r\n\r\n") || strstr(c->in, "\n\n"))
		client_serve(c);
	else if (c->in_len == sizeof(c->in) - 1)
		client_refuse(c, "400 Bad Request");
}

static void client_event(struct stream_client *s, u32 events)
{
	struct client *c = (struct client *)s;

	if (events & EPOLLOUT)
		client_write(c);
	else if (events & EPOLLIN)
		client_read(c);
	else if (events & (EPOLLHUP | EPOLLERR))
		stream_close(&c->s);
}

static struct stream_client *client_new(int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	(void)fd;
	if (!c)
		return NULL;
	c->timer = timer_start("metrics client", client_late, c, CLIENT_US);
	if (!c->timer) {
		free(c);
		return NULL;
	}
	return &c->s;
}

static struct stream_server server = {
	.name = "metrics",
	.max = MAX_CLIENTS,
	.accept = client_new,
	.event = client_event,
	.closed = client_closed,
	.fd = -1,
};

/* "[::1]:9100", "127.0.0.1:9100", ":9100" */
static int parse(const char *where, char addr[64], const char **port,
		 struct weft_reason *why)
{
	const char *colon = strrchr(where, ':');
	size_t n = colon ? (size_t)(colon - where) : 0;
	const char *first = where;
	u64 number;

	if (n > 1 && where[0] == '[' && where[n - 1] == ']') {
		first++;
		n -= 2;
	}
	if (!colon || n >= 64 ||
	    (n && weft_addr_check(first, n, "address", NULL) < 0) ||
	    weft_parse_u64(colon + 1, strlen(colon + 1), &number) ||
	    number > 65535)
		return weft_fail(why, -EINVAL,
				 "--metrics %.80s: ADDR:PORT is accepted, for example 127.0.0.1:9419 or [::1]:9419",
				 where);
	memcpy(addr, first, n);
	addr[n] = '\0';
	*port = colon + 1;
	return 0;
}

static int open_socket(const struct addrinfo *ai)
{
	int fd, err, one = 1;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, 16)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static void tell_port(int fd, const char *where)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	char port[16] = "";

	if (!getsockname(fd, (struct sockaddr *)&sa, &len))
		getnameinfo((struct sockaddr *)&sa, len, NULL, 0, port,
			    sizeof(port), NI_NUMERICSERV);
	log_notice("metrics at %s, port %s", where, port);
}

/* @ai: the caller's to free */
static int resolve(const char *where, struct addrinfo **ai,
		   struct weft_reason *why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV |
					      AI_PASSIVE };
	const char *port = NULL;
	char addr[64];
	int err;

	err = parse(where, addr, &port, why);
	if (err)
		return err;
	err = getaddrinfo(*addr ? addr : NULL, port, &hints, ai);
	return err ? weft_fail(why, -EINVAL, "--metrics %s: %s", where,
			       gai_strerror(err)) : 0;
}

int metrics_check(const char *where, struct weft_reason *why)
{
	const char *port;
	char addr[64];

	return parse(where, addr, &port, why);
}

int metrics_start(const char *where, struct weft_reason *why)
{
	struct addrinfo *ai;
	int fd, err;

	err = resolve(where, &ai, why);
	if (err)
		return err;
	fd = open_socket(ai);
	freeaddrinfo(ai);
	if (fd < 0)
		return weft_fail(why, fd, "--metrics %s: %s", where,
				 strerror(-fd));
	if (stream_server_open(&server, fd)) {
		close(fd);
		return weft_fail(why, -ENOMEM, "--metrics %s: no memory", where);
	}
	tell_port(fd, where);
	return 0;
}

void metrics_stop(void)
{
	stream_server_close(&server);
}
