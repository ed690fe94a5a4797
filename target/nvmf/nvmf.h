/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The NVMe-oF target as its control plane sees it: transports, subsystems,
 * namespaces, hosts, listeners. The rpc room calls this; the daemon's start
 * and stop too.
 *
 * All of it belongs to the control reactor. Changes reach the poll groups of
 * the other reactors by barriers, so they end in a callback; live connections
 * and I/O to other namespaces are not disturbed. Structures are open for
 * reading by listings and are changed by these functions only.
 */
#ifndef WEFT_TARGET_NVMF_H
#define WEFT_TARGET_NVMF_H

#include <sys/queue.h>

#include "common/fabrics.h"
#include "common/identify.h"
#include "common/text.h"
#include "target/bdev/bdev.h"
#include "target/nvmf/iostats.h"
#include "target/reactor/reactor.h"

struct nvmf_transport;
struct nvmf_transport_ops;
struct nvmf_ctrlr;
struct nvmf_lock;
struct nvmf_qpair;
struct nvmf_resv;
struct resv_op;
struct nvme_lbaset;

/**
 * typedef nvmf_done - a change has taken effect everywhere, or was refused
 * @err: 0 or negative errno; refused changes left nothing behind
 * @why: reason in words when @err is set
 */
typedef void (*nvmf_done)(void *ctx, int err, const struct weft_reason *why);

/** struct nvmf_trid - a transport address */
struct nvmf_trid {
	u16 trtype;		/* enum nvmf_trtype, or a number beyond it */
	u8 adrfam;		/* enum nvmf_adrfam */
	char traddr[64];
	char trsvcid[6];
};

/**
 * nvmf_trid_parse() - check and fill; names as SPDK's RPCs have them
 * @trtype: "RDMA", "TCP" (any case) and the names of registered transports. What
 * an address is they may say themselves; else it is one of IP, and IPv6
 * addresses are brought into their usual form. @adrfam: "IPv4", "IPv6" or
 * NULL/"" (from the address); @trsvcid NULL/"" is 4420
 */
int nvmf_trid_parse(struct nvmf_trid *t, const char *trtype, const char *adrfam,
		    const char *traddr, const char *trsvcid,
		    struct weft_reason *why);
/** nvmf_trid_transport() - "RDMA" and so on */
const char *nvmf_trid_transport(const struct nvmf_trid *t);
bool nvmf_trid_equal(const struct nvmf_trid *a, const struct nvmf_trid *b);

/**
 * struct nvmf_transport_opts - as nvmf_create_transport names them
 * @in_capsule_data_size: bytes
 * @max_io_size: bytes; a power of two from 8 KiB on; gives MDTS
 * @num_shared_buffers: bytes of data buffers per poll group / io_unit_size
 * @kas: keep-alive granularity in 100 ms
 * @min_kato: ms; shorter requests are rounded up
 * @abort_timeout_sec: an Abort whose command's data is on its way waits that
 *                     long for it; 0: not at all
 * @association_timeout: ms that a controller may stay disabled; 0: for ever
 * @ack_timeout: RDMA: exponent of the device's timeout; TCP: ms after which
 *               unacknowledged data breaks a connection; 0: the kernel's own
 * @remote_invalidate: use SEND with invalidate when the host asks (RDMA)
 * @trust_iwarp_hosts: serve devices over which a host can write to memory that
 *                     is not its own (RDMA)
 * @c2h_success: no response after the data of a read, where the host can do
 *               without (TCP)
 * @sock_priority: SO_PRIORITY of connections (TCP)
 * @transfer_timeout: ms after which a transfer that the host has to move on,
 *                    and does not, breaks its connection
 */
struct nvmf_transport_opts {
	u32 max_queue_depth;
	u32 max_io_qpairs_per_ctrlr;
	u32 in_capsule_data_size;
	u32 max_io_size;
	u32 io_unit_size;
	u32 max_aq_depth;
	u32 num_shared_buffers;
	u32 max_srq_depth;
	bool no_srq;
	u32 acceptor_backlog;
	u32 abort_timeout_sec;
	u32 num_cqe;
	u32 ack_timeout;
	u32 kas;
	u32 min_kato;
	u32 association_timeout;
	bool remote_invalidate;
	bool trust_iwarp_hosts;
	bool c2h_success;
	u32 sock_priority;
	u32 transfer_timeout;
};

/* The target's life: created by main, one per daemon. */

/** nvmf_target_start() - poll groups on all reactors, discovery subsystem */
void nvmf_target_start(nvmf_done done, void *ctx);
/**
 * nvmf_target_configuring() - is what hosts may connect to still being made?
 * @yes: until it is, each Connect is told to come again later: a host takes a
 *       subsystem that is not there, or does not let it in, for gone for good.
 *       No until somebody says so.
 */
void nvmf_target_configuring(bool yes);
/**
 * nvmf_target_disconnect() - every host, and whoever comes later
 * The first step of a stop: changes that wait for hosts' commands end by
 * themselves then. @done when all connections have been told.
 */
void nvmf_target_disconnect(reactor_fn done, void *ctx);
/**
 * nvmf_target_stop() - disconnect everybody, end all I/O, destroy all
 * subsystems and transports and poll groups; bdevs are the caller's
 */
void nvmf_target_stop(reactor_fn done, void *ctx);

/* Transports */

/** nvmf_transport_register() - called by each transport's constructor */
void nvmf_transport_register(const struct nvmf_transport_ops *ops);
/** nvmf_transport_opts_init() - the defaults of @trtype; -ENOTSUP if unknown */
int nvmf_transport_opts_init(const char *trtype,
			     struct nvmf_transport_opts *opts,
			     struct weft_reason *why);
void nvmf_transport_create(const char *trtype,
			   const struct nvmf_transport_opts *opts,
			   nvmf_done done, void *ctx);
/** nvmf_transport_delete() - refused with -EBUSY while a listener uses it */
void nvmf_transport_delete(struct nvmf_transport *t, nvmf_done done,
			   void *ctx);
/** nvmf_transport_deleting() - @t waits for its last connection */
bool nvmf_transport_deleting(const struct nvmf_transport *t);
struct nvmf_transport *nvmf_transport_first(void);
struct nvmf_transport *nvmf_transport_next(struct nvmf_transport *t);
struct nvmf_transport *nvmf_transport_find(u16 trtype);
const struct nvmf_transport_opts *
nvmf_transport_opts(const struct nvmf_transport *t);
/** nvmf_transport_has_option() - or does it take it without effect? */
bool nvmf_transport_has_option(const struct nvmf_transport *t,
			       const char *name);
/**
 * nvmf_transport_opts_change() - take what may change while @t is used
 * The others are what buffers and devices were set up for.
 */
void nvmf_transport_opts_change(const struct nvmf_transport *t,
				struct nvmf_transport_opts *to,
				const struct nvmf_transport_opts *from);
/**
 * nvmf_transport_set_opts() - other options from now on, of those that may change
 * For connections that come, and the controllers that these create; others
 * keep what they have. @acceptor_backlog is for listeners that come.
 * Return: 0, or -EINVAL with the reason.
 */
int nvmf_transport_set_opts(struct nvmf_transport *t,
			    const struct nvmf_transport_opts *opts,
			    struct weft_reason *why);
const char *nvmf_transport_name(const struct nvmf_transport *t); /* "RDMA" */

/* Subsystems */

struct nvmf_host {
	char nqn[NVMF_NQN_MAX + 1];
	TAILQ_ENTRY(nvmf_host) link;
};

/** enum nvmf_invalidate - may responses invalidate (SEND with invalidate)? */
enum nvmf_invalidate {
	NVMF_INVALIDATE_AS_TRANSPORT,
	NVMF_INVALIDATE_OFF,
	NVMF_INVALIDATE_ON,
};

/**
 * struct nvmf_listener_opts - what a listener is added with
 * @ana_state: of all groups at first; enum nvme_ana_state, 0: optimized
 * @invalidate: enum nvmf_invalidate, of the connections that come through it;
 *              other than as the transport's only with RDMA
 */
struct nvmf_listener_opts {
	u8 ana_state;
	u8 invalidate;
};

/**
 * struct nvmf_listener - an address at which a subsystem is served
 * @index: below NVMF_MAX_LISTENERS, its own within the subsystem
 * @invalidate: as in &nvmf_listener_opts
 * @ana: states of the ANA groups through it; NULL without ANA reporting
 */
#define NVMF_MAX_LISTENERS	64
#define NVMF_MAX_NAMESPACES	4096
struct nvmf_listener {
	struct nvmf_trid trid;
	u16 portid;
	u16 index;
	u8 invalidate;
	struct nvmf_ana *ana;
	TAILQ_ENTRY(nvmf_listener) link;
};

/** struct nvmf_ana - states of the ANA groups, by group id from 1 */
struct nvmf_ana {
	u64 change_count;
	u8 state[NVMF_MAX_NAMESPACES + 1];
	u64 changes[NVMF_MAX_NAMESPACES + 1];
};

struct nvmf_ns_host;
TAILQ_HEAD(nvmf_ns_host_list, nvmf_ns_host);

/**
 * struct nvmf_ns - a namespace of a subsystem
 * @no_auto_visible: only @hosts see it
 */
struct nvmf_ns {
	u32 nsid;
	struct nvmf_subsystem *subsystem;
	struct bdev_desc *desc;
	u8 nguid[16];
	u8 eui64[8];
	u8 uuid[16];
	u32 anagrpid;
	bool no_auto_visible;
	struct nvmf_ns_host_list hosts;
	char *ptpl_file;		/* reservations persist there; "": no */
	struct nvmf_resv *resv;
	struct nvmf_resv *resv_shown;	/* to poll groups; NULL: not reserved */
	TAILQ_HEAD(, resv_op) resv_ops;
	struct nvme_lbaset *bad;	/* uncorrectable blocks; NULL: never any */
	struct limiter *limiter;
	TAILQ_ENTRY(nvmf_ns) link;	/* ascending nsid */
};

struct nvmf_subsystem {
	char nqn[NVMF_NQN_MAX + 1];
	u8 subtype;			/* enum nvmf_subtype */
	char serial[21];
	char model[41];
	u32 max_namespaces;
	u16 min_cntlid;
	u16 max_cntlid;
	bool allow_any_host;
	bool ana_reporting;
	bool enable_nssr;
	bool static_cntlid;
	u32 dmrsl;
	u16 wzsl;
	bool was_reset;			/* by NSSR */
	bool removing;
	u32 id;				/* dense index, for poll groups */
	u16 next_cntlid;
	u64 ana_changes;
	TAILQ_HEAD(, nvmf_ns) namespaces;
	TAILQ_HEAD(, nvmf_host) hosts;
	TAILQ_HEAD(, nvmf_listener) listeners;
	TAILQ_HEAD(, nvmf_ctrlr) ctrlrs;
	TAILQ_ENTRY(nvmf_subsystem) link;
};

/**
 * struct nvmf_subsystem_opts - of nvmf_create_subsystem
 * @enable_nssr: hosts may reset the subsystem, which disconnects everybody
 * @static_cntlid: hosts choose their controller, or ask for any with fffeh
 * @dmrsl: of a range of Dataset Management so many blocks are processed; 0: all
 * @wzsl: no Write Zeroes of more than 2 to the @wzsl pages of 4 KiB; 0: no limit
 * Strings NULL: serial zeros, model "Weft NVMe-oF Controller".
 */
struct nvmf_subsystem_opts {
	const char *nqn;
	const char *serial;
	const char *model;
	u32 max_namespaces;	/* 0: 32 */
	u16 min_cntlid;		/* 0: 1 */
	u16 max_cntlid;		/* 0: ffefh */
	bool allow_any_host;
	bool ana_reporting;
	bool enable_nssr;
	bool static_cntlid;
	u32 dmrsl;
	u16 wzsl;
};
#define NVMF_MAX_WZSL		51	/* more than any 64-bit number of bytes */

/**
 * struct nvmf_config - of the target as a whole (nvmf_set_config)
 * @disc_transport: @disc_address: @disc_svcid: a discovery log has only what
 *                  has the same as the connection it is read through
 * @one_ctrlr: a host has one controller per listener and subsystem
 * @disc_nqn: a name that the discovery subsystem has to itself; hosts find it
 *            by the well-known one, too. "": it has none
 */
struct nvmf_config {
	bool disc_transport;
	bool disc_address;
	bool disc_svcid;
	bool one_ctrlr;
	char disc_nqn[NVMF_NQN_MAX + 1];
};
const struct nvmf_config *nvmf_config(void);
/** nvmf_config_set() - refused with -EINVAL or -EEXIST if @c->disc_nqn is bad */
int nvmf_config_set(const struct nvmf_config *c, struct weft_reason *why);

/** struct nvmf_referral - another discovery subsystem that the log names */
struct nvmf_referral {
	struct nvmf_trid trid;
	char subnqn[NVMF_NQN_MAX + 1];
	TAILQ_ENTRY(nvmf_referral) link;
};
struct nvmf_referral *nvmf_referral_first(void);
struct nvmf_referral *nvmf_referral_next(struct nvmf_referral *r);
/** nvmf_referral_find() - @subnqn NULL: the well-known discovery NQN */
struct nvmf_referral *nvmf_referral_find(const struct nvmf_trid *trid,
					 const char *subnqn);
/** nvmf_referral_add() - likewise */
int nvmf_referral_add(const struct nvmf_trid *trid, const char *subnqn,
		      struct weft_reason *why);
void nvmf_referral_remove(struct nvmf_referral *r);

struct nvmf_subsystem *nvmf_subsystem_first(void);
struct nvmf_subsystem *nvmf_subsystem_next(struct nvmf_subsystem *s);
struct nvmf_subsystem *nvmf_subsystem_find(const char *nqn);

/** nvmf_subsystem_create() - known at once; @out may be NULL */
int nvmf_subsystem_create(const struct nvmf_subsystem_opts *opts,
			  struct nvmf_subsystem **out, struct weft_reason *why);
/**
 * nvmf_subsystem_turn() - run @done when every change of @s that was asked for
 * before has taken effect: what its lists have then is there
 * @nsid: @bdev_name: what it will be about, 0 and NULL if neither; a namespace
 *        that is being taken away is waited for only if it is that or on that
 * A change that @done asks for is the next one, whatever waits already.
 */
void nvmf_subsystem_turn(struct nvmf_subsystem *s, u32 nsid,
			 const char *bdev_name, nvmf_done done, void *ctx);
/** nvmf_subsystem_delete() - disconnects its hosts, closes its bdevs */
void nvmf_subsystem_delete(struct nvmf_subsystem *s, nvmf_done done, void *ctx);

/**
 * struct nvmf_ns_opts - of nvmf_subsystem_add_ns
 * @nsid: 0: lowest free
 * @nguid: @eui64: NULL: none (nguid: from uuid, as SPDK does)
 * @uuid: NULL: the bdev's
 * @anagrpid: 0: as @nsid
 * @ptpl_file: where reservations persist through power loss; NULL: they do not
 * @no_auto_visible: nobody sees it but hosts of nvmf_ns_set_host()
 */
struct nvmf_ns_opts {
	u32 nsid;
	const char *bdev_name;
	const u8 *nguid;
	const u8 *eui64;
	const u8 *uuid;
	u32 anagrpid;
	bool no_auto_visible;
	const char *ptpl_file;
};

/** nvmf_subsystem_add_ns() - *@nsid is set before @done runs */
void nvmf_subsystem_add_ns(struct nvmf_subsystem *s,
			   const struct nvmf_ns_opts *opts, u32 *nsid,
			   nvmf_done done, void *ctx);
void nvmf_subsystem_remove_ns(struct nvmf_subsystem *s, u32 nsid,
			      nvmf_done done, void *ctx);
struct nvmf_ns *nvmf_subsystem_ns(struct nvmf_subsystem *s, u32 nsid);

/**
 * nvmf_ns_set_host() - let a host see a namespace, or (@add false) no longer
 * Refused for namespaces that every host sees. Done when no command of the
 * host that may not any more is under way.
 */
void nvmf_ns_set_host(struct nvmf_subsystem *s, u32 nsid, const char *hostnqn,
		      bool add, nvmf_done done, void *ctx);
bool nvmf_ns_host_listed(const struct nvmf_ns *ns, const char *nqn);
/** nvmf_ns_host_next() - walk the list; @after NULL: from its start */
const char *nvmf_ns_host_next(const struct nvmf_ns *ns, const char *after);

/** nvmf_ana_state_parse() - "optimized" …: enum nvme_ana_state or -EINVAL */
int nvmf_ana_state_parse(const char *name, struct weft_reason *why);
const char *nvmf_ana_state_text(u8 state);
/**
 * nvmf_listener_set_ana_state() - of one group or (0) of all, at one address
 * Done when no command that the new state forbids is under way.
 */
void nvmf_listener_set_ana_state(struct nvmf_subsystem *s,
				 const struct nvmf_trid *trid, u32 group,
				 u8 state, nvmf_done done, void *ctx);
/** nvmf_subsystem_set_ns_ana_group() - move a namespace; likewise */
void nvmf_subsystem_set_ns_ana_group(struct nvmf_subsystem *s, u32 nsid,
				     u32 group, nvmf_done done, void *ctx);

int nvmf_subsystem_add_host(struct nvmf_subsystem *s, const char *hostnqn,
			    struct weft_reason *why);
/** nvmf_subsystem_remove_host() - and disconnect its controllers */
void nvmf_subsystem_remove_host(struct nvmf_subsystem *s, const char *hostnqn,
				nvmf_done done, void *ctx);
/** Turning it off disconnects hosts that are not on the list. */
void nvmf_subsystem_allow_any_host(struct nvmf_subsystem *s, bool allow,
				   nvmf_done done, void *ctx);
bool nvmf_subsystem_host_allowed(const struct nvmf_subsystem *s,
				 const char *hostnqn);

/** nvmf_subsystem_add_listener() - the transport must exist */
void nvmf_subsystem_add_listener(struct nvmf_subsystem *s,
				 const struct nvmf_trid *trid,
				 const struct nvmf_listener_opts *opts,
				 nvmf_done done, void *ctx);
/** Removing a listener disconnects the controllers that came through it. */
void nvmf_subsystem_remove_listener(struct nvmf_subsystem *s,
				    const struct nvmf_trid *trid,
				    nvmf_done done, void *ctx);

/* Listings that need other reactors; @fn runs on the control reactor */

struct nvmf_ctrlr_info {
	u16 cntlid;
	char hostnqn[NVMF_NQN_MAX + 1];
	u8 hostid[16];
	u32 io_qpairs;
	u32 kato_ms;
};
struct nvmf_qpair_info {
	u16 cntlid;
	u16 qid;
	const char *state;	/* SPDK's: "enabled", "connecting", … */
	unsigned int reactor;
	char hostnqn[NVMF_NQN_MAX + 1];
	struct nvmf_trid listen;
	char peer[64];
	char peer_port[6];
	u32 depth;
	u32 outstanding;
	char counters[768];	/* the transport's, a JSON object or "" */
};
void nvmf_subsystem_ctrlrs(struct nvmf_subsystem *s,
			   void (*fn)(void *ctx,
				      const struct nvmf_ctrlr_info *i),
			   reactor_fn done, void *ctx);
void nvmf_subsystem_qpairs(struct nvmf_subsystem *s,
			   void (*fn)(void *ctx,
				      const struct nvmf_qpair_info *i),
			   reactor_fn done, void *ctx);

/** struct nvmf_group_stats - one poll group, as nvmf_get_stats shows it */
struct nvmf_group_stats {
	unsigned int reactor;
	u64 admin_qpairs;		/* ever */
	u64 io_qpairs;
	u64 current_admin_qpairs;
	u64 current_io_qpairs;
	u64 current_unassociated_qpairs;	/* no Connect yet */
	u64 pending_bdev_io;
	u64 completed_nvme_io;
	/* transport's own members as JSON object text; NULL: no memory for it */
	struct {
		const char *trtype;
		char *json;
	} transports[4];
	unsigned int ntransports;
};
/**
 * struct nvmf_io_row - one line of the listing of I/O counts
 * @subsystem: its id; @nqn: of the host; all: where they mean something
 * @loop: @waits: of NVMF_ROW_REACTOR
 */
struct nvmf_io_row {
	enum nvmf_io_row_kind kind;
	unsigned int reactor;
	u32 subsystem;
	u32 nsid;
	u16 cntlid;
	u16 qid;
	const char *transport;
	char nqn[NVMF_NQN_MAX + 1];
	char peer[64];
	struct nvmf_io_stats io;
	struct reactor_stats loop;
	u64 waits[NVMF_IO_WAITS];
};
/** nvmf_io_collect() - @fn per row, reactor by reactor, then @done */
int nvmf_io_collect(void (*fn)(void *ctx, const struct nvmf_io_row *row),
		    reactor_fn done, void *ctx);
void nvmf_io_stats_add(struct nvmf_io_stats *to,
		       const struct nvmf_io_stats *io);

/**
 * nvmf_host_set_limits() - of a host by its NQN, in all subsystems, also of one
 * that is not connected; see target/bdev/limit.h. Control reactor.
 */
void nvmf_host_set_limits(const char *hostnqn, const u64 per_sec[LIMIT_RATES],
			  nvmf_done done, void *ctx);
void nvmf_host_get_limits(const char *hostnqn, u64 per_sec[LIMIT_RATES]);
/** nvmf_host_limits_next() - names of hosts with limits; NULL: the first */
const char *nvmf_host_limits_next(const char *nqn);
/** nvmf_ns_set_limits() - of a namespace, for all its hosts together */
void nvmf_ns_set_limits(struct nvmf_ns *ns, const u64 per_sec[LIMIT_RATES],
			nvmf_done done, void *ctx);
void nvmf_ns_get_limits(const struct nvmf_ns *ns, u64 per_sec[LIMIT_RATES]);

/** nvmf_stats_collect() - @fn per reactor in order, then @done */
void nvmf_stats_collect(void (*fn)(void *ctx,
				   const struct nvmf_group_stats *s),
			reactor_fn done, void *ctx);

#endif
