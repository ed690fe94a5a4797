/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * I/O counted by namespace, host and connection, and their rate limits. Each
 * reactor counts for itself, by plain increments; listings add up.
 */
#ifndef WEFT_TARGET_NVMF_IOSTATS_H
#define WEFT_TARGET_NVMF_IOSTATS_H

#include <sys/queue.h>

#include "common/fabrics.h"
#include "target/bdev/limit.h"

enum nvmf_io_kind { NVMF_IO_READ, NVMF_IO_WRITE, NVMF_IO_OTHER, NVMF_IO_KINDS };

/* Bucket n counts latencies below 2^n us that are in no smaller one */
#define NVMF_IO_BUCKETS	32

/** struct nvmf_io_stats - from the capsule's arrival to the response */
struct nvmf_io_stats {
	u64 ops[NVMF_IO_KINDS];
	u64 bytes[NVMF_IO_KINDS];
	u64 latency_us[NVMF_IO_KINDS];
	u64 errors;
	u64 buckets[NVMF_IO_OTHER][NVMF_IO_BUCKETS];
};

/**
 * struct nvmf_io_host - a host on one poll group; stays with the group, but for
 * one that only limits had a name for
 * @limit: this reactor's share of the host's limits, or NULL
 * @met: it has sent commands here, and is one of those that are counted apart
 */
struct nvmf_io_host {
	char nqn[NVMF_NQN_MAX + 1];
	struct nvmf_io_stats io;
	struct limit_share *limit;
	bool met;
	TAILQ_ENTRY(nvmf_io_host) link;
};
TAILQ_HEAD(nvmf_io_host_list, nvmf_io_host);

/**
 * enum nvmf_io_wait - what a request had to wait for, counted in poll groups
 * @NVMF_WAIT_BDEV_LIMIT: counted by bdevs, of all operations of the reactor
 * @NVMF_WAIT_LOCK: for blocks that a pair of Compare and Write has locked
 * @NVMF_WAIT_MEMORY: for that of commands that read without sending
 * @NVMF_WAIT_FENCE: not a request: a pair, a reservation command, or a change of
 *                   path states or of visible namespaces, for requests to end
 */
enum nvmf_io_wait {
	NVMF_WAIT_HOST_LIMIT,
	NVMF_WAIT_NS_LIMIT,
	NVMF_WAIT_BDEV_LIMIT,
	NVMF_WAIT_LOCK,
	NVMF_WAIT_MEMORY,
	NVMF_WAIT_FENCE,
	NVMF_IO_WAITS
};
extern const char *const nvmf_io_wait_names[NVMF_IO_WAITS];

/** enum nvmf_io_row_kind - what a row tells of */
enum nvmf_io_row_kind {
	NVMF_ROW_REACTOR,	/* all I/O of a poll group */
	NVMF_ROW_NAMESPACE,
	NVMF_ROW_GONE,		/* namespaces that a subsystem has had before */
	NVMF_ROW_HOST,
	NVMF_ROW_CONNECTION,
	NVMF_ROW_KINDS
};

#endif
