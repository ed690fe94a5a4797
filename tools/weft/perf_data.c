// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * What `weft perf` reads and writes: where the next I/O goes, and, when
 * verifying, what is in every block: a stamp of its number and of the write
 * that put it there, and numbers that follow from both. On the worker's thread.
 */
#include <sys/random.h>

#include "common/tcp_pdu.h"
#include "tools/weft/perf.h"

#define MAGIC		0x5765667450657266ull
#define SPREAD		0x9e3779b97f4a7c15ull
#define MISMATCHES_SAID	10

/* At the head of every block; the numbers follow */
struct stamp {
	__le64 magic;
	__le64 lba;
	__le32 gen;
	__le32 crc;		/* of the block with this field 0 */
	__le64 seed;
};
WEFT_ASSERT_SIZE(struct stamp, 32);

u64 perf_random(u64 *state)
{
	u64 x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x;
}

u64 perf_lba(const struct perf_queue *q, const struct perf_io *io)
{
	return q->first + io->slot * (q->job->bs / q->job->block);
}

/* --- blocks --------------------------------------------------------------------- */

static u64 first_number(const struct perf_job *job, u64 lba, u32 gen)
{
	return (lba * SPREAD) ^ ((u64)gen << 32) ^ job->seed;
}

static u32 block_crc(const struct perf_job *job, u8 *block)
{
	struct stamp *s = (struct stamp *)block;
	__le32 was = s->crc;
	u32 crc;

	s->crc = 0;
	crc = ~nvme_tcp_crc(NVME_TCP_CRC_INIT, block, job->block);
	s->crc = was;
	return crc;
}

static void stamp_block(const struct perf_job *job, u8 *block, u64 lba, u32 gen)
{
	struct stamp *s = (struct stamp *)block;
	u64 v = first_number(job, lba, gen), *p = (u64 *)block;
	u32 i;

	*s = (struct stamp) {
		.magic = cpu_to_le64(MAGIC), .lba = cpu_to_le64(lba),
		.gen = cpu_to_le32(gen), .seed = cpu_to_le64(job->seed),
	};
	for (i = sizeof(*s) / 8; i < job->block / 8; i++, v += SPREAD)
		p[i] = v;
	if (job->verify == PERF_VERIFY_CRC)
		s->crc = cpu_to_le32(block_crc(job, block));
}

static const char *wrong(const struct perf_job *job, u8 *block, u64 lba,
			 u32 gen)
{
	const struct stamp *s = (const struct stamp *)block;
	const u64 *p = (const u64 *)block;
	u32 has = le32_to_cpu(s->gen), i;
	u64 v;

	if (le64_to_cpu(s->magic) != MAGIC ||
	    le64_to_cpu(s->seed) != job->seed)
		return "no stamp of this seed";
	if (le64_to_cpu(s->lba) != lba)
		return "another block's stamp";
	if (gen && has != gen)
		return "another write's stamp";
	if (job->verify == PERF_VERIFY_CRC)
		return le32_to_cpu(s->crc) == block_crc(job, block) ? NULL :
		       "the CRC is wrong";
	/* of a run that wrote CRCs, too */
	if (s->crc && le32_to_cpu(s->crc) != block_crc(job, block))
		return "the contents are wrong";
	v = first_number(job, lba, has);
	for (i = sizeof(*s) / 8; i < job->block / 8; i++, v += SPREAD)
		if (p[i] != v)
			return "the contents are wrong";
	return NULL;
}

void perf_check(struct perf_queue *q, const struct perf_io *io)
{
	const struct perf_job *job = q->job;
	u64 lba = perf_lba(q, io);
	const char *what;
	u32 off;

	for (off = 0; off < job->bs; off += job->block, lba++) {
		what = wrong(job, io->buf + off, lba, io->gen);
		if (!what) {
			q->checked += job->block;
			continue;
		}
		if (q->mismatches++ < MISMATCHES_SAID)
			cli_error(0, "block %llu (write %u): %s",
				  (unsigned long long)lba, io->gen, what);
	}
}

static void fill(struct perf_queue *q, struct perf_io *io)
{
	const struct perf_job *job = q->job;
	u64 lba = perf_lba(q, io);
	u32 off;

	for (off = 0; off < job->bs; off += job->block, lba++)
		stamp_block(job, io->buf + off, lba, io->gen);
}

/* Memory of a read: what it holds already, and may be right, is no answer */
static void spoil(const struct perf_job *job, const struct perf_io *io)
{
	u32 off;

	for (off = 0; off < job->bs; off += job->block)
		memset(io->buf + off, 0, sizeof(struct stamp));
}

void perf_remember(struct perf_queue *q)
{
	/* no write of this run is like one of an earlier run */
	if (getrandom(&q->gen, sizeof(q->gen), 0) != sizeof(q->gen))
		q->gen = (u32)ini_now();
	q->gens = cli_alloc(q->nslots * sizeof(*q->gens));
	q->busy = cli_alloc(q->nslots);
}

/* --- places ----------------------------------------------------------------------- */

static u64 place(struct perf_queue *q)
{
	u64 at;

	if (q->job->random)
		return perf_random(&q->rng) % q->nslots;
	at = q->next;
	q->next = at + 1 == q->nslots ? 0 : at + 1;
	return at;
}

/* One that no other I/O is using; there are more slots than I/Os. */
static u64 free_place(struct perf_queue *q)
{
	u64 at = place(q);

	while (q->busy && q->busy[at])
		at = at + 1 == q->nslots ? 0 : at + 1;
	return at;
}

static u32 next_gen(struct perf_queue *q)
{
	if (!++q->gen)
		q->gen = 1;
	return q->gen;
}

static bool next_to_read_back(struct perf_queue *q, struct perf_io *io)
{
	while (q->readback < q->nslots && !q->gens[q->readback])
		q->readback++;
	if (q->readback == q->nslots)
		return false;
	io->slot = q->readback++;
	io->gen = q->gens[io->slot];
	io->read = io->check = true;
	spoil(q->job, io);
	return true;
}

bool perf_prepare(struct perf_queue *q, struct perf_io *io)
{
	struct perf_job *job = q->job;

	if (q->reading_back)
		return next_to_read_back(q, io);
	if (q->issued == q->quota)
		return false;
	q->issued++;
	io->slot = free_place(q);
	io->read = job->read_percent == 100 ||
		   (job->read_percent &&
		    perf_random(&q->rng) % 100 < job->read_percent);
	io->check = false;
	io->gen = 0;
	if (!job->verify)
		return true;
	q->busy[io->slot] = 1;
	if (!io->read) {
		io->gen = next_gen(q);
		fill(q, io);
	} else {
		/* of its own writes it knows which was the last */
		io->gen = q->gens[io->slot];
		io->check = io->gen || job->read_percent == 100;
		if (io->check)
			spoil(job, io);
	}
	return true;
}

void perf_landed(struct perf_queue *q, const struct perf_io *io, bool good)
{
	if (!q->busy || q->reading_back)
		return;
	q->busy[io->slot] = 0;
	if (!io->read)
		q->gens[io->slot] = good ? io->gen : 0;
}
