/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What programs against a target have in common: expectations, a controller
 * with one I/O queue, the check that all is well, and a table of named cases:
 *
 *	PROGRAM ADDRESS [CASE...]	run them (default: all)
 *	PROGRAM --list
 *
 * After each case a second, well-behaved connection must still read back what
 * it wrote.
 *
 * The target has subsystem nqn.2026-11.io.weft:hostile, which allows host
 * nqn.2026-11.io.weft:host, with namespaces 1 (RAM) and 2 (through buffers) of
 * 131,072 blocks of 512 bytes, at most 4 I/O queues, in-capsule data of 4,096
 * bytes and transfers of up to 131,072 bytes.
 */
#ifndef TESTS_VM_PROGS_SESSION_H
#define TESTS_VM_PROGS_SESSION_H

#include <stdio.h>
#include <unistd.h>

#include "tests/vm/progs/initiator.h"

#define NQN		"nqn.2026-11.io.weft:hostile"
#define HOST		"nqn.2026-11.io.weft:host"
#define PORT		4420
#define BLOCK		512u
#define BLOCKS		131072u
#define MAX_QID		4
#define MAX_IO		131072u
#define CAPSULE_DATA	4096u
#define DNR(sc)		((sc) | NVME_STATUS_DNR)

static const char *addr;
static int failures;

#define EXPECT(actual, expected) \
	expect(actual, expected, #actual, __LINE__)

static bool expect(long long got, long long want, const char *what, int line)
{
	if (got == want)
		return true;
	printf("  line %d: %s = %lld (0x%llx), want %lld (0x%llx)\n", line,
	       what, got, got, want, want);
	failures++;
	return false;
}

/* A controller with one I/O queue and a buffer */
struct session {
	struct ini_conn admin;
	struct ini_conn io;
	struct ini_buf buf;
	u16 cntlid;
};

static void session_close(struct session *s)
{
	ini_buf_free(&s->buf);
	if (s->io.cm)
		ini_close(&s->io);
	if (s->admin.cm)
		ini_close(&s->admin);
}

static bool session_open(struct session *s, u16 depth)
{
	memset(s, 0, sizeof(*s));
	if (EXPECT(ini_admin(&s->admin, addr, PORT, NQN, HOST, &s->cntlid),
		   0) &&
	    EXPECT(ini_enable(&s->admin), 0) &&
	    EXPECT(ini_io_queue(&s->io, addr, PORT, NQN, HOST, s->cntlid, 1,
				depth), 0) &&
	    EXPECT(ini_buf_alloc(&s->io, 2 * MAX_IO, IBV_ACCESS_REMOTE_READ |
				 IBV_ACCESS_REMOTE_WRITE, &s->buf), 0))
		return true;
	session_close(s);
	return false;
}

static int rw(struct session *s, u8 opcode, u32 nsid, u64 lba, u32 blocks,
	      u32 len)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, opcode, nsid, lba, blocks, 0);
	ini_map(&cmd, &s->buf, len);
	return ini_exec(&s->io, &cmd, NULL);
}

static void fill(u8 *p, u32 len, u32 seed)
{
	u32 i;

	for (i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = (u8)(seed >> 24);
	}
}

static void verify_len(struct session *s, u32 nsid, u32 lba, u32 len)
{
	static u8 want[MAX_IO];

	fill(want, len, lba + len);
	memcpy(s->buf.data, want, len);
	EXPECT(rw(s, NVME_CMD_WRITE, nsid, lba, len / BLOCK, len), 0);
	memset(s->buf.data, 0, len);
	EXPECT(rw(s, NVME_CMD_READ, nsid, lba, len / BLOCK, len), 0);
	EXPECT(memcmp(s->buf.data, want, len), 0);
}

static void verify_capsule(struct session *s, u32 nsid, u32 lba)
{
	u8 want[CAPSULE_DATA];
	union nvme_cmd cmd;

	fill(want, sizeof(want), lba);
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, nsid, lba, sizeof(want) / BLOCK, 0);
	nvme_sgl_incapsule(&cmd.sqe.sgl, 0, sizeof(want));
	EXPECT(ini_exec_with(&s->io, &cmd, want, sizeof(want), NULL), 0);
	EXPECT(rw(s, NVME_CMD_READ, nsid, lba, sizeof(want) / BLOCK,
		  sizeof(want)), 0);
	EXPECT(memcmp(s->buf.data, want, sizeof(want)), 0);
}

static void healthy(void)
{
	static u32 turn;
	struct session s;
	u32 nsid;

	if (!session_open(&s, 32))
		return;
	turn++;
	for (nsid = 1; nsid <= 2; nsid++) {
		verify_len(&s, nsid, turn * 300 % BLOCKS, 512);
		verify_len(&s, nsid, turn * 300 % BLOCKS, MAX_IO);
		verify_capsule(&s, nsid, turn * 700 % BLOCKS);
	}
	session_close(&s);
}

/* 32 reads and writes of the largest size on both namespaces */
static INI_UNUSED void post_burst(struct session *s)
{
	u32 i;

	for (i = 0; i < 32; i++) {
		union nvme_cmd cmd;

		nvme_cmd_rw(&cmd, i & 1 ? NVME_CMD_READ : NVME_CMD_WRITE,
			    1 + (i >> 1 & 1), i * 256, MAX_IO / BLOCK, 0);
		cmd.sqe.cid = cpu_to_le16(i);
		ini_map(&cmd, &s->buf, MAX_IO);
		ini_post(&s->io, &cmd, sizeof(cmd));
	}
}

/* Cases */

struct test_case {
	const char *name;
	void (*run)(void);
};

#define CASE(name) { #name, case_##name }

static bool case_wanted(const char *name, int argc, char **argv)
{
	int i;

	for (i = 2; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc <= 2;
}

/* Returns what main() ends with. */
static int run_cases(const struct test_case *cases, size_t count, int argc,
		     char **argv)
{
	int bad = 0, ran = 0;
	size_t i;

	if (argc < 2) {
		fprintf(stderr, "usage: %s ADDRESS [CASE...] | --list\n",
			argv[0]);
		return 2;
	}
	if (!strcmp(argv[1], "--list")) {
		for (i = 0; i < count; i++)
			puts(cases[i].name);
		return 0;
	}
	addr = argv[1];
	for (i = 0; i < count; i++) {
		if (!case_wanted(cases[i].name, argc, argv))
			continue;
		failures = 0;
		cases[i].run();
		healthy();
		ran++;
		bad += failures > 0;
		printf("%s %s\n", failures ? "FAIL" : "ok", cases[i].name);
		fflush(stdout);
	}
	printf("%d cases, %d failed\n", ran, bad);
	return bad || !ran;
}

#endif
