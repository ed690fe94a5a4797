// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * epoll or io_uring for the target's sockets: what either costs per I/O on
 * loopback. A server that does with bytes what the target does for commands of
 * 4 KiB: many requests by one receive, payload copied to its place, all
 * responses of a turn by one send, data from its place. The host is a process
 * on another core. Either way the server spins for SPIN_US, then sleeps.
 *
 *	sockets [IOS [ROUNDS]]	default: 400000 I/Os a run, 5 rounds, medians
 *
 * epoll: as the daemon's reactor, with its pace. io_uring: multishot receive
 * into provided buffers; DEFER_TASKRUN and TASKRUN_FLAG, so that spinning is
 * looking at a flag in memory, and one call both sends and receives.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/reactor/pace.h"
#include "tests/bench/measure.h"

#define SPIN_US		50
#define CONNS_MAX	64
#define ROUNDS_MAX	15
#define BLOCK		4096u
#define RX_BUF		(256u * 1024)
#define HDR		24u		/* of C2HData; a response is as long */
#define CMD		72u
#define OWED_MAX	256u		/* responses in one send */

/* io_uring's */
#define ENTRIES		256
#define BUFS		64u
#define BUF_LEN		(64u * 1024)
#define GROUP		1

/** struct shape - bytes of a request, of a response and of data in it */
struct shape {
	const char *name;
	u32 in;
	u32 out;
	u32 data;
};

static const struct shape shapes[] = {
	{ "read", CMD, HDR + BLOCK + HDR, BLOCK },
	{ "write", CMD + BLOCK, HDR, 0 },
};

/**
 * struct conn - of the server
 * @have: bytes of a request that is not complete; @owed: responses to be sent
 * @left: bytes of a send under way that the socket has not taken
 */
struct conn {
	int fd;
	u32 have;
	u32 owed;
	u32 left;
	int pieces;
	struct msghdr msg;
	struct iovec iov[3 * OWED_MAX];
};

struct run {
	const struct shape *shape;
	u32 nconns;
	u32 depth;
	u64 ios;
	u64 calls;
	u32 open;
	struct conn *conns;
};

struct figures {
	double calls;
	double cpu_us;
	double iops;
};

static u8 disk[16 * RX_BUF], hdrs[2 * HDR];

/* The host: as many requests as responses have come, in one send */

static void ask(int fd, u32 n, u32 len)
{
	static u8 requests[OWED_MAX * (CMD + BLOCK)];
	size_t left = (size_t)n * len;
	ssize_t done;

	for (; left; left -= (size_t)done) {
		done = send(fd, requests, left, 0);
		check(done > 0, "send");
	}
}

static void host(const struct run *r, const struct sockaddr_in *to)
{
	static u8 buf[RX_BUF];
	struct epoll_event ev[CONNS_MAX];
	u32 have[CONNS_MAX] = { 0 }, i, n;
	int fds[CONNS_MAX], one = 1, ep = epoll_create1(0), k;
	u64 done = 0;

	for (i = 0; i < r->nconns; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u32 = i };

		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		check(!connect(fds[i], (const void *)to, sizeof(*to)), "connect");
		check(!epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &e), "epoll_ctl");
		ask(fds[i], r->depth, r->shape->in);
	}
	while (done < r->ios) {
		k = epoll_wait(ep, ev, CONNS_MAX, -1);
		while (k-- > 0) {
			ssize_t got;

			i = ev[k].data.u32;
			got = recv(fds[i], buf, sizeof(buf), MSG_DONTWAIT);
			check(got > 0, "recv");
			have[i] += (u32)got;
			n = have[i] / r->shape->out;
			have[i] %= r->shape->out;
			done += n;
			if (n)
				ask(fds[i], n, r->shape->in);
		}
	}
	exit(0);
}

/* What both servers do with bytes */

static void took(const struct run *r, struct conn *c, const u8 *p, u32 len)
{
	if (r->shape->in > CMD)
		memcpy(disk, p, len);
	c->have += len;
	c->owed += c->have / r->shape->in;
	c->have %= r->shape->in;
}

static void add(struct conn *c, void *at, u32 len)
{
	c->iov[c->pieces++] = (struct iovec){ at, len };
	c->left += len;
}

/* Begins a send of what is owed; false: nothing is. */
static bool prepare(const struct run *r, struct conn *c)
{
	u32 i, n = c->owed < OWED_MAX ? c->owed : OWED_MAX;

	c->pieces = 0;
	for (i = 0; i < n; i++) {
		if (r->shape->data) {
			add(c, hdrs, HDR);
			add(c, disk + i % 1024 * BLOCK, r->shape->data);
		}
		add(c, hdrs + HDR, HDR);
	}
	c->owed -= n;
	c->msg = (struct msghdr){ .msg_iov = c->iov,
				  .msg_iovlen = (size_t)c->pieces };
	return n;
}

/* epoll */

static void answer(struct run *r, struct conn *c)
{
	ssize_t n;

	while (prepare(r, c)) {
		r->calls++;
		n = sendmsg(c->fd, &c->msg, MSG_NOSIGNAL);
		check(n == (ssize_t)c->left || errno == EPIPE ||
		      errno == ECONNRESET, "sendmsg");
		c->left = 0;
	}
}

static void receive(struct run *r, struct conn *c)
{
	static u8 buf[RX_BUF];
	ssize_t n;

	do {
		r->calls++;
		n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n > 0)
			took(r, c, buf, (u32)n);
	} while (n == sizeof(buf));
	if (n > 0 || (n < 0 && errno == EAGAIN))
		return;
	r->open--;
	r->calls++;
	close(c->fd);
}

static void serve_epoll(struct run *r)
{
	struct epoll_event ev[CONNS_MAX];
	struct pace pace = { 0 };
	int ep = epoll_create1(0), n, i;
	u64 now, asked, work = now_us();
	bool sleeps;
	u32 k;

	for (k = 0; k < r->nconns; k++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u32 = k };

		check(!epoll_ctl(ep, EPOLL_CTL_ADD, r->conns[k].fd, &e), "epoll");
	}
	while (r->open) {
		now = now_us();
		if (!pace_due(&pace, now) && now - work < SPIN_US)
			continue;
		r->calls++;
		sleeps = now - work >= SPIN_US;
		n = epoll_wait(ep, ev, CONNS_MAX, sleeps ? -1 : 0);
		asked = sleeps ? now_us() : now;
		for (i = 0; i < n; i++)
			receive(r, &r->conns[ev[i].data.u32]);
		for (i = 0; i < n; i++)
			answer(r, &r->conns[ev[i].data.u32]);
		if (n > 0) {
			work = now_us();
			pace_found(&pace, asked, work, sleeps);
		} else {
			pace_vain(&pace, now);
		}
	}
	close(ep);
}

/* io_uring: user data is the connection's number, and 1 bit for a send */

static struct io_uring ring;
static struct io_uring_buf_ring *bufs;
static u8 *buf_mem;

static struct io_uring_sqe *sqe_of(u32 conn, bool sends)
{
	struct io_uring_sqe *s = io_uring_get_sqe(&ring);

	check(s, "io_uring_get_sqe");
	io_uring_sqe_set_data64(s, conn * 2 + sends);
	return s;
}

static void arm(struct run *r, u32 i)
{
	struct io_uring_sqe *s = sqe_of(i, false);

	io_uring_prep_recv_multishot(s, r->conns[i].fd, NULL, 0, 0);
	s->flags |= IOSQE_BUFFER_SELECT;
	s->buf_group = GROUP;
	io_uring_sqe_set_data64(s, i * 2);
}

static void give_buf(u32 id)
{
	io_uring_buf_ring_add(bufs, buf_mem + (size_t)id * BUF_LEN, BUF_LEN,
			      (unsigned short)id,
			      io_uring_buf_ring_mask(BUFS), 0);
	io_uring_buf_ring_advance(bufs, 1);
}

static void ring_start(struct run *r)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_CQSIZE,
		.cq_entries = 4 * ENTRIES,
	};
	struct io_uring_buf_reg reg = { .ring_entries = BUFS, .bgid = GROUP };
	u32 i;

	errno = -io_uring_queue_init_params(ENTRIES, &ring, &p);
	check(!errno, "io_uring_queue_init_params");
	check(!posix_memalign((void **)&bufs, 4096,
			      BUFS * sizeof(struct io_uring_buf)), "memory");
	reg.ring_addr = (u64)(uintptr_t)bufs;
	errno = -io_uring_register_buf_ring(&ring, &reg, 0);
	check(!errno, "io_uring_register_buf_ring");
	io_uring_buf_ring_init(bufs);
	buf_mem = malloc((size_t)BUFS * BUF_LEN);
	check(buf_mem, "memory");
	for (i = 0; i < BUFS; i++)
		give_buf(i);
	for (i = 0; i < r->nconns; i++)
		arm(r, i);
}

static void ring_received(struct run *r, u32 i, const struct io_uring_cqe *e)
{
	u32 id = e->flags >> IORING_CQE_BUFFER_SHIFT;

	if (e->res > 0) {
		took(r, &r->conns[i], buf_mem + (size_t)id * BUF_LEN,
		     (u32)e->res);
		give_buf(id);
	} else if (e->res != -ENOBUFS) {
		r->open--;
		return;
	}
	if (!(e->flags & IORING_CQE_F_MORE))
		arm(r, i);
}

/* What has come; the responses to it are queued. Return: how much. */
static unsigned int ring_reap(struct run *r)
{
	struct io_uring_cqe *e;
	unsigned int head, n = 0;
	u32 i;

	io_uring_for_each_cqe(&ring, head, e) {
		i = (u32)(e->user_data / 2);
		if (e->user_data & 1)
			r->conns[i].left = 0;
		else
			ring_received(r, i, e);
		n++;
	}
	io_uring_cq_advance(&ring, n);
	for (i = 0; n && i < r->nconns; i++)
		if (!r->conns[i].left && prepare(r, &r->conns[i]))
			io_uring_prep_sendmsg(sqe_of(i, true), r->conns[i].fd,
					      &r->conns[i].msg,
					      MSG_WAITALL | MSG_NOSIGNAL);
	return n;
}

static bool ring_has_work(void)
{
	return __atomic_load_n(ring.sq.kflags, __ATOMIC_RELAXED) &
	       (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

static void serve_ring(struct run *r)
{
	u64 work = now_us();

	ring_start(r);
	while (r->open) {
		if (ring_reap(r))
			work = now_us();
		if (io_uring_sq_ready(&ring)) {
			r->calls++;
			io_uring_submit_and_get_events(&ring);
		} else if (ring_has_work()) {
			r->calls++;
			io_uring_get_events(&ring);
		} else if (now_us() - work >= SPIN_US) {
			r->calls++;
			io_uring_submit_and_wait(&ring, 1);
		}
	}
	io_uring_queue_exit(&ring);
	free(bufs);
	free(buf_mem);
}

/* One run, and many */

static void accept_all(struct run *r, int listener)
{
	int one = 1;
	u32 i;

	for (i = 0; i < r->nconns; i++) {
		struct conn *c = &r->conns[i];

		memset(c, 0, sizeof(*c));
		c->fd = accept(listener, NULL, NULL);
		check(c->fd >= 0, "accept");
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	r->open = r->nconns;
}

static struct figures measure(struct run *r, void (*serve)(struct run *r))
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	double cpu, began;
	pid_t child;

	check(!bind(listener, (void *)&a, len) && !listen(listener, CONNS_MAX) &&
	      !getsockname(listener, (void *)&a, &len), "listen");
	child = fork();
	check(child >= 0, "fork");
	if (!child) {
		pin(1);
		host(r, &a);
	}
	accept_all(r, listener);
	r->calls = 0;
	cpu = cpu_us();
	began = (double)now_us();
	serve(r);
	cpu = cpu_us() - cpu;
	began = (double)now_us() - began;
	close(listener);
	waitpid(child, NULL, 0);
	return (struct figures){ (double)r->calls / (double)r->ios,
				 cpu / (double)r->ios,
				 (double)r->ios * 1e6 / began };
}

static void print(const struct run *r, const char *how, const struct figures *f,
		  int n)
{
	double calls[ROUNDS_MAX], cpu[ROUNDS_MAX], iops[ROUNDS_MAX];
	int i;

	for (i = 0; i < n; i++) {
		calls[i] = f[i].calls;
		cpu[i] = f[i].cpu_us;
		iops[i] = f[i].iops;
	}
	printf("%-6s %4u %5u %-9s %6.3f %6.2f %8.0f\n", r->shape->name, r->nconns,
	       r->depth, how, median(calls, n), median(cpu, n), median(iops, n));
	fflush(stdout);
}

/* Both in turn, so that what else the machine does meets both. */
static void compare(struct run *r, int rounds)
{
	struct figures epoll[ROUNDS_MAX], uring[ROUNDS_MAX];
	int i;

	for (i = 0; i < rounds; i++) {
		epoll[i] = measure(r, serve_epoll);
		uring[i] = measure(r, serve_ring);
	}
	print(r, "epoll", epoll, rounds);
	print(r, "io_uring", uring, rounds);
}

int main(int argc, char **argv)
{
	static const u32 courses[][2] = { { 1, 1 }, { 1, 32 }, { 1, 128 },
					  { 16, 8 } };
	static const char usage[] = "sockets [IOS [ROUNDS]]";
	u64 ios = (u64)number(usage, argv, 1, LONG_MAX, 400000);
	int rounds = argc > 1 ? (int)number(usage, argv, 2, ROUNDS_MAX, 5) : 5;
	struct run r = { .conns = calloc(CONNS_MAX, sizeof(*r.conns)) };
	size_t i, k;

	check(r.conns, "memory");
	pin(0);
	printf("what   conns depth with       calls CPU us     IOPS\n");
	fflush(stdout);		/* or every child has it, too */
	for (i = 0; i < sizeof(courses) / sizeof(*courses); i++)
		for (k = 0; k < sizeof(shapes) / sizeof(*shapes); k++) {
			r.shape = &shapes[k];
			r.nconns = courses[i][0];
			r.depth = courses[i][1];
			r.ios = r.depth == 1 ? ios / 10 : ios;
			compare(&r, rounds);
		}
	free(r.conns);
	return 0;
}
