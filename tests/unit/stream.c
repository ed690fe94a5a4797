// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Servers over stream sockets when the process has no descriptor left: they are
 * silent until there may be one again, and nobody is lost.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "target/reactor/stream.h"
#include "tests/unit/loop_fake.h"

static struct stream_client client;
static unsigned int accepted, ended;

static struct stream_client *on_accept(int fd)
{
	(void)fd;
	accepted++;
	return &client;
}

static void on_event(struct stream_client *c, u32 events)
{
	(void)c, (void)events;
}

static void on_closed(struct stream_client *c)
{
	(void)c;
	ended++;
}

static struct stream_server server = {
	.name = "test", .max = 1, .accept = on_accept, .event = on_event,
	.closed = on_closed,
};

/* An address that the kernel chooses, and a client who waits there */
static int begin(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int peer = socket(AF_UNIX, SOCK_STREAM, 0);

	accepted = ended = 0;
	UNIT_EQ(bind(fd, (struct sockaddr *)&addr, sizeof(sa_family_t)), 0);
	UNIT_EQ(listen(fd, 4), 0);
	UNIT_EQ(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	UNIT_EQ(stream_server_open(&server, fd), 0);
	UNIT_EQ(connect(peer, (struct sockaddr *)&addr, len), 0);
	return peer;
}

/* No more descriptors than there are, or as many as before. */
static void descriptors(bool enough)
{
	static struct rlimit before;
	struct rlimit r;
	int next;

	if (enough) {
		UNIT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
		return;
	}
	getrlimit(RLIMIT_NOFILE, &before);
	next = dup(0);
	close(next);
	r = before;
	r.rlim_cur = (rlim_t)next;
	UNIT_EQ(setrlimit(RLIMIT_NOFILE, &r), 0);
}

static void end(int peer)
{
	stream_server_close(&server);
	UNIT_EQ(ended, accepted);
	UNIT_EQ(fd_sources, 0);
	CU_ASSERT_FALSE(pollers[0].used);
	close(peer);
}

static void test_no_descriptor(void)
{
	int peer = begin();

	descriptors(false);
	watched_turn();
	UNIT_EQ(accepted, 0);
	UNIT_EQ(server.source->events, 0);
	UNIT_EQ(warnings, 1);
	watched_turn();
	UNIT_EQ(warnings, 1);
	/* still none, and then there is */
	fire_timers();
	UNIT_EQ(server.source->events, EPOLLIN);
	watched_turn();
	UNIT_EQ(server.source->events, 0);
	descriptors(true);
	fire_timers();
	watched_turn();
	UNIT_EQ(accepted, 1);
	end(peer);
}

static void test_closed_in_the_pause(void)
{
	int peer = begin();

	descriptors(false);
	watched_turn();
	CU_ASSERT_PTR_NOT_NULL(server.pause);
	descriptors(true);
	end(peer);
}

static void test_no_memory_for_a_timer(void)
{
	int peer = begin();

	no_pollers = true;
	descriptors(false);
	watched_turn();
	UNIT_EQ(server.source->events, EPOLLIN);
	no_pollers = false;
	descriptors(true);
	watched_turn();
	UNIT_EQ(accepted, 1);
	end(peer);
}

UNIT_MAIN(UNIT(test_no_descriptor), UNIT(test_closed_in_the_pause),
	  UNIT(test_no_memory_for_a_timer))
