/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Tests of block devices as lists of steps on a real reactor: a step runs when
 * nothing that an earlier one started is pending any more.
 */
#ifndef TESTS_UNIT_BDEV_STEPS_H
#define TESTS_UNIT_BDEV_STEPS_H

#include <sched.h>
#include <unistd.h>

#include "target/bdev/bdev.h"
#include "tests/unit/unit.h"

typedef void (*step_fn)(void);

static struct {
	const step_fn *list;
	size_t count;
	size_t at;
	struct poller *poller;
	int pending;
} steps;

static int steps_poll(void *ctx)
{
	(void)ctx;
	if (steps.pending)
		return 0;
	if (steps.at == steps.count) {
		poller_unregister(&steps.poller);
		reactors_stop();
	} else {
		steps.list[steps.at++]();
	}
	return 1;
}

/* lets the reactor sleep while a step waits for something */
static int steps_arm(void *ctx)
{
	(void)ctx;
	return !steps.pending;
}

static void steps_start(void *ctx)
{
	steps.poller = poller_register("steps", steps_poll, ctx, 0, steps_arm);
}

static void steps_run_on(unsigned int reactors, enum reactor_mode mode,
			 const step_fn *list, size_t count)
{
	int cores[2] = { sched_getcpu(), sched_getcpu() };
	struct reactor_opts opts = { cores, reactors, mode, 20 };

	alarm(60);
	steps.list = list;
	steps.count = count;
	steps.at = 0;
	steps.pending = 0;
	UNIT_EQ(reactors_run(&opts, steps_start, NULL), 0);
	UNIT_EQ(steps.at, count);
}

#define STEPS(...)							\
	steps_run_on(1, REACTOR_INTERRUPT, (const step_fn[]){ __VA_ARGS__ }, \
		     sizeof((const step_fn[]){ __VA_ARGS__ }) / sizeof(step_fn))

/* for callbacks that end what a step waits for */
static inline void step_done(void *ctx)
{
	(void)ctx;
	steps.pending--;
}

static int turns_left;

static inline void turn(void *ctx)
{
	(void)ctx;
	if (--turns_left)
		reactor_send(reactor_self(), turn, NULL);
	else
		steps.pending--;
}

/* the next step runs when whatever messages lead to has happened */
static inline void settle(void)
{
	steps.pending++;
	turns_left = 64;
	reactor_send(reactor_self(), turn, NULL);
}

/* one operation of a test */
struct op {
	struct bdev_io io;
	struct iovec iov[4];
	int err;
	int calls;
	unsigned int nth;	/* of all that have ended */
};

static unsigned int ops_ended;

static void op_done(struct bdev_io *io, int err)
{
	struct op *op = io->ctx;

	op->err = err;
	op->calls++;
	op->nth = ++ops_ended;
	steps.pending--;
}

static void op_start(struct op *op, struct bdev_desc *desc,
		     struct io_channel *ch, enum bdev_io_type type, u64 lba,
		     u64 blocks)
{
	op->io.desc = desc;
	op->io.channel = ch;
	op->io.type = type;
	op->io.iov = op->iov;
	op->io.lba = lba;
	op->io.blocks = blocks;
	op->io.done = op_done;
	op->io.ctx = op;
	op->err = 1;
	op->calls = 0;
	steps.pending++;
	bdev_submit(&op->io);
}

static void op_buffer(struct op *op, void *buf, size_t len)
{
	op->iov[0].iov_base = buf;
	op->iov[0].iov_len = len;
	op->io.iovcnt = 1;
}

/* bytes that say where they belong */
static inline void pattern_fill(u8 *buf, size_t len, u64 at, unsigned int salt)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = (u8)((at + i) * 2654435761u >> 13 ^ (at + i) ^ salt);
}

/* the first byte that is not as pattern_fill() left it, or len */
static inline size_t pattern_check(const u8 *buf, size_t len, u64 at,
				   unsigned int salt)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (buf[i] != (u8)((at + i) * 2654435761u >> 13 ^ (at + i) ^
				   salt))
			return i;
	return len;
}

static inline bool all_zero(const u8 *buf, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (buf[i])
			return false;
	return true;
}

#endif
