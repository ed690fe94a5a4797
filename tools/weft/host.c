// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * What sysfs tells of the kernel host.
 */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "tools/weft/host.h"

#define MODULE	"/sys/module/weft"

bool sysfs_exists(const char *path)
{
	return !access(path, F_OK);
}

bool sysfs_link(const char *path, char *out, size_t size)
{
	char target[PATH_MAX];
	const char *base;
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	base = strrchr(target, '/');
	snprintf(out, size, "%s", base ? base + 1 : target);
	return true;
}

const char *sysfs_read(const char *dir, const char *name,
		       char out[SYSFS_TEXT])
{
	char path[PATH_MAX];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, out, SYSFS_TEXT - 1);
		close(fd);
	}
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	for (n = (ssize_t)strlen(out); n > 0 && out[n - 1] == ' '; n--)
		out[n - 1] = '\0';
	return out;
}

u64 sysfs_number(const char *dir, const char *name)
{
	char text[SYSFS_TEXT];
	u64 v;

	sysfs_read(dir, name, text);
	return weft_parse_u64(text, strlen(text), &v) ? 0 : v;
}

bool host_loaded(void)
{
	char state[SYSFS_TEXT];

	return !strcmp(sysfs_read(MODULE, "initstate", state), "live");
}

int host_names(struct host *h)
{
	char name[SYSFS_TEXT];

	if (!host_loaded())
		return cli_error(CLI_MISSING,
				 "the host module is not loaded: 'weft load rdma' loads it");
	h->beside = sysfs_exists("/sys/class/weft");
	h->cls = h->beside ? "weft" : "nvme";
	h->subsys_cls = h->beside ? "weft-subsystem" : "nvme-subsystem";
	sysfs_read(MODULE "/parameters", "control_device", name);
	/* the kernel shows a string that is not set as "(null)" */
	if (!name[0] || name[0] == '(')
		snprintf(name, sizeof(name), "%s",
			 sysfs_exists("/sys/class/misc/weft-fabrics") ?
			 "weft-fabrics" : "nvme-fabrics");
	snprintf(h->control, sizeof(h->control), "%.63s", name);
	return CLI_OK;
}

void names_add(struct names *list, const char *name)
{
	char **more = realloc(list->name, (list->n + 1) * sizeof(*more));

	if (!more) {
		fputs("weft: out of memory\n", stderr);
		exit(CLI_FAILED);
	}
	list->name = more;
	list->name[list->n++] = cli_format("%s", name);
}

void names_free(struct names *list)
{
	while (list->n)
		free(list->name[--list->n]);
	free(list->name);
	list->name = NULL;
}

static int by_version(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

void names_in(struct names *list, const char *dir, const char *prefix)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	list->name = NULL;
	list->n = 0;
	if (!d)
		return;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' &&
		    !strncmp(e->d_name, prefix, strlen(prefix)))
			names_add(list, e->d_name);
	closedir(d);
	if (list->n)
		qsort(list->name, list->n, sizeof(*list->name), by_version);
}

void host_controllers(const struct host *h, struct names *list)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "/sys/class/%s", h->cls);
	names_in(list, dir, "nvme");
}

const char *host_attr(const struct host *h, const char *ctrl,
		      const char *name, char out[SYSFS_TEXT])
{
	char dir[320];

	snprintf(dir, sizeof(dir), "/sys/class/%s/%.200s", h->cls, ctrl);
	return sysfs_read(dir, name, out);
}

/*
 * A disk's parent is its controller, or its subsystem when several
 * controllers lead to it. Paths (nvme0c1n1) are no disks of their own.
 */
bool host_leads_to(const struct host *h, const char *ctrl, const char *disk)
{
	char path[PATH_MAX], cls[64], parent[64];

	if (strncmp(disk, "nvme", 4))
		return false;
	snprintf(path, sizeof(path), "/sys/block/%.200s/device/subsystem",
		 disk);
	if (strspn(disk + 4, "0123456789") != strcspn(disk + 4, "n") ||
	    !sysfs_link(path, cls, sizeof(cls)))
		return false;
	snprintf(path, sizeof(path), "/sys/block/%.200s/device", disk);
	if (!sysfs_link(path, parent, sizeof(parent)))
		return false;
	if (!strcmp(cls, h->cls))
		return !ctrl || !strcmp(parent, ctrl);
	if (strcmp(cls, h->subsys_cls))
		return false;
	snprintf(path, sizeof(path), "/sys/class/%s/%s/%.200s", h->subsys_cls,
		 parent, ctrl ? ctrl : "");
	return sysfs_exists(path);
}

void host_disks(const struct host *h, const char *ctrl, struct names *list)
{
	struct names all;
	size_t i;

	list->name = NULL;
	list->n = 0;
	names_in(&all, "/sys/block", "nvme");
	for (i = 0; i < all.n; i++)
		if (host_leads_to(h, ctrl, all.name[i]))
			names_add(list, all.name[i]);
	names_free(&all);
}
