// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The names in /etc/nvme, which nvme-cli uses, too. See identity.h.
 */
#include "tools/weft/identity.h"

#define LINE_ROOM	512	/* longer than any name */

static bool first_line(const char *path, char out[LINE_ROOM])
{
	FILE *f = fopen(path, "re");
	bool got = f && fgets(out, LINE_ROOM, f);

	if (f)
		fclose(f);
	if (got)
		out[strcspn(out, " \t\r\n")] = '\0';
	return got && out[0];
}

bool identity_read(struct identity *id)
{
	char line[LINE_ROOM];
	u8 uuid[WEFT_UUID_BYTES];

	memset(id, 0, sizeof(*id));
	/* a connect string has no way to write a comma */
	if (!first_line("/etc/nvme/hostnqn", line) || strchr(line, ',') ||
	    weft_nqn_text_check(line, strlen(line), "hostnqn", NULL))
		return false;
	memcpy(id->hostnqn, line, strlen(line) + 1);
	if (first_line("/etc/nvme/hostid", line) &&
	    !weft_uuid_parse(line, strlen(line), uuid) &&
	    !weft_id_is_zero(uuid, sizeof(uuid)))
		weft_uuid_format(uuid, id->hostid);
	return true;
}
