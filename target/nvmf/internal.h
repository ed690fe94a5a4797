/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What the files of the nvmf room share among themselves.
 *
 * Three owners:
 * - the control reactor has the target, subsystems, namespaces, hosts,
 *   listeners, transports, and the list of controllers of each subsystem;
 * - a controller's state lives on its home, the reactor of its admin queue;
 * - a queue pair, its requests and the poll group's snapshot of namespaces
 *   live on the queue's reactor.
 *
 * They talk by messages, and messages between two reactors keep their order.
 * That is what makes the pointers in them good:
 * - an I/O queue is freed by its reactor only after the controller's home has
 *   answered "forgotten"; whatever the home sent before arrives before;
 * - a controller is freed by its home only after the control reactor has
 *   answered "unlinked"; likewise.
 */
#ifndef WEFT_TARGET_NVMF_INTERNAL_H
#define WEFT_TARGET_NVMF_INTERNAL_H

#include "common/cmd.h"
#include "common/connect.h"
#include "common/lbaset.h"
#include "common/regs.h"
#include "common/resv_rules.h"
#include "target/nvmf/transport.h"

#ifndef container_of
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#endif

#define NVMF_MAX_SUBSYSTEMS	1024
#define NVMF_MAX_BLOCK		65536	/* bytes */
#define NVMF_VERSION		NVME_VS(2, 0, 0)
#define NVMF_ASSOCIATION_MS	120000
#define NVMF_READY_TIMEOUT	20	/* CAP.TO, 500 ms */
#define NVMF_CONNECT_US		10000000ull
#define NVMF_DISC_IDLE_MS	120000
#define NVMF_PATIENCE_US	5000000ull
#define NVMF_ERROR_ENTRIES	64
#define NVMF_ABORT_LIMIT	4

#define NVMF_NO_ERROR_LOC	0xffff
/* where a command's field is, for the error log: byte offsets of the SQE */
#define NVMF_LOC_FLAGS		1
#define NVMF_LOC_NSID		4
#define NVMF_LOC_SGL		24
#define NVMF_LOC_CDW10		40
#define NVMF_LOC_CDW11		44
#define NVMF_LOC_CDW12		48
#define NVMF_LOC_CDW14		56

/**
 * enum nvmf_qpair_state - the life of a connection
 * NEW and CONNECTING take nothing but Connect; from CLOSING on commands are
 * aborted; GONE: the transport has let go, requests drain; RELEASING: the
 * controller is asked to forget it.
 */
enum nvmf_qpair_state {
	NVMF_QPAIR_NEW,
	NVMF_QPAIR_CONNECTING,
	NVMF_QPAIR_ENABLED,
	NVMF_QPAIR_CLOSING,
	NVMF_QPAIR_GONE,
	NVMF_QPAIR_RELEASING,
};

/* Commands (request.c) */

#define NVMF_CMD_DISC		(1u << 0)	/* discovery controllers too */
#define NVMF_CMD_INPLACE	(1u << 1)	/* data may be the RAM itself */
#define NVMF_CMD_CHANGES_DATA	(1u << 2)	/* for the effects log */
#define NVMF_CMD_READS		(1u << 3)	/* blocks that must be good */
#define NVMF_CMD_SCATTERED	(1u << 4)	/* touches blocks anywhere */
#define NVMF_CMD_WRITES		(1u << 5)	/* as reservations see it */

/**
 * struct nvmf_command - one row of a command table, indexed by opcode
 * @name: for messages; NULL marks an empty row
 * @dir: which way data moves
 * @parse: every check that needs no data; sets req->length; may be NULL
 * @execute: do it; ends in nvmf_request_complete()
 */
struct nvmf_command {
	const char *name;
	enum nvme_xfer_dir dir;
	u32 flags;
	nvme_status (*parse)(struct nvmf_request *req);
	void (*execute)(struct nvmf_request *req);
};

#define NVMF_ADMIN_COMMANDS	0x19
#define NVMF_IO_COMMANDS	0x1a
#define NVMF_FABRICS_COMMANDS	0x05
extern const struct nvmf_command nvmf_admin_commands[NVMF_ADMIN_COMMANDS];
extern const struct nvmf_command nvmf_io_commands[NVMF_IO_COMMANDS];

/** nvmf_request_complete() - the one way in which a command ends */
void nvmf_request_complete(struct nvmf_request *req, nvme_status st);
/** nvmf_request_bad() - note the offending field, pass the status on */
nvme_status nvmf_request_bad(struct nvmf_request *req, u16 loc,
			     nvme_status st);
/** nvmf_request_begin() - every check is passed: get the data, or execute */
void nvmf_request_begin(struct nvmf_request *req);
/** nvmf_request_resume() - a lock or a limit that held it lets it go */
void nvmf_request_resume(struct nvmf_request *req);
/** nvmf_request_put_data() - @src to the data at @offset; false: does not fit */
bool nvmf_request_put_data(struct nvmf_request *req, size_t offset,
			   const void *src, size_t len);
bool nvmf_request_get_bytes(const struct nvmf_request *req, size_t offset,
			    void *dst, size_t len);

/* Parsers and executors of the tables */
nvme_status nvmf_connect_cmd_parse(struct nvmf_request *req);
void nvmf_connect_execute(struct nvmf_request *req);
void nvmf_property_get_execute(struct nvmf_request *req);
void nvmf_property_set_execute(struct nvmf_request *req);
nvme_status nvmf_identify_parse(struct nvmf_request *req);
void nvmf_identify_execute(struct nvmf_request *req);
nvme_status nvmf_set_features_parse(struct nvmf_request *req);
void nvmf_set_features_execute(struct nvmf_request *req);
nvme_status nvmf_get_features_parse(struct nvmf_request *req);
void nvmf_get_features_execute(struct nvmf_request *req);
nvme_status nvmf_log_parse(struct nvmf_request *req);
void nvmf_log_execute(struct nvmf_request *req);
void nvmf_aer_execute(struct nvmf_request *req);
void nvmf_discovery_log_execute(struct nvmf_request *req);

/* Poll groups (group.c) */

/**
 * struct nvmf_ns_view - a namespace as poll groups know it: a copy
 */
struct nvmf_ns_view {
	u32 nsid;
	struct nvmf_ns *ns;		/* to be handed to the control reactor */
	struct bdev_desc *desc;
	struct nvmf_memory *memory;	/* NULL: not RAM */
	u8 *ram;
	u32 block_size;
	u64 blocks;
	bool readonly;
	bool unmap_zeroes;
	bool deac;			/* Write Zeroes may deallocate */
	u32 anagrpid;
	bool masked;
	bool ptpl;			/* reservations can persist */
	const struct nvmf_resv *resv;	/* when it is attached */
	u8 nguid[16];
	u8 eui64[8];
	u8 uuid[16];
};

/**
 * struct nvmf_ns_channel - a namespace on one poll group
 * @hosts: who sees it, if it is masked
 * @resv: while it is reserved; shared by all poll groups, never changed
 * @bad: blocks that read as uncorrectable; NULL: none ever were
 * @locks: ranges that belong to one command; @held: who waits for them
 * @shown: every poll group has it, so that commands may find it
 * @outstanding: requests that hold it, until nvmf_request_done()
 * @detached: set while it leaves: no new requests; called at the last one
 * @leaves_us: since when it does
 */
struct nvmf_ns_channel {
	struct nvmf_ns_view view;
	struct nvmf_ns_host_list hosts;
	const struct nvmf_resv *resv;
	struct nvme_lbaset *bad;
	TAILQ_HEAD(, nvmf_lock_part) locks;
	struct nvmf_request_list held;
	struct io_channel *channel;
	struct nvmf_sgroup *sgroup;
	struct nvmf_io_stats io;
	struct limit_share *limit;
	bool shown;
	u32 outstanding;
	reactor_fn detached;
	void *detached_ctx;
	u64 leaves_us;
};

/** struct nvmf_sgroup - a subsystem on one poll group */
struct nvmf_sgroup {
	u64 reads;
	u64 writes;
	u64 read_bytes;
	u64 written_bytes;
	struct nvmf_io_stats gone;	/* of namespaces that have left */
	struct nvmf_ana *ana[NVMF_MAX_LISTENERS];
	u32 max_namespaces;
	struct nvmf_ns_channel *ns[];	/* by nsid - 1 */
};

/**
 * struct nvmf_wait - until active requests of this group have ended
 * @match: does it wait for @req? The answer must not change while it waits,
 *         and no request that matches may become active meanwhile
 * @done: on the group's reactor
 */
struct nvmf_wait {
	bool (*match)(const struct nvmf_wait *w,
		      const struct nvmf_request *req);
	reactor_fn done;
	void *ctx;
	u64 since_us;
	u32 remaining;
	TAILQ_ENTRY(nvmf_wait) link;
};

TAILQ_HEAD(nvmf_qpair_list, nvmf_qpair);

/**
 * struct nvmf_group_core - the poll group's own side
 * @leaving: namespaces that do; @patience: runs while some do, or @waits has any
 * @round: of @patience
 */
struct nvmf_group_core {
	struct nvmf_qpair_list qpairs;
	TAILQ_HEAD(, nvmf_ctrlr) ctrlrs;	/* whose home this is */
	struct nvmf_sgroup *sgroups[NVMF_MAX_SUBSYSTEMS];
	struct poller *connect_timer;
	TAILQ_HEAD(, nvmf_wait) waits;
	struct nvmf_request_list scratch_waits;
	size_t scratch_used;
	u32 unconnected;
	u32 leaving;
	struct poller *patience;
	u64 round;
	bool stopping;
	struct nvmf_group_stats stats;
	struct nvmf_io_stats io;
	u64 io_waits[NVMF_IO_WAITS];
	struct nvmf_io_host_list io_hosts;
	u32 nio_hosts;
};

/* Counting (iostats.c) */

/**
 * nvmf_io_host_get() - @nqn on this poll group, made if need be; or NULL. The
 * one without a name, if there are too many
 */
struct nvmf_io_host *nvmf_io_host_get(struct nvmf_group_core *core,
				      const char *nqn);
/** nvmf_io_host_named() - the same for limits, however many there are */
struct nvmf_io_host *nvmf_io_host_named(struct nvmf_group_core *core,
					const char *nqn);
/**
 * nvmf_io_host_unlimit() - limits are lifted: what waits for this reactor's
 * share goes on, and the share is forgotten, as is a host that has done nothing
 * Return: false if more waits than may go in a turn: to be called again.
 */
bool nvmf_io_host_unlimit(struct nvmf_group_core *core, const char *nqn);
void nvmf_io_hosts_free(struct nvmf_group_core *core);
/** nvmf_qpair_io_host() - of a connected queue pair; NULL without memory */
struct nvmf_io_host *nvmf_qpair_io_host(struct nvmf_qpair *q);
/** nvmf_io_count() - an I/O command ends */
void nvmf_io_count(struct nvmf_request *req, bool failed);

/* Rate limits (throttle.c) */

/**
 * nvmf_throttle_holds() - @req, not active yet, waits for a limit from now on,
 * and is resumed after that; else it may go on. It waits and pays once
 */
bool nvmf_throttle_holds(struct nvmf_request *req);
/** nvmf_throttle_may_hold() - is there a limit that it could have to wait for? */
bool nvmf_throttle_may_hold(const struct nvmf_request *req);
/** nvmf_throttle_abort() - take @req out of those that wait, if it does */
bool nvmf_throttle_abort(struct nvmf_request *req);
/** nvmf_throttle_abort_all() - end those of @q that wait for a limit */
void nvmf_throttle_abort_all(struct nvmf_qpair *q);
/** nvmf_throttle_release() - let go what waits on its way to @nsch */
void nvmf_throttle_release(struct nvmf_group *g, struct nvmf_ns_channel *nsch);
/** nvmf_host_limits_free() - no poll group is left */
void nvmf_host_limits_free(void);

int nvmf_group_create(void);
void nvmf_group_destroy(void);
/** nvmf_group_load() - connections that are counted in, all groups */
u32 nvmf_group_load(void);
/** nvmf_group_released() - a connection has left @q's group */
void nvmf_group_released(struct nvmf_qpair *q);
/** nvmf_group_sgroup() - @s on @g, made if need be; NULL without memory */
struct nvmf_sgroup *nvmf_group_sgroup(struct nvmf_group *g,
				      const struct nvmf_subsystem *s);
void nvmf_group_drop_sgroup(struct nvmf_group *g, u32 id);
/**
 * nvmf_group_attach_ns() - no command finds it before nvmf_group_show_ns()
 * Fences, locks and other changes do: what they began through a poll group
 * that shows it already must not miss one that does not yet
 */
int nvmf_group_attach_ns(struct nvmf_group *g, const struct nvmf_subsystem *s,
			 const struct nvmf_ns_view *view);
void nvmf_group_show_ns(struct nvmf_group *g, const struct nvmf_subsystem *s,
			u32 nsid);
/** nvmf_group_detach_ns() - @detached when its last request has ended */
void nvmf_group_detach_ns(struct nvmf_group *g, const struct nvmf_subsystem *s,
			  u32 nsid, reactor_fn detached, void *ctx);
/** nvmf_sgroup_ns() - for a command: shown, and not leaving; or NULL */
struct nvmf_ns_channel *nvmf_sgroup_ns(const struct nvmf_sgroup *sg, u32 nsid);
void nvmf_ns_channel_put(struct nvmf_ns_channel *nsch);

/* What stands in the way of changes (leave.c) */

/** nvmf_patience_us - NVMF_PATIENCE_US, but for tests */
extern u64 nvmf_patience_us;
/** nvmf_leave_ns() - @nsch is detached: end or let go what need not keep it */
void nvmf_leave_ns(struct nvmf_group *g, struct nvmf_ns_channel *nsch);
/** nvmf_patience_begin() - somebody waits for commands of the poll group */
void nvmf_patience_begin(struct nvmf_group_core *core);

/** nvmf_group_watch_connect() - @q has to send Connect in time */
void nvmf_group_watch_connect(struct nvmf_qpair *q);
void nvmf_group_unwatch_connect(struct nvmf_qpair *q);

/* Queue pairs (qpair.c) */

/** nvmf_qpair_close() - start to close the connection; idempotent */
void nvmf_qpair_close(struct nvmf_qpair *q);
/** nvmf_qpair_close_msg() - the same as a message to its reactor */
void nvmf_qpair_close_msg(void *q);
/** nvmf_qpair_check_drained() - a request has ended: can it be released? */
void nvmf_qpair_check_drained(struct nvmf_qpair *q);
/** nvmf_qpair_free() - the controller has forgotten it; message */
void nvmf_qpair_free(void *q);

/* Which namespaces a queue pair's host sees (mask.c) */

/** nvmf_qpair_set_visible() - @q has got its controller and its subsystem */
void nvmf_qpair_set_visible(struct nvmf_qpair *q);
void nvmf_ns_hosts_free(struct nvmf_ns_host_list *list);
static inline bool nvmf_ns_visible(const struct nvmf_ns_channel *nsch,
				   const struct nvmf_qpair *q)
{
	return !nsch->view.masked || q->visible[nsch->view.nsid / 8] &
				     1u << nsch->view.nsid % 8;
}

/* Reservations (reservation.c) */

nvme_status nvmf_resv_parse(struct nvmf_request *req);
void nvmf_resv_execute(struct nvmf_request *req);
nvme_status nvmf_resv_report_parse(struct nvmf_request *req);
void nvmf_resv_report_execute(struct nvmf_request *req);
/** nvmf_resv_ptpl_execute() - the Reservation Persistence feature */
void nvmf_resv_ptpl_execute(struct nvmf_request *req, bool set);
/** nvmf_resv_admit() - of a namespace that is reserved */
nvme_status nvmf_resv_admit(const struct nvmf_request *req);
/** nvmf_resv_notify() - a notice of enum nvme_resv_notice; on c's home */
void nvmf_resv_notify(struct nvmf_ctrlr *c, u32 nsid, u8 notice);
void nvmf_resv_log_fill(struct nvmf_ctrlr *c, u8 *page);

/* States of paths (ana.c) */

struct nvmf_ana *nvmf_ana_new(u8 state);
void nvmf_ana_free_all(struct nvmf_sgroup *sg);
void nvmf_ana_log_execute(struct nvmf_request *req);
/** nvmf_log_put_window() - the part of @page that was asked for, and the end */
void nvmf_log_put_window(struct nvmf_request *req, const u8 *page,
			 size_t size);

/* Controllers (ctrlr.c) */

enum nvmf_event {
	NVMF_EVENT_NS_CHANGED,
	NVMF_EVENT_ANA,
	NVMF_EVENT_RESV,
	NVMF_EVENT_DISC_CHANGED,
	NVMF_EVENTS
};

/** struct nvmf_features - settings, back to defaults with a reset */
struct nvmf_features {
	u32 arbitration;
	u32 power;
	u32 temp_over;
	u32 temp_under;
	u32 error_recovery;
	u32 write_atomicity;
	u32 async_event;
	u8 host_behavior[3];
	u8 resv_mask[NVMF_MAX_NAMESPACES + 1];
};

/** struct nvmf_resv_ring - reservation notices that were not read yet */
#define NVMF_RESV_NOTICES	64
struct nvmf_resv_ring {
	u64 count;			/* ever */
	u32 first;
	u32 n;
	struct nvme_resv_log logs[NVMF_RESV_NOTICES];
};

struct nvmf_ctrlr {
	/* constant once Connect has been answered */
	struct nvmf_subsystem *subsystem;
	struct nvmf_transport *transport;
	struct nvmf_transport_opts opts;	/* when it was created */
	struct nvmf_group *group;		/* of its home */
	struct nvmf_sgroup *sgroup;		/* of its home */
	struct nvmf_trid listen;
	char local[64];				/* its admin queue's end here */
	u16 listener;				/* its index */
	u16 cntlid;
	bool discovery;
	bool after_reset;			/* of the subsystem, by NSSR */
	char hostnqn[NVMF_NQN_MAX + 1];
	char subnqn[NVMF_NQN_MAX + 1];		/* as Identify tells it */
	u8 hostid[16];
	/* the control reactor's */
	TAILQ_ENTRY(nvmf_ctrlr) link;
	bool leaving;
	/* the home's */
	TAILQ_ENTRY(nvmf_ctrlr) group_link;
	struct nvmf_qpair *admin;
	struct nvmf_qpair_list qpairs;		/* I/O queues, ctrlr_link */
	u32 nqpairs;
	bool closing;
	bool unlinking;
	bool resetting;
	struct nvme_regs regs;
	u32 kato_ms;
	u64 alive_us;
	struct poller *alive_timer;
	u64 commands_seen;		/* on I/O queues, for keep-alive */
	struct poller *association_timer;
	u32 naborts;
	struct nvmf_features features;
	struct nvmf_snapshot *snapshot;	/* of the discovery log, on its way */
	struct nvmf_request_list log_waits;	/* for the next one */
	struct nvmf_request_list aers;
	u32 naers;
	u32 events_pending;
	u32 events_masked;
	u8 changed_ns[NVMF_MAX_NAMESPACES / 8 + 1];
	struct nvmf_resv_ring resv;
	u64 error_count;
	struct nvme_error_log_entry errors[NVMF_ERROR_ENTRIES];
};

/** nvmf_ctrlr_create() - control reactor; listed; home is @q's reactor */
struct nvmf_ctrlr *nvmf_ctrlr_create(struct nvmf_subsystem *s,
				     struct nvmf_qpair *q, u16 cntlid,
				     const struct nvmf_connect *c);
/** nvmf_ctrlr_install() - its admin queue has come; on its home */
void nvmf_ctrlr_install(struct nvmf_ctrlr *c, struct nvmf_qpair *q, u32 kato);
/** nvmf_ctrlr_add_io() - may @q be its queue @qid? on its home */
struct nvmf_connect_error nvmf_ctrlr_add_io(struct nvmf_ctrlr *c,
					    struct nvmf_qpair *q, u16 qid);
/** nvmf_ctrlr_ns() - a namespace that its host sees, or NULL; on its home */
struct nvmf_ns_channel *nvmf_ctrlr_ns(const struct nvmf_ctrlr *c, u32 nsid);
/** nvmf_ctrlr_ready() - may admin commands be executed? */
bool nvmf_ctrlr_ready(const struct nvmf_ctrlr *c);
/** nvmf_ctrlr_close() - disconnect all its queues; message to its home */
void nvmf_ctrlr_close(void *c);
/** nvmf_ctrlr_forget_io() - an I/O queue has drained; message to its home */
void nvmf_ctrlr_forget_io(void *q);
void nvmf_ctrlr_admin_gone(struct nvmf_ctrlr *c);
void nvmf_ctrlr_reset(struct nvmf_ctrlr *c);
/** nvmf_ctrlr_associate() - start or stop waiting for CC.EN, as CSTS says */
void nvmf_ctrlr_associate(struct nvmf_ctrlr *c);
/** nvmf_ctrlr_subsystem_reset() - all controllers of its subsystem end */
void nvmf_ctrlr_subsystem_reset(struct nvmf_ctrlr *c);
void nvmf_ctrlr_shutdown(struct nvmf_ctrlr *c);
/** nvmf_ctrlr_set_kato() - ms, rounded up; 0 = none */
void nvmf_ctrlr_set_kato(struct nvmf_ctrlr *c, u32 kato_ms);
/** nvmf_ctrlr_alive() - the host has shown itself */
static inline void nvmf_ctrlr_alive(struct nvmf_ctrlr *c)
{
	c->alive_us = reactor_now_us();
}

/** nvmf_disc_idle_ms - NVMF_DISC_IDLE_MS, but for tests */
extern u32 nvmf_disc_idle_ms;

void nvmf_features_init(struct nvmf_ctrlr *c);
/** nvmf_ctrlr_events() - OAES: notices that it may give */
u32 nvmf_ctrlr_events(const struct nvmf_ctrlr *c);
/** nvmf_error_log() - note a failed command; any reactor of @q */
void nvmf_error_log(struct nvmf_request *req, nvme_status st);
/** nvmf_event_raise() / _read() - an event happened; its log page was read */
void nvmf_event_raise(struct nvmf_ctrlr *c, enum nvmf_event ev);
void nvmf_event_read(struct nvmf_ctrlr *c, enum nvmf_event ev);
/** nvmf_events_disabled() - drop what the host does not want to know any more */
void nvmf_events_disabled(struct nvmf_ctrlr *c);
/** nvmf_aer_abort_all() - end every waiting request with @st */
void nvmf_aer_abort_all(struct nvmf_ctrlr *c, nvme_status st);
bool nvmf_aer_abort(struct nvmf_ctrlr *c, __le16 cid);
void nvmf_abort_execute(struct nvmf_request *req);
/** nvmf_abort_in_device() - on its way to a device, or in one */
enum bdev_aborting nvmf_abort_in_device(struct nvmf_request *req);
/** nvmf_abort_over() - @req, whose end an Abort waits for, ends with @st */
void nvmf_abort_over(struct nvmf_request *req, nvme_status st);
/** nvmf_features_effects() - page 12h: what Set Features may change */
void nvmf_features_effects(struct nvmf_ctrlr *c, u8 *page);
void nvmf_referral_free_all(void);
/** nvmf_ns_changed() - note it for the changed namespace list, and tell */
void nvmf_ns_changed(struct nvmf_ctrlr *c, u32 nsid);

/* The target (target.c); the control reactor's, groups[] is everybody's */

/** struct nvmf_listen - an address that a transport accepts at */
struct nvmf_listen {
	struct nvmf_transport *transport;
	struct nvmf_trid trid;
	u16 portid;
	u32 users;
	TAILQ_ENTRY(nvmf_listen) link;
};

TAILQ_HEAD(nvmf_subsystem_list, nvmf_subsystem);
TAILQ_HEAD(nvmf_transport_list, nvmf_transport);
TAILQ_HEAD(nvmf_listen_list, nvmf_listen);

struct nvmf_target {
	bool running;
	bool stopping;
	bool configuring;
	u64 start_us;
	struct nvmf_group *groups[REACTOR_MAX];
	struct nvmf_transport_list transports;
	u32 creating;			/* transports that come or go */
	struct nvmf_subsystem_list subsystems;
	struct nvmf_listen_list listens;
	TAILQ_HEAD(, nvmf_referral) referrals;
	struct nvmf_config config;
	u64 genctr;
	u64 ns_serial;
	u16 next_portid;
};
extern struct nvmf_target nvmf_target;

/** nvmf_target_check_stop() - something ended that a stop may wait for */
void nvmf_target_check_stop(void);
/** nvmf_discovery_changed() - the log differs: count, and tell the hosts */
void nvmf_discovery_changed(void);
/** nvmf_transport_known() - a registered one by its name; the one after @ops */
const struct nvmf_transport_ops *nvmf_transport_known(const char *name);
const struct nvmf_transport_ops *
nvmf_transport_known_next(const struct nvmf_transport_ops *ops);
/** nvmf_transport_check_delete() - a connection has ended */
void nvmf_transport_check_delete(void);
/** nvmf_transport_destroy_all() - one after the other, then @done */
void nvmf_transport_destroy_all(reactor_fn done, void *ctx);

/* Changes of a subsystem, one after the other (subsystem.c) */

/**
 * struct nvmf_op - a change that takes effect step by step; control reactor
 * @start: begin, when those before it have ended; ends in nvmf_op_end()
 * @free: gives back what the embedding structure holds, and itself
 * @nsid: @bdev: what it is about, if it must not overtake others about that, nor
 *        they it; @alone: it is about all of the subsystem. @bdev is only compared
 * @aside: see nvmf_op_aside()
 * @left: see nvmf_op_disconnect()
 * @step: what a step of another file leads to
 */
struct nvmf_op {
	TAILQ_ENTRY(nvmf_op) link;
	struct nvmf_subsystem *s;
	void (*start)(struct nvmf_op *op);
	void (*free)(struct nvmf_op *op);
	u32 nsid;
	const struct bdev *bdev;
	bool alone;
	bool aside;
	nvmf_done done;
	void *ctx;
	int err;
	struct weft_reason why;
	void (*left)(struct nvmf_op *op);
	void (*step)(struct nvmf_op *op);
};

/** nvmf_op_queue() - @op runs when its turn comes, never within the call */
void nvmf_op_queue(struct nvmf_op *op, struct nvmf_subsystem *s,
		   nvmf_done done, void *ctx);
/**
 * nvmf_op_aside() - @op, whose turn it is, only waits from now on: others go on
 * It changes nothing that they may look at until it goes on itself, and then no
 * more than what it is about.
 */
void nvmf_op_aside(struct nvmf_op *op);
void nvmf_op_end(struct nvmf_op *op, int err);
/** nvmf_op_refuse() - tell @done of a failure on a later turn */
void nvmf_op_refuse(nvmf_done done, void *ctx, int err,
		    const struct weft_reason *why);
/**
 * nvmf_op_disconnect() - close the controllers for which @match is true, and
 * call @left when they are gone; within op's turn
 */
void nvmf_op_disconnect(struct nvmf_op *op,
			bool (*match)(const struct nvmf_op *op,
				      const struct nvmf_ctrlr *c),
			void (*left)(struct nvmf_op *op));
/** nvmf_subsystem_ctrlr_gone() - @c is off the list; control reactor */
void nvmf_subsystem_ctrlr_gone(struct nvmf_subsystem *s);
/** nvmf_subsystem_delete_any() - the discovery subsystem too */
void nvmf_subsystem_delete_any(struct nvmf_subsystem *s, nvmf_done done,
			       void *ctx);
struct nvmf_subsystem *nvmf_subsystem_create_discovery(void);

/** nvmf_ns_remove_first() - a namespace of op's subsystem, then @done */
void nvmf_ns_remove_first(struct nvmf_op *op,
			  void (*done)(struct nvmf_op *op));
/** nvmf_ns_map_all() - show a new transport the RAM that is there already */
void nvmf_ns_map_all(struct nvmf_transport *t);
void nvmf_ns_unmap_all(struct nvmf_transport *t);
/** nvmf_subsystem_busy() - refuses a change if @s is being deleted */
bool nvmf_subsystem_busy(const struct nvmf_subsystem *s, nvmf_done done,
			 void *ctx);
void nvmf_host_free_all(struct nvmf_subsystem *s);
void nvmf_listener_free_all(struct nvmf_subsystem *s);
bool nvmf_subsystem_listens(const struct nvmf_subsystem *s,
			    const struct nvmf_trid *trid);
/** nvmf_subsystem_listener() - NULL for the discovery subsystem as well */
struct nvmf_listener *
nvmf_subsystem_listener(const struct nvmf_subsystem *s,
			const struct nvmf_trid *trid);

#endif
