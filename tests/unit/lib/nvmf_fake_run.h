/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Between the two halves of the fake transport.
 */
#ifndef TESTS_UNIT_LIB_NVMF_FAKE_RUN_H
#define TESTS_UNIT_LIB_NVMF_FAKE_RUN_H

#include <stdatomic.h>

extern const struct nvmf_transport_ops fake_transport_ops;

/** fake_set() - *@flag = true, and wake the test's thread */
void fake_set(atomic_bool *flag);

#endif
