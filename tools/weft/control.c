// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The kernel host's control device: controllers come by a written connect
 * string and go by an attribute in sysfs.
 */
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "tools/weft/host.h"

#define GONE_MS 60000

static int open_control(const struct host *h, int *fd)
{
	char path[80];
	int err;

	snprintf(path, sizeof(path), "/dev/%s", h->control);
	*fd = open(path, O_RDWR | O_CLOEXEC);
	if (*fd >= 0)
		return CLI_OK;
	err = errno;
	return cli_error(cli_exit_of(err), "%s: %s%s", path, strerror(err),
			 err == EACCES || err == EPERM ?
			 ": connecting is the superuser's" : "");
}

/* The number after @key in a line like "instance=0,cntlid=1". */
static bool number_after(const char *line, const char *key, int *v)
{
	const char *at = strstr(line, key);
	char *end;
	long n;

	if (!at)
		return false;
	at += strlen(key);
	errno = 0;
	n = strtol(at, &end, 10);
	if (end == at || errno || n < INT_MIN || n > INT_MAX)
		return false;
	*v = (int)n;
	return true;
}

static int connect_failed(int err, const char *line)
{
	const char *reason = strstr(line, "reason=");

	if (reason)
		return cli_error(cli_exit_of(err) == CLI_DENIED ? CLI_DENIED :
				 CLI_FAILED, "not connected: %s (%s)",
				 reason + strlen("reason="), strerror(err));
	return cli_error(CLI_FAILED, "not connected: %s", strerror(err));
}

int host_connect(const struct host *h, const char *text, char *name,
		 size_t size, int *cntlid)
{
	int err = 0, instance, fd, rc = open_control(h, &fd);
	char line[512];
	ssize_t n;

	if (rc)
		return rc;
	if (write(fd, text, strlen(text)) < 0)
		err = errno;
	n = pread(fd, line, sizeof(line) - 1, 0);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	close(fd);
	if (err)
		return connect_failed(err, line);
	if (!number_after(line, "instance=", &instance) || instance < 0 ||
	    !number_after(line, "cntlid=", cntlid))
		return cli_error(CLI_FAILED,
				 "connected, but the control device answers '%s'",
				 line);
	snprintf(name, size, "nvme%d", instance);
	return CLI_OK;
}

static bool wait_gone(const char *path)
{
	const struct timespec ms10 = { .tv_nsec = 10000000 };
	int waited;

	for (waited = 0; sysfs_exists(path) && waited < GONE_MS; waited += 10)
		nanosleep(&ms10, NULL);
	return !sysfs_exists(path);
}

int host_delete(const struct host *h, const char *ctrl)
{
	char path[PATH_MAX];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/sys/class/%s/%.200s/delete_controller",
		 h->cls, ctrl);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1\n", 2) != 2)
		err = errno;
	if (fd >= 0)
		close(fd);
	/* someone else may be deleting it: gone is gone */
	if (err == ENOENT || err == ENODEV)
		err = 0;
	if (err)
		return cli_error(cli_exit_of(err), "%s: %s", ctrl,
				 strerror(err));
	*strrchr(path, '/') = '\0';
	if (wait_gone(path))
		return CLI_OK;
	return cli_error(CLI_FAILED,
			 "%s: told to go, but still there after %d s; the kernel log may say why",
			 ctrl, GONE_MS / 1000);
}
