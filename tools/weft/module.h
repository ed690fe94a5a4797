/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Kernel modules, by libkmod.
 */
#ifndef WEFT_TOOLS_MODULE_H
#define WEFT_TOOLS_MODULE_H

struct kmod_ctx;

/** module_context() - libkmod, silent; NULL after a message */
struct kmod_ctx *module_context(void);

/** module_load() - with what it needs; enum cli_exit */
int module_load(const char *name);

/** module_remove() - and say so, or who uses it; enum cli_exit */
int module_remove(struct kmod_ctx *ctx, const char *name);

#endif
