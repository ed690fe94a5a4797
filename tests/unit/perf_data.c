// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * What `weft perf` writes and expects: that no byte of a block goes unchecked,
 * and no write that did not happen, whatever the buffer or the disk held.
 */
#include "tests/unit/unit.h"
#include "tools/weft/perf.h"

#define BLOCK	512u
#define BS	(2 * BLOCK)
#define SLOTS	4u

static struct perf_job job;
static struct perf_queue q;
static _Alignas(u64) u8 buf[BS], disk[SLOTS][BS];

/* @percent of reads, one place after the other */
static void begin(enum perf_verify how, u32 percent)
{
	memset(&job, 0, sizeof(job));
	job.bs = BS;
	job.block = BLOCK;
	job.verify = how;
	job.seed = 1;
	job.read_percent = percent;
	memset(&q, 0, sizeof(q));
	q.job = &job;
	q.rng = 1;
	q.nslots = SLOTS;
	q.quota = UINT64_MAX;
	perf_remember(&q);
	memset(disk, 0, sizeof(disk));
}

static void end(void)
{
	free(q.gens);
	free(q.busy);
}

static struct perf_io io_on(u8 *memory)
{
	return (struct perf_io) { .q = &q, .buf = memory };
}

static void write_next(bool stored, bool good)
{
	struct perf_io io = io_on(buf);

	CU_ASSERT_FATAL(perf_prepare(&q, &io) && !io.read);
	if (stored)
		memcpy(disk[io.slot], buf, BS);
	perf_landed(&q, &io, good);
}

static void write_all(void)
{
	u32 i;

	for (i = 0; i < SLOTS; i++)
		write_next(true, true);
}

/* Every place that it wants to see again; returns how many */
static u32 read_back(void)
{
	struct perf_io io = io_on(buf);
	u32 n = 0;

	for (q.reading_back = true; perf_prepare(&q, &io); n++) {
		memcpy(buf, disk[io.slot], BS);
		perf_check(&q, &io);
	}
	return n;
}

static void test_all_is_well(void)
{
	begin(PERF_VERIFY_CRC, 0);
	write_all();
	write_all();
	UNIT_EQ(read_back(), SLOTS);
	UNIT_EQ(q.mismatches, 0);
	UNIT_EQ(q.checked, SLOTS * BS);
	end();
}

static void every_byte(enum perf_verify how)
{
	struct perf_io io = { .q = &q, .check = true };
	u32 i;

	begin(how, 0);
	write_all();
	io.buf = disk[0];
	for (i = 0; i < BS; i++, q.mismatches = 0) {
		disk[0][i] ^= 1;
		perf_check(&q, &io);
		disk[0][i] ^= 1;
		UNIT_EQ(q.mismatches, 1);
	}
	perf_check(&q, &io);
	UNIT_EQ(q.mismatches, 0);
	end();
}

static void test_every_byte(void)
{
	every_byte(PERF_VERIFY_CRC);
	every_byte(PERF_VERIFY_PATTERN);
}

/* One run's reads may compare what another one's CRC covered. */
static void test_pattern_of_a_crc_run(void)
{
	begin(PERF_VERIFY_CRC, 0);
	write_all();
	job.verify = PERF_VERIFY_PATTERN;
	UNIT_EQ(read_back(), SLOTS);
	UNIT_EQ(q.mismatches, 0);
	end();
}

/* Not one byte is stored, and the disk is as an equal run has left it. */
static void test_lost_writes_of_a_second_run(void)
{
	u8 old[SLOTS][BS];
	u32 i;

	begin(PERF_VERIFY_CRC, 0);
	write_all();
	memcpy(old, disk, sizeof(old));
	end();
	begin(PERF_VERIFY_CRC, 0);
	memcpy(disk, old, sizeof(old));
	for (i = 0; i < SLOTS; i++)
		write_next(false, true);
	UNIT_EQ(read_back(), SLOTS);
	UNIT_EQ(q.mismatches, SLOTS * BS / BLOCK);
	end();
}

/* The buffer of a write is that of the read after it: nothing comes. */
static void test_read_that_brings_nothing(void)
{
	struct perf_io io = io_on(buf);

	begin(PERF_VERIFY_PATTERN, 0);
	q.nslots = 1;
	write_next(true, true);
	q.reading_back = true;
	CU_ASSERT_FATAL(perf_prepare(&q, &io));
	perf_check(&q, &io);
	UNIT_EQ(q.mismatches, BS / BLOCK);
	UNIT_EQ(q.checked, 0);
	end();
}

/* It may have stored what it has failed to do, or not. */
static void failed_write(bool stored)
{
	begin(PERF_VERIFY_CRC, 0);
	write_all();
	write_next(stored, false);
	UNIT_EQ(read_back(), SLOTS - 1);
	UNIT_EQ(q.mismatches, 0);
	end();
}

static void test_failed_write(void)
{
	failed_write(true);
	failed_write(false);
}

/* What stands there after a failure is no excuse for a write that is lost. */
static void test_lost_after_a_failure(void)
{
	begin(PERF_VERIFY_CRC, 0);
	q.nslots = 1;
	write_next(true, true);
	write_next(false, false);
	write_next(false, true);
	UNIT_EQ(read_back(), 1);
	UNIT_EQ(q.mismatches, BS / BLOCK);
	end();
}

/* Numbers of writes come to their end; 0 would be no write. */
static void test_numbers_wrap(void)
{
	begin(PERF_VERIFY_CRC, 0);
	q.gen = UINT32_MAX - 1;
	write_all();
	UNIT_EQ(read_back(), SLOTS);
	UNIT_EQ(q.mismatches, 0);
	end();
}

UNIT_MAIN(UNIT(test_all_is_well), UNIT(test_every_byte),
	  UNIT(test_pattern_of_a_crc_run),
	  UNIT(test_lost_writes_of_a_second_run),
	  UNIT(test_read_that_brings_nothing), UNIT(test_failed_write),
	  UNIT(test_lost_after_a_failure), UNIT(test_numbers_wrap))
