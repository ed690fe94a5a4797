/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What this machine is called as a host, by every tool alike: /etc/nvme.
 */
#ifndef WEFT_TOOLS_IDENTITY_H
#define WEFT_TOOLS_IDENTITY_H

#include "tools/weft/cli.h"

/**
 * struct identity - names as they stand in a connect string
 * @hostnqn: of /etc/nvme/hostnqn
 * @hostid: of /etc/nvme/hostid, or "": there is none
 */
struct identity {
	char hostnqn[NVMF_NQN_MAX + 1];
	char hostid[WEFT_UUID_LEN + 1];
};

/** identity_read() - false: this machine has no name that can be used */
bool identity_read(struct identity *id);

#endif
