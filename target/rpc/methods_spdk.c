// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Methods that SPDK's saved configurations and its client contain for machinery
 * that does not exist here. Two tables decide:
 * - what only tunes such machinery is accepted, because it changes nothing that
 *   anybody can see; where one value would change something, only the other is;
 * - what would make something that is not here is refused with the reason.
 */
#include <errno.h>

#include "target/rpc/rpc.h"

/* Any parameter: what another version of SPDK adds is no reason to refuse */
static const struct rpc_param any_params[] = {
	{ .name = "*", .type = RPC_HINT }, { .type = RPC_END }
};

static const struct rpc_param hotplug_params[] = {
	{ .name = "enable", .type = RPC_ONLY_FALSE },
	{ .name = "*", .type = RPC_HINT }, { .type = RPC_END }
};

static const struct rpc_param scheduler_params[] = {
	{ .name = "name", .type = RPC_ONLY_NAME, .required = true,
	  .only = "static" },
	{ .name = "mappings", .type = RPC_ONLY_NAME, .only = "" },
	{ .name = "*", .type = RPC_HINT }, { .type = RPC_END }
};

static const struct rpc_param options_params[] = {
	{ .name = "isolated_core_mask", .type = RPC_ONLY_NAME, .only = "" },
	{ .name = "*", .type = RPC_HINT }, { .type = RPC_END }
};

static const struct rpc_param crdt_params[] = {
	{ .name = "crdt1", .type = RPC_ONLY_ZERO },
	{ .name = "crdt2", .type = RPC_ONLY_ZERO },
	{ .name = "crdt3", .type = RPC_ONLY_ZERO },
	{ .type = RPC_END }
};

/** struct max_params - @max_subsystems: checked, and less than there may be */
struct max_params {
	u32 max_subsystems;
};

static const struct rpc_param max_params[] = {
	{ .name = "max_subsystems", .type = RPC_U32, .required = true,
	  .offset = offsetof(struct max_params, max_subsystems), .min = 1,
	  .max = 1024, .help = "there may be 1024 in any case" },
	{ .type = RPC_END }
};

static const struct rpc_param target_params[] = {
	{ .name = "name", .type = RPC_ONLY_NAME, .required = true,
	  .only = "nvmf_tgt" },
	{ .name = "discovery_filter", .type = RPC_ONLY_NAME,
	  .only = "match_any" },
	{ .name = "max_subsystems", .type = RPC_U32,
	  .offset = offsetof(struct max_params, max_subsystems), .max = 1024,
	  .help = "there may be 1024 in any case" },
	{ .type = RPC_END }
};

static void changes_nothing(struct rpc_call *call, const void *params)
{
	(void)params;
	rpc_reply(call, json_true());
}

static void get_scheduler(struct rpc_call *call, const void *params)
{
	(void)params;
	rpc_reply(call, json_pack("{s:s, s:i, s:s, s:i}", "scheduler_name",
				  "static", "scheduler_period", 0,
				  "isolated_core_mask", "0", "scheduling_core",
				  reactor_core(reactor_control())));
}

static void get_default_impl(struct rpc_call *call, const void *params)
{
	(void)params;
	rpc_reply(call, json_pack("{s:s}", "impl_name", "posix"));
}

static const struct rpc_param impl_params[] = {
	{ .name = "impl_name", .type = RPC_ONLY_NAME, .required = true,
	  .only = "posix" },
	{ .type = RPC_END }
};

static void get_impl_options(struct rpc_call *call, const void *params)
{
	(void)params;
	rpc_reply(call, json_pack("{s:i, s:i, s:b, s:b, s:i, s:b, s:b, s:i, s:i, s:b}",
				  "recv_buf_size", 0, "send_buf_size", 0,
				  "enable_recv_pipe", 0, "enable_quickack", 0,
				  "enable_placement_id", 0,
				  "enable_zerocopy_send_server", 0,
				  "enable_zerocopy_send_client", 0,
				  "zerocopy_threshold", 0, "tls_version", 0,
				  "enable_ktls", 0));
}

static void get_pci_devices(struct rpc_call *call, const void *params)
{
	(void)params;
	rpc_reply(call, json_array());
}

static void create_target(struct rpc_call *call, const void *params)
{
	(void)params;
	rpc_reply(call, json_string("nvmf_tgt"));
}

static void get_targets(struct rpc_call *call, const void *params)
{
	(void)params;
	rpc_reply(call, json_pack("[s]", "nvmf_tgt"));
}

#define TUNING(method, table) \
	{ method, RPC_ALWAYS, table, sizeof(struct max_params), NULL, changes_nothing, NULL, \
	  "Accepted for compatibility, changes nothing" }

static const struct rpc_method spdk_methods[] = {
	TUNING("accel_set_options", any_params),
	TUNING("bdev_iscsi_set_options", any_params),
	TUNING("bdev_nvme_set_hotplug", hotplug_params),
	TUNING("bdev_nvme_set_options", any_params),
	TUNING("bdev_raid_set_options", any_params),
	TUNING("bdev_set_options", any_params),
	TUNING("framework_disable_cpumask_locks", NULL),
	TUNING("framework_set_scheduler", scheduler_params),
	TUNING("iobuf_set_options", any_params),
	TUNING("nvmf_set_crdt", crdt_params),
	TUNING("nvmf_set_max_subsystems", max_params),
	TUNING("scheduler_set_options", options_params),
	TUNING("sock_impl_set_options", any_params),
	TUNING("sock_set_default_impl", any_params),
	{ "nvmf_create_target", RPC_ALWAYS, target_params,
	  sizeof(struct max_params), NULL, create_target, NULL,
	  "There is one target, and it is there already" },
	{ "nvmf_get_targets", RPC_ALWAYS, NULL, 0, NULL, get_targets, NULL,
	  "There is one target" },
	{ "framework_get_scheduler", RPC_ALWAYS, NULL, 0, NULL, get_scheduler,
	  NULL, "Connections are placed once, and stay: the static scheduler" },
	{ "framework_get_pci_devices", RPC_ALWAYS, NULL, 0, NULL,
	  get_pci_devices, NULL, "No PCI device is driven here: an empty list" },
	{ "sock_get_default_impl", RPC_ALWAYS, NULL, 0, NULL, get_default_impl,
	  NULL, "The kernel's sockets are used" },
	{ "sock_impl_get_options", RPC_ALWAYS, impl_params,
	  sizeof(struct max_params), NULL, get_impl_options, NULL,
	  "The kernel's sockets are as they are: nothing is tuned here" },
};
RPC_METHODS(spdk_methods)

/* By prefix; the first that fits */
static const struct {
	const char *prefix;
	const char *reason;
} absent[] = {
	{ "accel_", "copies and checksums are not handed to an accelerator" },
	{ "ae4dma_", "copies and checksums are not handed to an accelerator" },
	{ "bdev_crypto_", "there is no encryption at rest: use dm-crypt and bdev_aio_create on it" },
	{ "bdev_ftl_", "there is no flash translation layer" },
	{ "bdev_iscsi_", "there is no iSCSI bdev: use the kernel's initiator and bdev_aio_create" },
	{ "bdev_lvol_", "there are no logical volumes: use LVM and bdev_aio_create on a volume" },
	{ "bdev_nvme_", "there is no NVMe bdev: use the kernel's device with bdev_aio_create" },
	{ "bdev_opal_", "there is no NVMe bdev" },
	{ "bdev_raid_", "there is no RAID: use md and bdev_aio_create on it" },
	{ "bdev_rbd_", "there is no Ceph bdev: map it with rbd and use bdev_aio_create" },
	{ "bdev_zone_", "there are no zoned bdevs" },
	{ "env_dpdk_", "there is no DPDK" },
	{ "framework_", "this part of SPDK's framework does not exist here" },
	{ "fsdev_", "there are no file system devices" },
	{ "ioat_", "copies and checksums are not handed to an accelerator" },
	{ "iscsi_", "iSCSI is not served" },
	{ "keyring_", "hosts are not authenticated, and nothing is encrypted" },
	{ "nvmf_delete_target", "there is one target, nvmf_tgt, and it stays" },
	{ "nvmf_publish_mdns_prr", "discovery is not announced by mDNS: use avahi" },
	{ "nvmf_stop_mdns_prr", "discovery is not announced by mDNS: use avahi" },
	{ "nvmf_subsystem_set_keys", "hosts are not authenticated" },
	{ "nbd_", "NBD is not served" },
	{ "scsi_", "SCSI is not served" },
	{ "sock_", "sockets are the kernel's, and tuned by its sysctls" },
	{ "trace_", "there are no trace points: use log_set_level and perf" },
	{ "ublk_", "ublk is not served" },
	{ "vfu_", "vfio-user is not served" },
	{ "vhost_", "vhost is not served" },
	{ "virtio_", "virtio is not served" },
	{ "vmd_", "volume management devices are not driven" },
};

const char *rpc_absent(const char *method)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(absent); i++)
		if (!strncmp(method, absent[i].prefix, strlen(absent[i].prefix)))
			return absent[i].reason;
	return NULL;
}

void rpc_absent_reference(FILE *out)
{
	size_t i;

	fputs("\n# Methods of SPDK that are not here\n\n"
	      "They are refused, in a configuration too, with the reason.\n\n"
	      "| methods | |\n|---|---|\n", out);
	for (i = 0; i < ARRAY_SIZE(absent); i++)
		fprintf(out, "| `%s*` | %s |\n", absent[i].prefix,
			absent[i].reason);
}
