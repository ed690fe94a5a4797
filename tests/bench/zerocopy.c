// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * MSG_ZEROCOPY or plain sendmsg() for the target's data: what a send costs
 * either way, its notifications included, and how many of those say that the
 * kernel has copied all the same (SO_EE_CODE_ZEROCOPY_COPIED). Over loopback
 * and, as root, over a veth pair between two network namespaces of its own; or
 * to another machine, where the second form receives.
 *
 *	zerocopy [MIB [ROUNDS [ADDRESS PORT]]]	256 MiB a run, 7 rounds; medians
 *	zerocopy receive PORT
 *
 * The sender does as a target would: memory is sent again only when it has been
 * notified of, and it asks for notifications only when it has no other memory.
 * The receiver, a process on another core, looks at every byte: pages of the
 * stream are numbered. Both ways alternate; ratios are of neighbours.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/perf_event.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/measure.h"

#define PAGE		4096u
#define RING		(4u << 20)	/* of memory that is sent */
#define SLOTS_MAX	64u
#define RX_BUF		(256u * 1024)
#define ROUNDS_MAX	15
#define NEAR		"192.0.2.1"
#define FAR		"192.0.2.2"

/**
 * struct net - where a connection goes
 * @port: of a receiver that is there; 0: one is started
 * @near: network namespace of the sender; @far: of the receiver; -1: this one
 */
struct net {
	const char *name;
	const char *to;
	u16 port;
	int near;
	int far;
};

/** struct spent - by one process; @instructions: 0 where they cannot be counted */
struct spent {
	double us;
	double instructions;
};

/** struct received - what the receiver answers at the end of the stream */
struct received {
	u64 bytes;
	struct spent spent;
};

/**
 * struct run - sends of one size, one way
 * @calls: of sendmsg(), recvmsg() of the error queue, poll()
 * @notices: sends that notifications told of, of them @copied ones
 */
struct run {
	u32 size;
	u64 sends;
	bool zerocopy;
	u64 calls[3];
	u64 notices;
	u64 copied;
	struct spent near;
	struct received far;
};

enum { SENDMSG, RECVMSG, POLL };

/* What a process spends */

static int counter = -1;

static void count_from_here(void)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof(a),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
	};

	if (counter >= 0)
		close(counter);
	counter = (int)syscall(SYS_perf_event_open, &a, 0, -1, -1,
			       PERF_FLAG_FD_CLOEXEC);
}

static struct spent spent_so_far(void)
{
	struct spent s = { .us = cpu_us() };
	u64 n;

	if (counter >= 0 && read(counter, &n, sizeof(n)) == sizeof(n))
		s.instructions = (double)n;
	return s;
}

static struct spent spent_since(struct spent s)
{
	struct spent now = spent_so_far();

	return (struct spent){ now.us - s.us,
			       now.instructions - s.instructions };
}

/* What is sent: pages that differ in their first bytes, the number of the page */
static void fill(u8 *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = (u8)(i % PAGE * 167 >> 3);
}

/* The receiver */

static u8 want[PAGE];

/* The next @len bytes of the stream, from @at on */
static void judge(const u8 *p, u64 at, u64 len)
{
	u64 page, from, n;

	for (; len; p += n, at += n, len -= n) {
		page = at / PAGE;
		from = at % PAGE;
		n = len < PAGE - from ? len : PAGE - from;
		memcpy(want, &page, sizeof(page));
		if (!memcmp(p, want + from, n))
			continue;
		fprintf(stderr, "zerocopy: page %llu of the stream has come wrong\n",
			(unsigned long long)page);
		exit(1);
	}
}

static void receive(int fd)
{
	static u8 buf[RX_BUF];
	struct received r = { .bytes = 0 };
	struct spent before;
	ssize_t n;

	count_from_here();
	before = spent_so_far();
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		judge(buf, r.bytes, (u64)n);
		r.bytes += (u64)n;
	}
	check(!n, "recv");
	r.spent = spent_since(before);
	check(send(fd, &r, sizeof(r), MSG_NOSIGNAL) == sizeof(r), "send");
	close(fd);
}

/* The sender */

static u8 ring[RING];
static bool busy[SLOTS_MAX];

static u32 slots_of(u32 size)
{
	return RING / size < SLOTS_MAX ? RING / size : SLOTS_MAX;
}

static void notified(struct run *r, const struct sock_extended_err *e)
{
	u32 slots = slots_of(r->size), id = e->ee_info;
	bool copied = e->ee_code & SO_EE_CODE_ZEROCOPY_COPIED;

	errno = e->ee_errno ? (int)e->ee_errno : EPROTO;
	check(e->ee_origin == SO_EE_ORIGIN_ZEROCOPY && !e->ee_errno,
	      "error queue");
	do {
		check(busy[id % slots], "notification of what is not sent");
		busy[id % slots] = false;
		r->notices++;
		r->copied += copied;
	} while (id++ != e->ee_data);
}

/* One message of the error queue, or the wait for one */
static void reap(struct run *r, int fd)
{
	char control[256];
	struct msghdr m = { .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct pollfd p = { .fd = fd };
	struct cmsghdr *c;

	r->calls[RECVMSG]++;
	if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
		check(errno == EAGAIN, "recvmsg");
		r->calls[POLL]++;
		check(poll(&p, 1, -1) == 1, "poll");
		errno = ECONNRESET;
		check(!(p.revents & POLLHUP), "poll");
		return;
	}
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		errno = EPROTO;
		check(c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR,
		      "error queue");
		notified(r, (const void *)CMSG_DATA(c));
	}
}

static void send_one(struct run *r, int fd, u64 n)
{
	u32 pages = r->size / PAGE, slot = (u32)(n % slots_of(r->size)), i;
	struct iovec v = { ring + slot * r->size, r->size };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t done;
	u64 page;

	while (busy[slot])
		reap(r, fd);
	for (i = 0; i < pages; i++) {
		page = n * pages + i;
		memcpy((u8 *)v.iov_base + i * PAGE, &page, sizeof(page));
	}
	do {
		r->calls[SENDMSG]++;
		done = sendmsg(fd, &m, MSG_NOSIGNAL |
				       (r->zerocopy ? MSG_ZEROCOPY : 0));
		/* as many notifications as the socket may hold (optmem_max) */
		if (done < 0 && errno == ENOBUFS && r->notices < n)
			reap(r, fd);
	} while (done < 0 && errno == ENOBUFS && r->notices < n);
	check(done == (ssize_t)r->size, "sendmsg");
	busy[slot] = r->zerocopy;
}

static void send_all(struct run *r, int fd)
{
	struct spent before;
	u64 n;

	memset(busy, 0, sizeof(busy));
	count_from_here();
	before = spent_so_far();
	for (n = 0; n < r->sends; n++)
		send_one(r, fd, n);
	while (r->zerocopy && r->notices < r->sends)
		reap(r, fd);
	shutdown(fd, SHUT_WR);
	errno = ECONNRESET;
	check(recv(fd, &r->far, sizeof(r->far), MSG_WAITALL) == sizeof(r->far),
	      "the receiver");
	r->near = spent_since(before);
}

/* Connections */

static void enter(int ns)
{
	check(ns < 0 || !setns(ns, CLONE_NEWNET), "setns");
}

static int listen_at(struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	socklen_t len = sizeof(*a);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	check(!bind(fd, (void *)a, len) && !listen(fd, 1) &&
	      !getsockname(fd, (void *)a, &len), "listen");
	return fd;
}

static int connect_to(const struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	check(!connect(fd, (const void *)a, sizeof(*a)), "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void receiver(int listener)
{
	int fd = accept(listener, NULL, NULL);

	check(fd >= 0, "accept");
	receive(fd);
}

/* A process that receives one stream at the address */
static pid_t receiver_start(const struct net *net, struct sockaddr_in *a)
{
	int listener;
	pid_t child;

	enter(net->far);
	listener = listen_at(a);
	child = fork();
	check(child >= 0, "fork");
	if (!child) {
		pin(1);
		receiver(listener);
		exit(0);
	}
	close(listener);
	enter(net->near);
	return child;
}

static void measure(const struct net *net, struct run *r)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(net->port) };
	int fd, one = 1, status = 0;
	pid_t child = 0;

	errno = EINVAL;
	check(inet_pton(AF_INET, net->to, &a.sin_addr) == 1, net->to);
	if (!net->port)
		child = receiver_start(net, &a);
	fd = connect_to(&a);
	if (r->zerocopy)
		check(!setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one,
				  sizeof(one)), "SO_ZEROCOPY");
	send_all(r, fd);
	close(fd);
	check(!child || (waitpid(child, &status, 0) == child && !status),
	      "the receiver");
}

static bool run_all(const char *const *commands)
{
	for (; *commands; commands++)
		if (system(*commands))
			return false;
	return true;
}

static int here(void)
{
	return open("/proc/self/ns/net", O_RDONLY);
}

/* Two namespaces, which end with this process, and a cable between them */
static const char *veth_make(struct net *net)
{
	char add[128];

	if (unshare(CLONE_NEWNET))
		return "a network namespace of its own needs root";
	net->far = here();
	check(net->far >= 0 && !unshare(CLONE_NEWNET), "unshare");
	net->near = here();
	check(net->near >= 0, "network namespace");
	snprintf(add, sizeof(add),
		 "ip link add near type veth peer name far netns /proc/self/fd/%d",
		 net->far);
	if (!run_all((const char *const[]){
		add, "ip addr add " NEAR "/24 dev near",
		"ip link set near up", NULL }))
		return "ip of iproute2 and the kernel's veth are needed";
	enter(net->far);
	if (!run_all((const char *const[]){
		"ip addr add " FAR "/24 dev far", "ip link set far up", NULL }))
		return "ip has set up only one end";
	return NULL;
}

/* Figures */

static double us(const struct run *r)
{
	return r->near.us + r->far.spent.us;
}

static double instructions(const struct run *r)
{
	return r->near.instructions + r->far.spent.instructions;
}

/* A number of each run: per send, or, with another one, as a ratio to that */
static double middle(const struct run *r, const struct run *to, int n,
		     double (*of)(const struct run *r))
{
	double v[ROUNDS_MAX];
	int i;

	for (i = 0; i < n; i++)
		v[i] = of(&r[i]) / (to ? of(&to[i]) : (double)r[i].sends);
	return median(v, n);
}

static double near_us(const struct run *r)
{
	return r->near.us;
}

static double far_us(const struct run *r)
{
	return r->far.spent.us;
}

static void cell(bool there, int places, double value)
{
	if (there)
		printf(" %7.*f", places, value);
	else
		printf(" %7s", "-");
}

/* @to: runs that these are compared with */
static void print(const struct net *net, const struct run *r,
		  const struct run *to, int n)
{
	bool counted = instructions(r) > 0;
	struct run sum = *r;
	double sends;
	int i, k;

	for (i = 1; i < n; i++) {
		sum.sends += r[i].sends;
		sum.notices += r[i].notices;
		sum.copied += r[i].copied;
		sum.far.bytes += r[i].far.bytes;
		for (k = 0; k < 3; k++)
			sum.calls[k] += r[i].calls[k];
	}
	sends = (double)sum.sends;
	printf("%-8s %8u %-8s %8.0f %12llu %8llu", net->name, r->size,
	       r->zerocopy ? "zerocopy" : "plain", sends,
	       (unsigned long long)sum.far.bytes,
	       (unsigned long long)sum.notices);
	cell(r->zerocopy, 3, (double)sum.copied / sends);
	for (k = 0; k < 3; k++)
		printf(" %7.3f", (double)sum.calls[k] / sends);
	printf(" %8.2f %8.2f", middle(r, NULL, n, near_us),
	       middle(r, NULL, n, far_us));
	cell(counted, 0, middle(r, NULL, n, instructions));
	cell(to, 2, to ? middle(r, to, n, near_us) : 0);
	cell(to, 2, to ? middle(r, to, n, us) : 0);
	cell(to && counted, 2,
	     to && counted ? middle(r, to, n, instructions) : 0);
	putchar('\n');
	fflush(stdout);
}

/* Who is first changes, too */
static void compare(const struct net *net, u32 size, u64 sends, int rounds)
{
	struct run runs[2][ROUNDS_MAX];
	int i, k, way;

	for (i = 0; i < rounds; i++)
		for (k = 0; k < 2; k++) {
			way = (i + k) % 2;
			runs[way][i] = (struct run){ .size = size,
						     .sends = sends,
						     .zerocopy = way };
			measure(net, &runs[way][i]);
		}
	print(net, runs[0], NULL, rounds);
	print(net, runs[1], runs[0], rounds);
}

static void compare_sizes(const struct net *net, u64 mib, int rounds)
{
	u32 size;

	for (size = 4 * 1024; size <= 1024 * 1024; size *= 4)
		compare(net, size, (mib << 20) / size, rounds);
}

static void receive_for_ever(const char *usage, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int listener;

	a.sin_port = htons((u16)number(usage, argv, 2, UINT16_MAX, 0));
	listener = listen_at(&a);
	pin(1);
	printf("receiving at port %u\n", ntohs(a.sin_port));
	fflush(stdout);
	for (;;)
		receiver(listener);
}

static void compare_here(u64 mib, int rounds)
{
	struct net loopback = { "loopback", "127.0.0.1", 0, -1, -1 };
	struct net veth = { "veth", FAR, 0, -1, -1 };
	const char *why;

	compare_sizes(&loopback, mib, rounds);
	why = veth_make(&veth);
	if (why)
		printf("veth: left out: %s\n", why);
	else
		compare_sizes(&veth, mib, rounds);
}

int main(int argc, char **argv)
{
	static const char usage[] =
		"zerocopy [MIB [ROUNDS [ADDRESS PORT]]] or receive PORT";
	struct net other = { "other", argc == 5 ? argv[3] : "", 0, -1, -1 };
	int rounds;
	u64 mib;

	fill(ring, sizeof(ring));
	fill(want, sizeof(want));
	if (argc == 3 && !strcmp(argv[1], "receive"))
		receive_for_ever(usage, argv);
	if (argc == 4 || argc > 5) {
		fprintf(stderr, "%s is accepted\n", usage);
		return 2;
	}
	mib = (u64)number(usage, argv, 1, 1 << 20, 256);
	rounds = argc > 1 ? (int)number(usage, argv, 2, ROUNDS_MAX, 7) : 7;
	if (argc == 5)
		other.port = (u16)number(usage, argv, 4, UINT16_MAX, 0);
	pin(0);
	printf("Per send: shares, calls, processor time, instructions of both ends; ratios to plain\n"
	       "over         bytes with        sends     received  notices  copied "
	       "sendmsg recvmsg    poll  near us   far us  instr.    near    both  instr.\n");
	fflush(stdout);		/* or every child has it, too */
	if (other.port)
		compare_sizes(&other, mib, rounds);
	else
		compare_here(mib, rounds);
	return 0;
}
