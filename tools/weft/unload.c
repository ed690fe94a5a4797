// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * `weft unload`: takes the host's modules out, transports first. Never cuts a
 * disk off: live controllers and whoever holds a device open are named
 * instead.
 */
#include <libkmod.h>
#include <time.h>
#include <unistd.h>

#include "tools/weft/handlers.h"
#include "tools/weft/host.h"
#include "tools/weft/module.h"

/* controllers of a host beside the kernel's own are numbered from here */
#define BESIDE_INSTANCE	1000

/* After a disconnect the last references take a moment to go. */
#define RETRIES		50
#define RETRY_NS	40000000

/* Is it a device of this host? Beside the kernel's own, numbers tell. */
static bool is_ours(const char *dev)
{
	size_t skip = !strncmp(dev, "/dev/nvme", 9) ? 9 :
		      !strncmp(dev, "/dev/ng", 7) ? 7 : 0;

	if (!skip)
		return !strncmp(dev, "/dev/weft", 9);
	return !sysfs_exists("/sys/class/weft") ||
	       strtoul(dev + skip, NULL, 10) >= BESIDE_INSTANCE;
}

/* @link: below /proc/PID/fd */
static bool held_device(const char *link, char out[PATH_MAX])
{
	ssize_t n = readlink(link, out, PATH_MAX - 1);

	if (n < 0)
		return false;
	out[n] = '\0';
	return is_ours(out);
}

static void process_users(const char *pid)
{
	char dir[64], path[128], dev[PATH_MAX], comm[SYSFS_TEXT];
	struct names fds;
	size_t i;

	snprintf(dir, sizeof(dir), "/proc/%.20s", pid);
	snprintf(path, sizeof(path), "%s/fd", dir);
	names_in(&fds, path, "");
	for (i = 0; i < fds.n; i++) {
		snprintf(path, sizeof(path), "%s/fd/%.20s", dir, fds.name[i]);
		if (held_device(path, dev))
			cli_error(CLI_FAILED, "  %s is held open by %s (process %s)",
				  dev, sysfs_read(dir, "comm", comm), pid);
	}
	names_free(&fds);
}

static void mount_users(void)
{
	char line[1024], dev[256], where[512];
	FILE *f = fopen("/proc/mounts", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%255s %511s", dev, where) == 2 &&
		    is_ours(dev))
			cli_error(CLI_FAILED, "  %s is mounted on %s", dev,
				  where);
	if (f)
		fclose(f);
}

/* Say who holds the host's devices open. */
static void host_users(void)
{
	struct names pids;
	size_t i;

	mount_users();
	names_in(&pids, "/proc", "");
	for (i = 0; i < pids.n; i++)
		if (pids.name[i][0] >= '1' && pids.name[i][0] <= '9')
			process_users(pids.name[i]);
	names_free(&pids);
}

static int refuse_controllers(void)
{
	char nqn[SYSFS_TEXT], state[SYSFS_TEXT];
	struct names ctrls;
	struct host h;
	size_t i, n;

	if (!host_loaded() || host_names(&h))
		return CLI_OK;
	host_controllers(&h, &ctrls);
	n = ctrls.n;
	if (n)
		cli_error(CLI_FAILED,
			  "controllers are connected; 'weft disconnect --all' first:");
	for (i = 0; i < n; i++)
		cli_error(CLI_FAILED, "  %s (%s), %s", ctrls.name[i],
			  host_attr(&h, ctrls.name[i], "state", state),
			  host_attr(&h, ctrls.name[i], "subsysnqn", nqn));
	if (n)
		host_users();
	names_free(&ctrls);
	return n ? CLI_FAILED : CLI_OK;
}

static int remove_failed(const char *name, int err)
{
	char dir[128], refs[SYSFS_TEXT], holders[128];
	struct names who;
	size_t i;

	if (err == -EPERM)
		return cli_error(CLI_DENIED,
				 "%s: unloading modules is the superuser's",
				 name);
	snprintf(dir, sizeof(dir), "/sys/module/%.60s", name);
	snprintf(holders, sizeof(holders), "/sys/module/%.60s/holders", name);
	cli_error(CLI_FAILED, "%s: %s (%s references)", name, strerror(-err),
		  sysfs_read(dir, "refcnt", refs));
	names_in(&who, holders, "");
	for (i = 0; i < who.n; i++)
		cli_error(CLI_FAILED, "  module %s uses it", who.name[i]);
	names_free(&who);
	host_users();
	return CLI_FAILED;
}

int module_remove(struct kmod_ctx *ctx, const char *name)
{
	const struct timespec pause = { .tv_nsec = RETRY_NS };
	struct kmod_module *mod;
	int err, tries = 0;

	err = kmod_module_new_from_name(ctx, name, &mod);
	if (err)
		return cli_error(CLI_FAILED, "%s: %s", name, strerror(-err));
	do {
		err = kmod_module_remove_module(mod, 0);
		if (err != -EAGAIN && err != -EBUSY)
			break;
		nanosleep(&pause, NULL);
	} while (++tries < RETRIES);
	kmod_module_unref(mod);
	if (err == -ENOENT)
		err = 0;	/* someone else was faster */
	if (err)
		return remove_failed(name, err);
	printf("%s: unloaded\n", name);
	return CLI_OK;
}

int cmd_unload(const struct cli_args *a)
{
	struct names holders;
	struct kmod_ctx *ctx;
	int rc = CLI_OK;
	size_t i;

	(void)a;
	if (!sysfs_exists("/sys/module/weft"))
		return cli_error(CLI_MISSING,
				 "the host module is not loaded");
	rc = refuse_controllers();
	if (rc)
		return rc;
	ctx = module_context();
	if (!ctx)
		return CLI_FAILED;
	names_in(&holders, "/sys/module/weft/holders", "weft_");
	for (i = 0; i < holders.n && !rc; i++)
		rc = module_remove(ctx, holders.name[i]);
	if (!rc)
		rc = module_remove(ctx, "weft");
	names_free(&holders);
	kmod_unref(ctx);
	return rc;
}
