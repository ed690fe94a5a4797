// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Commands sent through the host's device files: by io_uring with every rule
 * of it, by the ioctls as programs of 64 and of 32 bits call them, and by a
 * user without privileges. The scenario names the files and chooses a part; the first thing
 * that is not as it must be ends the program with 1.
 *
 *	passthru uring NG NVME NSID		(NG: /dev/ngXnY, NVME: /dev/nvmeX)
 *	passthru polled NG NSID
 *	passthru shared NG NSID			two processes, one polled queue
 *	passthru late NG NSID			a polled read: prints "sent", waits
 *	passthru native DISK NVME NSID		all ioctls
 *	passthru compat DISK NVME NSID		likewise, as a 32-bit program
 *	passthru inside DISK NG NSID		writes what it has to read from DISK
 *	passthru ctrl NVME ERRNO NSID		an I/O command through NVME
 *	passthru user NG NVME PARTITION NSID
 *	passthru kato NVME MS NSID		sets the keep-alive timeout
 *	passthru gone NG NVME NSID		opens, prints "open", waits for a line
 *	passthru away NG NVME NSID		likewise; the controller only reconnects
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/nvme_ioctl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK		512
#define BYTES		(16 * 1024)
#define OP_FLUSH	0x00
#define OP_WRITE	0x01
#define OP_READ		0x02
#define OP_DSM		0x09
#define OP_IDENTIFY	0x06
#define OP_GET_LOG	0x02
#define OP_SET_FEATURES	0x09
#define OP_GET_FEATURES	0x0a
#define OP_KEEP_ALIVE	0x18
#define OP_FABRICS	0x7f
#define FEAT_KATO	0x0f
#define NOBODY		65534

static uint32_t nsid;
static char *data;

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *fmt,
								...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("passthru: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	exit(1);
}

static void expect(const char *what, long got, long want)
{
	printf("%s: %ld\n", what, got);
	fflush(stdout);
	if (got != want)
		die("%s: %ld, not %ld", what, got, want);
}

static void expect_status(const char *what, long got)
{
	printf("%s: %#lx\n", what, got);
	if (got <= 0)
		die("%s: %ld, not a status of the controller", what, got);
}

static int open_dev(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static void fill(char seed)
{
	for (int i = 0; i < BYTES; i++)
		data[i] = (char)(seed + i + i / BLOCK);
}

static void check_data(const char *what, char seed)
{
	for (int i = 0; i < BYTES; i++)
		if (data[i] != (char)(seed + i + i / BLOCK))
			die("%s: byte %d is wrong", what, i);
}

/* --- io_uring ------------------------------------------------------------- */

struct call {
	int fd;
	uint32_t op;
	struct nvme_uring_cmd cmd;
	uint32_t uring_flags;
};

static struct call io_call(int fd, uint8_t opcode, uint64_t slba, void *addr)
{
	return (struct call) {
		.fd = fd,
		.op = NVME_URING_CMD_IO,
		.cmd = {
			.opcode = opcode,
			.nsid = nsid,
			.addr = (uintptr_t)addr,
			.data_len = addr ? BYTES : 0,
			.cdw10 = (uint32_t)slba,
			.cdw12 = BYTES / BLOCK - 1,
		},
	};
}

static struct call admin_call(int fd, uint8_t opcode, uint32_t cdw10)
{
	return (struct call) {
		.fd = fd,
		.op = NVME_URING_CMD_ADMIN,
		.cmd = {
			.opcode = opcode,
			.addr = (uintptr_t)data,
			.data_len = 4096,
			.cdw10 = cdw10,
		},
	};
}

static void ring_open(struct io_uring *ring, unsigned int flags)
{
	struct iovec iov = { data, BYTES };
	int err = io_uring_queue_init(8, ring, flags);

	if (!err)
		err = io_uring_register_buffers(ring, &iov, 1);
	if (err)
		die("io_uring: %s", strerror(-err));
}

static void send_call(struct io_uring *ring, const struct call *c)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	int err;

	/* a ring with entries of 64 bytes has no room for the command */
	memset(sqe, 0, ring->flags & IORING_SETUP_SQE128 ? 128 : 64);
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = c->fd;
	sqe->cmd_op = c->op;
	sqe->uring_cmd_flags = c->uring_flags;
	if (ring->flags & IORING_SETUP_SQE128)
		memcpy(sqe->cmd, &c->cmd, sizeof(c->cmd));
	err = io_uring_submit(ring);
	if (err < 0)
		die("io_uring: %s", strerror(-err));
}

static int answer(struct io_uring *ring, uint64_t *result)
{
	struct io_uring_cqe *cqe;
	int err = io_uring_wait_cqe(ring, &cqe);

	if (err < 0)
		die("io_uring: %s", strerror(-err));
	err = cqe->res;
	if (result)
		*result = cqe->big_cqe[0];
	io_uring_cqe_seen(ring, cqe);
	return err;
}

static int submit(struct io_uring *ring, const struct call *c,
		  uint64_t *result)
{
	send_call(ring, c);
	return answer(ring, result);
}

#define BIG	(IORING_SETUP_SQE128 | IORING_SETUP_CQE32)

static void data_path(struct io_uring *ring, int ng)
{
	struct iovec vec[3] = {
		{ data, 4096 }, { data + 4096, 8192 }, { data + 12288, 4096 },
	};
	struct call c;

	fill(1);
	c = io_call(ng, OP_WRITE, 0, data);
	expect("write", submit(ring, &c, NULL), 0);
	memset(data, 0, BYTES);
	c = io_call(ng, OP_READ, 0, data);
	expect("read", submit(ring, &c, NULL), 0);
	check_data("read", 1);

	fill(2);
	c = io_call(ng, OP_WRITE, 64, vec);
	c.op = NVME_URING_CMD_IO_VEC;
	c.cmd.data_len = 3;
	expect("vectored write", submit(ring, &c, NULL), 0);
	memset(data, 0, BYTES);
	c.cmd.opcode = OP_READ;
	expect("vectored read", submit(ring, &c, NULL), 0);
	check_data("vectored read", 2);

	fill(3);
	c = io_call(ng, OP_WRITE, 128, data);
	c.uring_flags = IORING_URING_CMD_FIXED;
	expect("write from a registered buffer", submit(ring, &c, NULL), 0);
	memset(data, 0, BYTES);
	c.cmd.opcode = OP_READ;
	expect("read into a registered buffer", submit(ring, &c, NULL), 0);
	check_data("registered buffer", 3);
	c.cmd.addr = (uintptr_t)&c;
	expect("not in the buffer", submit(ring, &c, NULL), -EFAULT);
	c = io_call(ng, OP_WRITE, 64, vec);
	c.op = NVME_URING_CMD_IO_VEC;
	c.cmd.data_len = 3;
	c.uring_flags = IORING_URING_CMD_FIXED;
	expect("registered and vectored", submit(ring, &c, NULL), -EINVAL);

	c = io_call(ng, OP_FLUSH, 0, NULL);
	expect("flush", submit(ring, &c, NULL), 0);
}

static void rules(struct io_uring *ring, int ng, int nvme)
{
	struct call c = io_call(ng, OP_READ, 0, data);

	c.cmd.metadata = (uintptr_t)data;
	c.cmd.metadata_len = 64;
	expect("metadata", submit(ring, &c, NULL), -EINVAL);
	c = io_call(ng, OP_READ, 0, data);
	c.cmd.flags = 1;
	expect("fused", submit(ring, &c, NULL), -EINVAL);
	c = io_call(ng, OP_READ, 0, data);
	c.cmd.nsid = nsid + 1;
	expect("another namespace", submit(ring, &c, NULL), -EINVAL);
	c = io_call(ng, OP_FABRICS, 0, NULL);
	expect("fabrics command", submit(ring, &c, NULL), -EINVAL);
	c = io_call(ng, OP_READ, 0, (void *)8);
	expect("bad address", submit(ring, &c, NULL), -EFAULT);
	c = io_call(ng, 0x7c, 0, NULL);
	expect_status("unknown opcode", submit(ring, &c, NULL));
	c = io_call(ng, OP_READ, 0xfffffff0, data);
	expect_status("past the end", submit(ring, &c, NULL));
	c = io_call(ng, OP_READ, 0, data);
	c.op = NVME_URING_CMD_ADMIN;
	expect("admin command on ng", submit(ring, &c, NULL), -ENOTTY);
	c = io_call(nvme, OP_READ, 0, data);
	expect("I/O command on nvme", submit(ring, &c, NULL), -ENOTTY);
}

static void admin(struct io_uring *ring, int nvme)
{
	struct iovec vec[2] = { { data, 1024 }, { data + 1024, 3072 } };
	struct call c = admin_call(nvme, OP_IDENTIFY, 1);
	uint64_t result = 0;
	char serial[20];

	memset(data, 0, BYTES);
	expect("identify", submit(ring, &c, NULL), 0);
	memcpy(serial, data + 4, sizeof(serial));
	if (!serial[0])
		die("no serial number");
	memset(data, 0, BYTES);
	c.op = NVME_URING_CMD_ADMIN_VEC;
	c.cmd.addr = (uintptr_t)vec;
	c.cmd.data_len = 2;
	expect("vectored identify", submit(ring, &c, NULL), 0);
	if (memcmp(data + 4, serial, sizeof(serial)))
		die("another serial number");
	c = admin_call(nvme, OP_GET_FEATURES, 7);
	c.cmd.data_len = 0;
	c.cmd.addr = 0;
	expect("number of queues", submit(ring, &c, &result), 0);
	if (!result)
		die("no result word");
	c = admin_call(nvme, OP_KEEP_ALIVE, 0);
	c.cmd.data_len = 0;
	expect("keep alive", submit(ring, &c, NULL), -EINVAL);
}

static int part_uring(char **arg)
{
	int ng = open_dev(arg[0], O_RDWR), nvme = open_dev(arg[1], O_RDWR);
	struct call c = io_call(ng, OP_READ, 0, data);
	struct io_uring ring;

	ring_open(&ring, 0);
	expect("small entries", submit(&ring, &c, NULL), -EOPNOTSUPP);
	io_uring_queue_exit(&ring);
	ring_open(&ring, IORING_SETUP_SQE128);
	expect("small completions", submit(&ring, &c, NULL), -EOPNOTSUPP);
	io_uring_queue_exit(&ring);

	ring_open(&ring, BIG);
	data_path(&ring, ng);
	rules(&ring, ng, nvme);
	admin(&ring, nvme);
	io_uring_queue_exit(&ring);

	ring_open(&ring, BIG | IORING_SETUP_IOPOLL);
	c = admin_call(nvme, OP_IDENTIFY, 1);
	expect("polled admin command", submit(&ring, &c, NULL), -EOPNOTSUPP);
	io_uring_queue_exit(&ring);
	return 0;
}

static int part_polled(char **arg)
{
	int ng = open_dev(arg[0], O_RDWR);
	struct io_uring ring;

	ring_open(&ring, BIG | IORING_SETUP_IOPOLL);
	for (int i = 0; i < 8; i++)
		data_path(&ring, ng);
	io_uring_queue_exit(&ring);
	return 0;
}

/*
 * Each of two processes ends what the other one waits for, as there is but one
 * polled queue; at odd addresses the data is copied, and has to reach its own.
 */
static int part_shared(char **arg)
{
	pid_t child = fork();
	char seed = child ? 6 : 7;
	struct call c = io_call(open_dev(arg[0], O_RDWR), OP_WRITE,
				child ? 192 : 256, data);
	struct io_uring ring;
	int status = 0;

	ring_open(&ring, BIG | IORING_SETUP_IOPOLL);
	fill(seed);
	expect("write", submit(&ring, &c, NULL), 0);
	c.cmd.opcode = OP_READ;
	c.cmd.addr++;
	for (int i = 0; i < 500; i++) {
		int err;

		memset(data, 0, BYTES + 1);
		err = submit(&ring, &c, NULL);
		if (err)
			die("read %d: %d", i, err);
		memmove(data, data + 1, BYTES);
		check_data("read beside another process", seed);
	}
	io_uring_queue_exit(&ring);
	if (child && (waitpid(child, &status, 0) != child || status))
		die("the other process: %#x", (unsigned int)status);
	return 0;
}

/* Time for the scenario to take the path away before the answer comes */
static int part_late(char **arg)
{
	struct call c = io_call(open_dev(arg[0], O_RDWR), OP_READ, 0, data);
	struct io_uring ring;

	ring_open(&ring, BIG | IORING_SETUP_IOPOLL);
	send_call(&ring, &c);
	puts("sent");
	fflush(stdout);
	expect("read", answer(&ring, NULL), 0);
	io_uring_queue_exit(&ring);
	return 0;
}

/* --- ioctl ---------------------------------------------------------------- */

static long native_ioctl(int fd, unsigned long op, void *arg)
{
	int ret = ioctl(fd, op, arg);

	return ret < 0 ? -errno : ret;
}

static struct nvme_passthru_cmd *passthru(uint8_t opcode, uint32_t cdw10,
					  uint32_t len)
{
	/* low, because a 32-bit call can point nowhere else */
	struct nvme_passthru_cmd *c = (void *)(data + BYTES);

	memset(c, 0, sizeof(*c));
	c->opcode = opcode;
	c->addr = (uintptr_t)data;
	c->data_len = len;
	c->cdw10 = cdw10;
	return c;
}

static struct nvme_passthru_cmd *passthru_io(uint8_t opcode, bool with_data)
{
	struct nvme_passthru_cmd *c = passthru(opcode, 0,
					       with_data ? BYTES : 0);

	c->nsid = nsid;
	c->cdw12 = with_data ? BYTES / BLOCK - 1 : 0;
	if (!with_data)
		c->addr = 0;
	return c;
}

static int part_user(char **arg)
{
	int ng_rw = open_dev(arg[0], O_RDWR), ng = open_dev(arg[0], O_RDONLY);
	int nvme = open_dev(arg[1], O_RDWR), part = open_dev(arg[2], O_RDWR);
	struct call c = io_call(ng, OP_WRITE, 0, data);
	struct nvme_passthru_cmd *dsm;
	struct io_uring ring;

	if (setuid(NOBODY))
		die("setuid: %s", strerror(errno));
	fill(4);
#define ADMIN(op, cdw10) \
	native_ioctl(nvme, NVME_IOCTL_ADMIN_CMD, passthru(op, cdw10, 4096))
#define IO(fd, op, with_data) \
	native_ioctl(fd, NVME_IOCTL_IO_CMD, passthru_io(op, with_data))
	expect("identify controller", ADMIN(OP_IDENTIFY, 1), 0);
	expect("identify, list of namespaces", ADMIN(OP_IDENTIFY, 2), -EACCES);
	expect("log page", ADMIN(OP_GET_LOG, 2 | 127 << 16), -EACCES);
	expect("keep alive", ADMIN(OP_KEEP_ALIVE, 0), -EACCES);
	expect("reset", native_ioctl(nvme, NVME_IOCTL_RESET, NULL), -EACCES);
	expect("subsystem reset",
	       native_ioctl(nvme, NVME_IOCTL_SUBSYS_RESET, NULL), -EACCES);
	expect("rescan", native_ioctl(nvme, NVME_IOCTL_RESCAN, NULL), -EACCES);
	fill(4);
	expect("write", IO(ng_rw, OP_WRITE, true), 0);
	expect("write to a file open for reading", IO(ng, OP_WRITE, true),
	       -EACCES);
	memset(data, 0, BYTES);
	expect("read", IO(ng, OP_READ, true), 0);
	check_data("read", 4);
	expect("flush", IO(ng, OP_FLUSH, false), 0);
	dsm = passthru_io(OP_DSM, false);
	dsm->addr = (uintptr_t)data;
	dsm->data_len = 16;
	expect("deallocate", native_ioctl(ng, NVME_IOCTL_IO_CMD, dsm),
	       -EACCES);
	expect("vendor command", IO(ng_rw, 0x81, false), -EACCES);
	expect("partition", IO(part, OP_READ, true), -EACCES);
	expect("number", native_ioctl(part, NVME_IOCTL_ID, NULL), nsid);
	ring_open(&ring, BIG);
	expect("write by io_uring to a file open for reading",
	       submit(&ring, &c, NULL), -EACCES);
	c.fd = ng_rw;
	expect("write by io_uring", submit(&ring, &c, NULL), 0);
	io_uring_queue_exit(&ring);
	return 0;
}

/* How a program of some kind calls the kernel, and what its structures are */
struct abi {
	long (*ioctl)(int fd, unsigned long op, void *arg);
	unsigned long submit_io;
	void (*vectors)(void *at);	/* two, of BYTES of data */
};

static void io64(const struct abi *abi, int disk)
{
	struct nvme_passthru_cmd64 *c = (void *)(data + BYTES);
	void *vec = data + BYTES + 256;

	memset(data, 0, BYTES);
	memset(c, 0, sizeof(*c));
	c->opcode = OP_READ;
	c->nsid = nsid;
	c->cdw10 = 256;
	c->cdw12 = BYTES / BLOCK - 1;
	c->addr = (uintptr_t)data;
	c->data_len = BYTES;
	expect("64", abi->ioctl(disk, NVME_IOCTL_IO64_CMD, c), 0);
	check_data("64", 5);
	memset(data, 0, BYTES);
	abi->vectors(vec);
	c->addr = (uintptr_t)vec;
	c->data_len = 2;
	expect("64 with vectors",
	       abi->ioctl(disk, NVME_IOCTL_IO64_CMD_VEC, c), 0);
	check_data("64 with vectors", 5);
}

static void submit_io(const struct abi *abi, int disk)
{
	struct nvme_user_io *io = (void *)(data + BYTES);

	fill(5);
	memset(io, 0, sizeof(*io));
	io->opcode = OP_WRITE;
	io->nblocks = BYTES / BLOCK - 1;
	io->addr = (uintptr_t)data;
	io->slba = 256;
	expect("write", abi->ioctl(disk, abi->submit_io, io), 0);
	memset(data, 0, BYTES);
	io->opcode = OP_READ;
	expect("read", abi->ioctl(disk, abi->submit_io, io), 0);
	check_data("read", 5);
	io->opcode = OP_FLUSH;
	expect("flush", abi->ioctl(disk, abi->submit_io, io), -EINVAL);
}

static void admin64(const struct abi *abi, int nvme)
{
	struct nvme_passthru_cmd64 *c = (void *)(data + BYTES);

	memset(data, 0, BYTES);
	memset(c, 0, sizeof(*c));
	c->opcode = OP_IDENTIFY;
	c->cdw10 = 1;
	c->addr = (uintptr_t)data;
	c->data_len = 4096;
	expect("identify, 64", abi->ioctl(nvme, NVME_IOCTL_ADMIN64_CMD, c), 0);
	if (!data[4])
		die("no serial number");
	memset(c, 0, sizeof(*c));
	c->opcode = OP_GET_FEATURES;
	c->cdw10 = 7;
	expect("number of queues, 64",
	       abi->ioctl(nvme, NVME_IOCTL_ADMIN64_CMD, c), 0);
	if (!c->result)
		die("no result word");
}

static int every_ioctl(const struct abi *abi, char **arg)
{
	int disk = open_dev(arg[0], O_RDWR), nvme = open_dev(arg[1], O_RDWR);

	memset(data, 0, BYTES);
	expect("identify", abi->ioctl(nvme, NVME_IOCTL_ADMIN_CMD,
				      passthru(OP_IDENTIFY, 1, 4096)), 0);
	if (!data[4])
		die("no serial number");
	expect("number", abi->ioctl(disk, NVME_IOCTL_ID, NULL), nsid);
	admin64(abi, nvme);
	submit_io(abi, disk);
	io64(abi, disk);
	return 0;
}

static void native_vectors(void *at)
{
	struct iovec *vec = at;

	vec[0] = (struct iovec) { data, 8192 };
	vec[1] = (struct iovec) { data + 8192, BYTES - 8192 };
}

static int part_native(char **arg)
{
	static const struct abi abi = {
		native_ioctl, NVME_IOCTL_SUBMIT_IO, native_vectors,
	};

	return every_ioctl(&abi, arg);
}

#ifdef __x86_64__
/* The 32-bit entry of the kernel: pointers must lie below 4 GiB */
static long compat_ioctl(int fd, unsigned long op, void *arg)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(54L), "b"((long)fd), "c"(op), "d"(arg)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

static void compat_vectors(void *at)
{
	uint32_t *vec = at;

	vec[0] = (uint32_t)(uintptr_t)data;
	vec[1] = 8192;
	vec[2] = (uint32_t)(uintptr_t)data + 8192;
	vec[3] = BYTES - 8192;
}

static int part_compat(char **arg)
{
	/* no padding at the end of the structure */
	static const struct abi abi = {
		compat_ioctl, _IOC(_IOC_WRITE, 'N', 0x42, 44), compat_vectors,
	};

	return every_ioctl(&abi, arg);
}
#else
static int part_compat(char **arg)
{
	(void)arg;
	return 77;
}
#endif

/* An I/O command through the controller's file */
static int part_ctrl(char **arg)
{
	int nvme = open_dev(arg[0], O_RDWR);

	expect("read through the controller's file", IO(nvme, OP_READ, true),
	       -strtol(arg[1], NULL, 10));
	return 0;
}

/*
 * Pages of the disk are the memory of a command to that disk, and have to be
 * read first, one after the other.
 */
static int part_inside(char **arg)
{
	int disk = open_dev(arg[0], O_RDONLY), ng = open_dev(arg[1], O_RDWR);
	struct nvme_passthru_cmd *c = passthru_io(OP_WRITE, false);
	void *pages = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, disk,
			   2 << 20);

	if (pages == MAP_FAILED || madvise(pages, BYTES, MADV_RANDOM) ||
	    posix_fadvise(disk, 0, 0, POSIX_FADV_DONTNEED))
		die("%s: %s", arg[0], strerror(errno));
	c->cdw10 = 512;
	c->cdw12 = BYTES / BLOCK - 1;
	c->addr = (uintptr_t)pages;
	c->data_len = BYTES;
	expect("write from the disk itself",
	       native_ioctl(ng, NVME_IOCTL_IO_CMD, c), 0);
	return 0;
}

/* A feature that the host has to hear of, by io_uring */
static int part_kato(char **arg)
{
	struct call c = admin_call(open_dev(arg[0], O_RDWR), OP_SET_FEATURES,
				   FEAT_KATO);
	struct io_uring ring;

	c.cmd.cdw11 = (uint32_t)strtoul(arg[1], NULL, 10);
	c.cmd.data_len = 0;
	c.cmd.addr = 0;
	ring_open(&ring, BIG);
	expect("keep-alive timeout", submit(&ring, &c, NULL), 0);
	io_uring_queue_exit(&ring);
	return 0;
}

/* The scenario does something to the controller meanwhile */
static void wait_for_line(void)
{
	char line[16];

	puts("open");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		die("no line");
}

/* Nothing waits for a controller that is away. */
static int part_away(char **arg)
{
	int ng = open_dev(arg[0], O_RDWR), nvme = open_dev(arg[1], O_RDWR);

	expect("read", IO(ng, OP_READ, true), 0);
	wait_for_line();
	expect("read, away", IO(ng, OP_READ, true), -EWOULDBLOCK);
	expect("identify, away", ADMIN(OP_IDENTIFY, 1), -EWOULDBLOCK);
	if (open(arg[1], O_RDWR) >= 0 || errno != EWOULDBLOCK)
		die("%s: opened while it is away", arg[1]);
	return 0;
}

/* Files that stay open when the controller goes */
static int part_gone(char **arg)
{
	int ng = open_dev(arg[0], O_RDWR), nvme = open_dev(arg[1], O_RDWR);
	struct call c = io_call(ng, OP_READ, 0, data);
	struct io_uring ring;

	ring_open(&ring, BIG);
	expect("read", submit(&ring, &c, NULL), 0);
	wait_for_line();
	if (submit(&ring, &c, NULL) >= 0)
		die("io_uring on a namespace that is gone");
	if (IO(ng, OP_READ, true) >= 0)
		die("ioctl on a namespace that is gone");
	if (ADMIN(OP_IDENTIFY, 1) >= 0)
		die("ioctl on a controller that is gone");
	io_uring_queue_exit(&ring);
	puts("gone");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		int (*run)(char **arg);
	} parts[] = {
		{ "uring", 3, part_uring },
		{ "polled", 2, part_polled },
		{ "shared", 2, part_shared },
		{ "late", 2, part_late },
		{ "native", 3, part_native },
		{ "compat", 3, part_compat },
		{ "ctrl", 3, part_ctrl },
		{ "inside", 3, part_inside },
		{ "user", 4, part_user },
		{ "kato", 3, part_kato },
		{ "gone", 3, part_gone },
		{ "away", 3, part_away },
	};

	char *end;

	data = mmap(NULL, 2 * BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (data == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	for (size_t i = 0; argc > 1 && i < sizeof(parts) / sizeof(*parts); i++)
		if (!strcmp(argv[1], parts[i].name) &&
		    argc == parts[i].args + 2) {
			nsid = (uint32_t)strtoul(argv[argc - 1], &end, 10);
			if (*end || !nsid)
				die("no namespace: %s", argv[argc - 1]);
			return parts[i].run(argv + 2);
		}
	die("see the top of the source for the arguments");
}
