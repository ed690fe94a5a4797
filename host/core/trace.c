// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints' bodies: one file of the module has to bring them. */
#define CREATE_TRACE_POINTS
#include "host/core/trace.h"
