// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * weft: one command line tool for Weft's host and target.
 */
#include "tools/weft/cli.h"

int main(int argc, char **argv)
{
	int rc = cli_run(argc - 1, argv + 1);

	/* a listing that did not get out was not given */
	if ((fflush(stdout) || ferror(stdout)) && !rc)
		rc = cli_error(CLI_FAILED, "stdout: %s", strerror(errno));
	return rc;
}
