// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A QEMU plugin that counts the instructions of a guest, by the address of the translation
 * block that they stand in, between two marks that a program in the guest sets (window.c).
 * The guest notices nothing: on the instruction clock no time passes while we count.
 *
 *	-plugin counter.so,out=FILE
 *
 * At the second mark FILE gets a line "ADDRESS INSTRUCTIONS" for each block that ran. All of
 * it runs in the one thread in which -accel tcg,thread=single emulates every processor, so
 * nothing is locked. Debian ships no header of the plugin interface, of which this uses
 * version 1: what is needed of it is declared here.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/mark.h"

#define EXPORT __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;

enum { INLINE_ADD_U64 };
enum { CB_NO_REGS };

extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
		void (*cb)(uint64_t id, struct qemu_plugin_tb *tb));
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
		size_t index);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op,
		void *counter, uint64_t add);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
		void (*cb)(unsigned int cpu, void *data), int flags, void *data);

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv);

/* Generated code holds the address of a block's count: blocks never move. */
struct block {
	uint64_t address;
	uint64_t instructions;
	struct block *next;
};

#define BUCKETS (1u << 18)

static struct block *buckets[BUCKETS];
static const char *out;

static struct block *find_block(uint64_t address)
{
	struct block **bucket = &buckets[(address ^ address >> 18) % BUCKETS];
	struct block *b;

	for (b = *bucket; b; b = b->next)
		if (b->address == address)
			return b;
	b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	b->address = address;
	b->next = *bucket;
	*bucket = b;
	return b;
}

/* Calls visit for every block; none is there before the guest has run. */
static void for_each_block(void (*visit)(struct block *b, FILE *f), FILE *f)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct block *b = buckets[i]; b; b = b->next)
			visit(b, f);
}

static void reset(struct block *b, FILE *f)
{
	(void)f;
	b->instructions = 0;
}

static void print(struct block *b, FILE *f)
{
	if (b->instructions)
		fprintf(f, "%" PRIx64 " %" PRIu64 "\n", b->address, b->instructions);
}

static void begin(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	for_each_block(reset, NULL);
}

static void end(unsigned int cpu, void *data)
{
	FILE *f = fopen(out, "w");

	(void)cpu;
	(void)data;
	if (!f) {
		perror(out);
		return;
	}
	for_each_block(print, f);
	fclose(f);
}

static bool is_mark(const struct qemu_plugin_insn *insn, const uint8_t mark[MARK_SIZE])
{
	return qemu_plugin_insn_size(insn) == MARK_SIZE &&
		!memcmp(qemu_plugin_insn_data(insn), mark, MARK_SIZE);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	static const uint8_t begins[] = { MARK_BYTES(MARK_BEGIN) };
	static const uint8_t ends[] = { MARK_BYTES(MARK_END) };
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (is_mark(insn, begins))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, begin, CB_NO_REGS, NULL);
		else if (is_mark(insn, ends))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, end, CB_NO_REGS, NULL);
	}
	qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64,
			&find_block(qemu_plugin_tb_vaddr(tb))->instructions, n);
}

int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "counter: accepted is one argument: out=FILE\n");
		return -1;
	}
	out = strdup(argv[0] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return out ? 0 : -1;
}
