// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Reservation commands and reports, for hosts. Called in process context with
 * what a controller sent: the number of registrants that it names is not
 * believed beyond the bytes that are there.
 */
#include "common/cmd.h"
#include "common/resv.h"

void nvme_cmd_resv(union nvme_cmd *c, u8 opcode, u32 nsid, u32 cdw10)
{
	nvme_cmd_start(c, opcode, nsid)->cdw10 = cpu_to_le32(cdw10);
}

void nvme_cmd_resv_report(union nvme_cmd *c, u32 nsid, u32 bytes)
{
	nvme_cmd_resv(c, NVME_CMD_RESV_REPORT, nsid, bytes / 4 - 1);
	c->sqe.cdw11 = cpu_to_le32(NVME_RESV_EDS);
}

int nvme_resv_report_decode(const void *data, size_t len,
			    struct nvme_resv_state *s, u64 *keys, u32 max,
			    struct weft_reason *why)
{
	const u8 *p = data;
	struct nvme_resv_registrant r;
	struct nvme_resv_report h;
	u32 i;

	if (len < sizeof(h))
		return weft_fail(why, -EMSGSIZE,
				 "reservation report of %zu bytes: its head has %zu",
				 len, sizeof(h));
	memcpy(&h, p, sizeof(h));
	if (h.type > NVME_RESV_EXCLUSIVE_ACCESS_ALL)
		return weft_fail(why, -EPROTO,
				 "reservation report: type %u does not exist",
				 h.type);
	memset(s, 0, sizeof(*s));
	s->generation = le32_to_cpu(h.generation);
	s->held = h.type;
	s->registrants = le16_to_cpu(h.registrants);
	s->given = s->registrants;
	if (s->given > (len - sizeof(h)) / sizeof(r))
		s->given = (len - sizeof(h)) / sizeof(r);
	for (i = 0; i < s->given; i++) {
		memcpy(&r, p + sizeof(h) + i * sizeof(r), sizeof(r));
		if (i < max)
			keys[i] = le64_to_cpu(r.key);
		if (r.status & NVME_RESV_HOLDER &&
		    h.type < NVME_RESV_WRITE_EXCLUSIVE_ALL)
			s->holder = le64_to_cpu(r.key);
	}
	return 0;
}
