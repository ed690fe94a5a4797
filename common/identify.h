/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Identify data: encoded by the target from its own description, decoded and
 * checked by the host into the few facts that it acts on.
 */
#ifndef WEFT_COMMON_IDENTIFY_H
#define WEFT_COMMON_IDENTIFY_H

#include "common/fabrics.h"
#include "common/names.h"
#include "common/text.h"

/**
 * struct nvme_ctrl_desc - what a target says of a controller
 * @mdts: largest transfer as a power of two of 4 KiB pages; 0 = no limit
 * @ioccsz: @iorcsz: capsule sizes in 16-byte units
 * @maxcmd: commands per queue
 * @kas: keep-alive granularity in 100 ms
 * @aerl: 0-based
 * @acwu: blocks of an atomic Compare and Write, 0-based, whatever their size
 * @ocfs: formats of Copy's descriptors, as bits
 * @fcatt: NVME_FCATT_STATIC or 0: hosts choose their controller, or get one
 * @nn: highest namespace id; @mnan: most namespaces (0 = as @nn)
 */
struct nvme_ctrl_desc {
	u8 cntrltype;
	u16 vid;
	u16 ssvid;
	u8 ieee[3];
	const char *serial;
	const char *model;
	const char *firmware;
	const char *subnqn;
	u16 cntlid;
	u32 version;
	u8 cmic;
	u8 mdts;
	u32 oaes;
	u32 ctratt;
	u16 kas;
	u8 aerl;
	u8 acl;
	u8 lpa;
	u8 elpe;
	u16 oncs;
	u16 fuses;
	u8 vwc;
	u16 acwu;
	u16 ocfs;
	u32 nn;
	u32 mnan;
	u32 sgls;
	u16 maxcmd;
	u32 ioccsz;
	u32 iorcsz;
	u16 icdoff;
	u8 fcatt;
	u8 msdbd;
	u8 anacap;
	u8 anatt;
	u32 anagrpmax;
	u32 nanagrpid;
};

/** nvme_id_ctrl_encode() - @id is written whole; no string may be NULL */
void nvme_id_ctrl_encode(struct nvme_id_ctrl *id,
			 const struct nvme_ctrl_desc *d);

/**
 * struct nvme_ctrl_info - what a host takes from Identify Controller
 * @mdts: largest transfer as a power of two of CAP.MPSMIN pages; 0 = no limit
 * @awupf: blocks that a loss of power leaves whole, 0-based
 *
 * Text is trimmed and terminated; unprintable bytes are kept as they came
 * (printers escape).
 */
struct nvme_ctrl_info {
	u16 vid;
	u16 ssvid;
	char serial[21];
	char model[41];
	char firmware[9];
	char subnqn[NVMF_NQN_MAX + 1];
	u16 cntlid;
	u32 version;
	u8 cmic;
	u8 mdts;
	u32 oaes;
	u32 ctratt;
	u8 cntrltype;
	u16 crdt[3];
	u16 oacs;
	u8 aerl;
	u8 lpa;
	u16 mtfa;
	u16 kas;
	u16 maxcmd;
	u32 nn;
	u32 mnan;
	u16 oncs;
	u16 fuses;
	u8 vwc;
	u16 awupf;
	u16 acwu;
	u32 sgls;
	u32 ioccsz;
	u32 iorcsz;
	u16 icdoff;
	u8 msdbd;
	u8 dctype;
	u8 anacap;
	u8 anatt;
	u32 anagrpmax;
	u32 nanagrpid;
};

/**
 * nvme_id_ctrl_decode() - wire to facts
 * Return: 0; -EMSGSIZE if @len is short; -EPROTO if the subsystem NQN has no
 * end.
 */
int nvme_id_ctrl_decode(const void *data, size_t len, struct nvme_ctrl_info *c,
			struct weft_reason *why);

/**
 * struct nvme_nvm_limits - of commands that move no data, from CNS 06h
 * @wzsl: largest Write Zeroes as a power of two of CAP.MPSMIN pages
 * @dmrl: most ranges of a Dataset Management command
 * @dmrsl: most blocks of one of its ranges
 * @dmsl: most blocks of all its ranges together
 *
 * 0 is no limit; so a zeroed one is that of a controller that tells none.
 */
struct nvme_nvm_limits {
	u8 wzsl;
	u8 dmrl;
	u32 dmrsl;
	u64 dmsl;
};

/**
 * nvme_nvm_limits_decode() - wire to facts, of Identify Controller of the NVM
 * command set (NVM Command Set Specification 1.0, section 4.1.5.2)
 */
void nvme_nvm_limits_decode(const struct nvme_id_ctrl_nvm *id,
			    struct nvme_nvm_limits *l);

/**
 * nvme_ctrl_info_check() - can a fabrics host work with this controller?
 * @cntlid: what Connect returned
 * @discovery: rules of a discovery controller apply
 * @keep_alive: the host wants keep-alive
 *
 * Controller ids must agree. What is not connected to as a discovery controller
 * must not be one. Of an I/O controller also: KAS not 0 with
 * @keep_alive, IOCCSZ >= 4, IORCSZ >= 1, and a capsule that holds ICDOFF
 * (discovery controllers in use leave these fields 0).
 *
 * Return: 0 or -EINVAL with the reason.
 */
int nvme_ctrl_info_check(const struct nvme_ctrl_info *c, u16 cntlid,
			 bool discovery, bool keep_alive,
			 struct weft_reason *why);

/** struct nvme_ns_facts - a namespace, both ways */
struct nvme_ns_facts {
	u64 nsze;		/* blocks */
	u64 ncap;
	u64 nuse;
	u8 lbads;		/* log2 of the block size */
	u16 ms;			/* metadata bytes per block */
	bool metadata_extended;
	u8 nmic;
	u8 nsattr;
	u8 nsfeat;
	u8 dlfeat;
	u8 rescap;
	u16 nawupf;		/* 0-based blocks; with NVME_NSFEAT_ATOMICS */
	u16 nacwu;		/* likewise; of a Compare and Write */
	u16 nabo;		/* blocks to the first atomic boundary */
	u16 nabspf;		/* 0-based blocks between them; 0 = none */
	u16 noiob;		/* blocks; 0 = none */
	u16 npwg;		/* 0-based blocks, as the next four, which hold */
	u16 npwa;		/* with NVME_NSFEAT_OPTPERF */
	u16 npdg;
	u16 npda;
	u16 nows;
	u16 mssrl;		/* blocks of one source range of Copy */
	u32 mcl;		/* blocks of a Copy */
	u8 msrc;		/* source ranges, 0-based */
	u32 anagrpid;
	u8 nguid[16];
	u8 eui64[8];
	u8 uuid[16];		/* from the descriptor list */
	u8 csi;
};

/** nvme_id_ns_encode() - @id is written whole; one LBA format, that of @f */
void nvme_id_ns_encode(struct nvme_id_ns *id, const struct nvme_ns_facts *f);

/**
 * nvme_id_ns_decode() - wire to facts
 * @f: written whole; the descriptor list's facts are added afterwards
 *
 * Return: 0; -EMSGSIZE; -ENODEV if NSZE is 0 (inactive); -EPROTO for a block
 * size outside 512 B to 64 KiB, a size that overflows 63 bits of bytes, or a
 * format index past the table.
 */
int nvme_id_ns_decode(const void *data, size_t len, struct nvme_ns_facts *f,
		      struct weft_reason *why);

/**
 * nvme_id_ns_indep_encode() - what is the same for all command sets, of a
 * namespace that is ready
 * @id: written whole
 * @f: nmic, rescap, anagrpid and nsattr are told; its nsfeat is another one,
 *     the NVM command set's
 */
void nvme_id_ns_indep_encode(struct nvme_id_ns_indep *id,
			     const struct nvme_ns_facts *f);

/**
 * nvme_id_ns_indep_decode() - what is the same for all command sets
 * @f: nmic, rescap, anagrpid and nsattr are taken over
 * Return: 0; -EMSGSIZE; -EBUSY if the namespace is not ready.
 */
int nvme_id_ns_indep_decode(const void *data, size_t len,
			    struct nvme_ns_facts *f, struct weft_reason *why);

/**
 * nvme_ns_descs_encode() - descriptor list: EUI64, NGUID, UUID (those that are
 * not zero) and CSI
 * @out: 4,096 bytes, all written
 */
void nvme_ns_descs_encode(u8 *out, const struct nvme_ns_facts *f);

/**
 * nvme_ns_descs_decode() - fills uuid, nguid, eui64 and csi of @f
 * Unknown types are skipped; a length of 0 ends the list. Return: 0, or -EPROTO
 * for a wrong length or a descriptor that is cut off; @f is as it was then.
 */
int nvme_ns_descs_decode(const void *data, size_t len, struct nvme_ns_facts *f,
			 struct weft_reason *why);

#define NVME_NSID_LIST_MAX	1024

/**
 * nvme_nsid_list_decode() - active namespace list to host order
 * @after: the command's NSID: every entry must be greater, and ascending
 * @out: room for NVME_NSID_LIST_MAX
 * Return: number of entries, or -EPROTO / -EMSGSIZE.
 */
int nvme_nsid_list_decode(const void *data, size_t len, u32 after, u32 *out,
			  struct weft_reason *why);

/** nvme_nsid_list_encode() - @n (<= 1,024) ids into 4,096 bytes */
void nvme_nsid_list_encode(__le32 *out, const u32 *nsids, unsigned int n);

#endif
