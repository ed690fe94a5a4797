// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Connections come to a listener of the TCP transport, and there is no memory for
 * what watches over them, or its socket cannot be silenced.
 */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "target/transport/tcp/tcp.h"
#include "tests/unit/nvmf_record.h"

static struct tcp_transport *t;
static struct sockaddr_in addr;

static void up(void)
{
	struct nvmf_trid trid = {
		.trtype = NVMF_TRTYPE_TCP, .adrfam = NVMF_ADRFAM_IPV4,
		.traddr = "127.0.0.1", .trsvcid = "0",
	};
	socklen_t len = sizeof(addr);
	struct nvmf_transport_opts opts;
	struct weft_reason why;

	ops->opts_init(&opts);
	UNIT_EQ(ops->create(&opts, &transport, &why), 0);
	UNIT_EQ(ops->listen(transport, &trid, &why), 0);
	t = to_transport(transport);
	UNIT_EQ(getsockname(TAILQ_FIRST(&t->listeners)->fd,
			    (struct sockaddr *)&addr, &len), 0);
}

static u32 pollers_used(void)
{
	unsigned int i;
	u32 n = 0;

	for (i = 0; i < ARRAY_SIZE(pollers); i++)
		n += pollers[i].used;
	return n;
}

static void down(void)
{
	ops->destroy(transport);
	UNIT_EQ(fd_sources, 0);
	UNIT_EQ(pollers_used(), 0);
}

static int host_connects(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	UNIT_EQ(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* Whom nobody would turn away in time is not let in. */
static void test_no_clock_for_hellos(void)
{
	int first, second;
	char byte;

	up();
	no_pollers = true;
	first = host_connects();
	watched_turn();
	UNIT_EQ(t->nhellos, 0);
	UNIT_EQ(fd_sources, 1);
	UNIT_EQ(recv(first, &byte, 1, MSG_DONTWAIT), 0);
	no_pollers = false;
	second = host_connects();
	watched_turn();
	UNIT_EQ(t->nhellos, 1);
	CU_ASSERT_PTR_NOT_NULL(t->tick);
	close(first);
	close(second);
	down();
}

/* However often accepting has to pause, one timer ends the pause. */
static void test_pause_of_a_socket_that_goes_on(void)
{
	struct tcp_listener *l;
	int first, second;

	up();
	l = TAILQ_FIRST(&t->listeners);
	t->max_fd = 0;
	deaf_sources = true;
	first = host_connects();
	watched_turn();
	CU_ASSERT_PTR_NOT_NULL(l->pause);
	second = host_connects();
	watched_turn();
	UNIT_EQ(pollers_used(), 1);
	fire_timers();
	CU_ASSERT_PTR_NULL(l->pause);
	deaf_sources = false;
	close(first);
	close(second);
	down();
}

UNIT_MAIN(UNIT(test_no_clock_for_hellos),
	  UNIT(test_pause_of_a_socket_that_goes_on))
