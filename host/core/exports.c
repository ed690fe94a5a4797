// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of common/ that transports call. The protocol code is linked into
 * weft.ko once; common/ itself knows nothing of kernel exports.
 */
#include <linux/export.h>

#include "common/cmd.h"
#include "common/connstr.h"
#include "common/rdma_cm.h"
#include "common/sgl.h"
#include "common/status.h"
#include "common/text.h"

EXPORT_SYMBOL_GPL(weft_text_init);
EXPORT_SYMBOL_GPL(weft_text_add);
EXPORT_SYMBOL_GPL(weft_text_add_escaped);
EXPORT_SYMBOL_GPL(weft_fail);
EXPORT_SYMBOL_GPL(weft_vfail);
EXPORT_SYMBOL_GPL(nvme_status_name);
EXPORT_SYMBOL_GPL(nvme_opcode_name);
EXPORT_SYMBOL_GPL(nvme_cmd_dir);
EXPORT_SYMBOL_GPL(nvme_sgl_none);
EXPORT_SYMBOL_GPL(nvme_sgl_incapsule);
EXPORT_SYMBOL_GPL(nvme_sgl_keyed);
EXPORT_SYMBOL_GPL(nvme_sgl_transport);
EXPORT_SYMBOL_GPL(nvme_capsule_room);
EXPORT_SYMBOL_GPL(nvme_use_incapsule);
EXPORT_SYMBOL_GPL(nvme_cmd_async_event);
EXPORT_SYMBOL_GPL(nvme_rdma_cm_req_encode);
EXPORT_SYMBOL_GPL(nvme_rdma_cm_rep_decode);
EXPORT_SYMBOL_GPL(nvme_rdma_cm_rej_decode);
EXPORT_SYMBOL_GPL(nvme_rdma_cm_status_name);
