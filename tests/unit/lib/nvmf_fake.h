/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * A whole NVMe-oF target on real reactors, reached through a transport that
 * only exists in memory. Test code runs in the program's main thread and reads
 * as a straight line: each call below hands its work to a reactor and waits.
 * Nothing is timed; what would hang ends by the alarm.
 */
#ifndef TESTS_UNIT_LIB_NVMF_FAKE_H
#define TESTS_UNIT_LIB_NVMF_FAKE_H

#include <stdatomic.h>

#include "common/cmd.h"
#include "target/nvmf/transport.h"

#define FAKE_NQN	"nqn.2026-11.io.weft:fake"
#define FAKE_HOST	"nqn.2026-11.io.weft:host"
#define FAKE_CAPSULE	4096	/* bytes of data that a capsule may carry */
#define FAKE_MAX_IO	131072
#define FAKE_DEPTH	32
#define FAKE_QPAIRS	4
#define FAKE_REACTORS	3	/* at most */
#define FAKE_DROPPED	0xffff	/* a status: the connection was gone */

struct fake_req;
TAILQ_HEAD(fake_req_list, fake_req);

/**
 * struct fake_conn - one connection
 * @hold_data: requests stay where data would be on its way
 * @hold_done: requests stay where the response would be on its way
 * @gone: the transport and nvmf have both let go of it
 */
struct fake_conn {
	struct nvmf_qpair q;
	unsigned int reactor;
	atomic_bool hold_data;
	atomic_bool hold_done;
	atomic_int held;
	atomic_bool gone;
	bool down;
	struct fake_req_list data_wait;
	struct fake_req_list done_wait;
};

/** struct fake_result - how a command ended */
struct fake_result {
	nvme_status st;
	u64 result;
	u16 sqhd;
	u16 cid;
	bool in_place;
};

/* The target; @min_kato in ms. Of @reactors the first is the control reactor. */
void fake_start(unsigned int reactors, u32 min_kato);
/** fake_stop() - ends everything; true if the reactors were left clean */
bool fake_stop(void);
/** fake_stop_begin() - what goes on may keep it from ending */
void fake_stop_begin(void);
bool fake_stop_end(void);

/** fake_on() - run @fn on a reactor and wait for its return */
void fake_on(unsigned int reactor, reactor_fn fn, void *ctx);
/** fake_until() - wait until *@flag, set by any thread */
void fake_until(atomic_bool *flag);
/** fake_yield() - every reactor has done what it had to do up to now */
void fake_yield(void);

/* Control plane; each returns the errno, the reason is in fake_why */
extern struct weft_reason fake_why;
int fake_subsystem(const struct nvmf_subsystem_opts *o);
int fake_malloc(const char *name, u64 blocks, u32 block_size);
int fake_null(const char *name, u64 blocks);
int fake_unregister(const char *name);
int fake_add_ns(const char *nqn, const char *bdev, u32 *nsid);
int fake_remove_ns(const char *nqn, u32 nsid);
int fake_listener(const char *nqn, const char *port, bool add);
int fake_listener_invalidate(const char *nqn, const char *port,
			     enum nvmf_invalidate invalidate);
int fake_add_host(const char *nqn, const char *host);
int fake_remove_host(const char *nqn, const char *host);
int fake_allow_any(const char *nqn, bool allow);
int fake_delete(const char *nqn);
/** fake_standard() - FAKE_NQN: any host, port 4420, malloc "m0" as nsid 1 */
void fake_standard(void);
void fake_standard_with(bool ana_reporting);
/** fake_start_with_medium() - two reactors, and a medium "d0" as namespace 2 */
void fake_start_with_medium(u64 blocks);
int fake_add_masked_ns(const char *nqn, const char *bdev, u32 nsid);
int fake_add_ptpl_ns(const char *nqn, const char *bdev, u32 nsid,
		     const char *file);
int fake_ns_host(const char *nqn, u32 nsid, const char *host, bool add);
/** @group 0: all */
int fake_ana_state(const char *nqn, const char *port, u32 group, u8 state);
void fake_config(struct nvmf_config c);
/** fake_referral() - to 192.0.2.1 */
int fake_referral(const char *nqn, const char *port, bool add);
/** fake_association_ms - the transport's association_timeout; 0: the default */
extern u32 fake_association_ms;
int fake_ana_group(const char *nqn, u32 nsid, u32 group);
/** struct fake_op - a change that is under way */
struct fake_op {
	atomic_bool done;
	int err;
	u32 nsid;
};
/** fake_remove_ns_begin() and so on - @op->done tells the end */
void fake_remove_ns_begin(const char *nqn, u32 nsid, struct fake_op *op);
void fake_add_ns_begin(const char *nqn, const char *bdev, u32 nsid,
		       struct fake_op *op);
void fake_delete_begin(const char *nqn, struct fake_op *op);
void fake_ana_state_begin(const char *nqn, const char *port, u32 group,
			  u8 state, struct fake_op *op);
/** fake_waits() - how often something had to wait on a reactor */
u64 fake_waits(unsigned int reactor, enum nvmf_io_wait reason);
/** fake_ctrlrs() - how many controllers a subsystem lists */
unsigned int fake_ctrlrs(const char *nqn);

/* Connections */
struct fake_conn *fake_conn_new(bool admin);
/** fake_conn_on() - on a reactor of the test's choice */
struct fake_conn *fake_conn_on(bool admin, unsigned int reactor);
/** fake_listen_port - where new connections arrive; NULL: 4420 */
extern const char *fake_listen_port;
/** fake_conn_break() - the peer goes away, without waiting for the end */
void fake_conn_break(struct fake_conn *c);
/** fake_conn_end() - break it if it is still up, wait, free */
void fake_conn_end(struct fake_conn *c);
/** fake_release() - let go of what is held */
void fake_release(struct fake_conn *c);

/* Commands */
enum fake_how {
	FAKE_REMOTE,		/* keyed descriptor for the data */
	FAKE_IN_CAPSULE,	/* the data follows the command */
	FAKE_STREAMED,		/* the same, but it comes later than the command */
	FAKE_RAW,		/* flags and descriptor as they are in @cmd */
};
struct fake_req *fake_submit(struct fake_conn *c, const union nvme_cmd *cmd,
			     void *data, u32 len, enum fake_how how);

#define FAKE_COPY_BLOCKS	2048	/* 1 MiB, the most of one Copy */
/* @n Copies of that size whose reads the medium holds: a reactor's memory is enough for four */
void fake_hold_copies(struct fake_conn *c, u32 nsid, struct fake_req **r, int n);
struct fake_result fake_wait(struct fake_req *r);
bool fake_ended(struct fake_req *r);
u16 fake_cid(const struct fake_req *r);
/** fake_awaited() - does nvmf say so, and its poll group that it waits? */
bool fake_awaited(struct fake_req *r);
/** fake_cmd() - submit with FAKE_REMOTE and wait */
struct fake_result fake_cmd(struct fake_conn *c, const union nvme_cmd *cmd,
			    void *data, u32 len);
#define FAKE_NO_RECORDS		UINT64_MAX
/** fake_records() - of the discovery log, read to @page; or FAKE_NO_RECORDS */
u64 fake_records(struct fake_conn *c, void *page, u32 size);

/** struct fake_hello - a Connect; zero means the usual */
struct fake_hello {
	const char *subnqn;
	const char *hostnqn;
	u16 qid;
	u16 cntlid;
	u16 sqsize;		/* 0-based */
	u8 cattr;
	u32 kato;
	u8 hostid;
	bool no_host;
	bool no_hostid;		/* all of its bytes are 0 */
};
/** fake_admin_as() - as fake_admin(), of the host that @h names */
struct fake_conn *fake_admin_as(const struct fake_hello *h, u16 *cntlid);
struct fake_conn *fake_io_as(const struct fake_hello *h, unsigned int reactor);
void fake_connect_cmd(const struct fake_hello *h, union nvme_cmd *cmd,
		      struct nvmf_connect_data *d);
struct fake_result fake_hello(struct fake_conn *c, const struct fake_hello *h);

nvme_status fake_prop_set(struct fake_conn *c, u32 offset, u64 value);
u64 fake_prop_get(struct fake_conn *c, u32 offset);
/** fake_enable() - write CC.EN and see CSTS.RDY */
bool fake_enable(struct fake_conn *c);

/** fake_admin() - a connected and enabled admin queue; *@cntlid its controller */
struct fake_conn *fake_admin(const char *nqn, u16 *cntlid);
/** fake_io() - a connected I/O queue on @reactor */
struct fake_conn *fake_io(u16 cntlid, u16 qid, unsigned int reactor);
/** fake_rw() - Read or Write; the status */
struct fake_result fake_rw(struct fake_conn *c, u8 opcode, u64 lba, u32 blocks,
			   void *data, u32 len);

/**
 * struct fake_medium - how block devices of fake_medium_create() behave
 * @hold: types (bits) whose operations stay until fake_medium_release()
 * @held: how many do; @cancels: what comes of it to cancel them, when they are
 *        released; @asked: how often somebody wanted that
 * @lacks: types (bits) that are not supported; before the creation
 * @unmap_leaves: unmapped blocks do not read as zeroes; before the creation
 * @fail: what operations of a type end with
 * @count: operations that were carried out; @fua: those with FUA
 */
enum { FAKE_CANNOT_CANCEL, FAKE_CANCELLED, FAKE_CANCELLED_LATE };
extern struct fake_medium {
	atomic_uint hold;
	atomic_uint held;
	atomic_int cancels;
	atomic_uint asked;
	unsigned int lacks;
	bool unmap_leaves;
	atomic_int fail[BDEV_IO_TYPES];
	atomic_uint count[BDEV_IO_TYPES];
	atomic_uint fua;
} fake_medium;

/** fake_medium_create() - a device of 512-byte blocks that is not RAM */
int fake_medium_create(const char *name, u64 blocks);
void fake_medium_release(const char *name);
void fake_medium_reset(void);

#endif
