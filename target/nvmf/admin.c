// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The table of admin commands, and the smallest: Keep Alive. All of it runs on
 * the controller's home.
 */
#include "target/nvmf/internal.h"

/* Every command on the admin queue counts as a sign of life; this is all. */
static void keep_alive_execute(struct nvmf_request *req)
{
	nvmf_request_complete(req, NVME_SC_SUCCESS);
}

const struct nvmf_command nvmf_admin_commands[NVMF_ADMIN_COMMANDS] = {
	[NVME_ADMIN_GET_LOG_PAGE] = {
		"Get Log Page", NVME_XFER_CTRL_TO_HOST, NVMF_CMD_DISC,
		nvmf_log_parse, nvmf_log_execute,
	},
	[NVME_ADMIN_IDENTIFY] = {
		"Identify", NVME_XFER_CTRL_TO_HOST, NVMF_CMD_DISC,
		nvmf_identify_parse, nvmf_identify_execute,
	},
	[NVME_ADMIN_ABORT] = {
		"Abort", NVME_XFER_NONE, 0, NULL, nvmf_abort_execute,
	},
	[NVME_ADMIN_SET_FEATURES] = {
		"Set Features", NVME_XFER_HOST_TO_CTRL, NVMF_CMD_DISC,
		nvmf_set_features_parse, nvmf_set_features_execute,
	},
	[NVME_ADMIN_GET_FEATURES] = {
		"Get Features", NVME_XFER_CTRL_TO_HOST, NVMF_CMD_DISC,
		nvmf_get_features_parse, nvmf_get_features_execute,
	},
	[NVME_ADMIN_ASYNC_EVENT] = {
		"Asynchronous Event Request", NVME_XFER_NONE, NVMF_CMD_DISC,
		NULL, nvmf_aer_execute,
	},
	[NVME_ADMIN_KEEP_ALIVE] = {
		"Keep Alive", NVME_XFER_NONE, NVMF_CMD_DISC,
		NULL, keep_alive_execute,
	},
};
