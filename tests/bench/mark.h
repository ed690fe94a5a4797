/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Marks by which a program in the guest tells the counter of instructions when to begin and
 * when to end: a no-op of eight bytes, nopl N(%rax,%rax,1), with a number of ours.
 */
#ifndef WEFT_BENCH_MARK_H
#define WEFT_BENCH_MARK_H

#define MARK_BEGIN	0x57
#define MARK_END	0x45
#define MARK_SIZE	8
/* the instruction that bears the letter L, as a list of bytes */
#define MARK_BYTES(L)	0x0f, 0x1f, 0x84, 0x00, 0x45, 0x46, 0x54, L

#define MARK_TEXT_(...)	#__VA_ARGS__
#define MARK_TEXT(...)	MARK_TEXT_(__VA_ARGS__)
#define mark(L)		__asm__ volatile(".byte " MARK_TEXT(MARK_BYTES(L)) : : : "memory")

#endif
