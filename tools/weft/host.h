/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The kernel host as seen from userspace: its names, its control device, and
 * its controllers in sysfs.
 */
#ifndef WEFT_TOOLS_HOST_H
#define WEFT_TOOLS_HOST_H

#include "tools/weft/cli.h"

/**
 * struct host - which names the loaded module took
 * @beside: the kernel's own nvme-core is loaded, the names are Weft's own
 * @control: control device below /dev
 * @cls: class of controllers; @subsys_cls: of subsystems
 */
struct host {
	bool beside;
	char control[64];
	const char *cls;
	const char *subsys_cls;
};

/** host_loaded() - is weft.ko loaded? */
bool host_loaded(void);

/** host_names() - fill in @h; without the module, a message and CLI_MISSING */
int host_names(struct host *h);

/** sysfs_exists() / sysfs_link() - is @path there; what its link ends in */
bool sysfs_exists(const char *path);
bool sysfs_link(const char *path, char *out, size_t size);

#define SYSFS_TEXT 256
/**
 * sysfs_read() - first line of DIR/NAME without blanks at its end
 * @out: "" if it cannot be read
 */
const char *sysfs_read(const char *dir, const char *name,
		       char out[SYSFS_TEXT]);
u64 sysfs_number(const char *dir, const char *name);

/**
 * struct names - a sorted list of names
 */
struct names {
	char **name;
	size_t n;
};

/** names_in() - entries of @dir that begin with @prefix, by number */
void names_in(struct names *list, const char *dir, const char *prefix);
void names_add(struct names *list, const char *name);
void names_free(struct names *list);

/** host_controllers() - "nvme0", "nvme1", ... */
void host_controllers(const struct host *h, struct names *list);

/** host_disks() - "nvme0n1", ... of @ctrl, or of all controllers if NULL */
void host_disks(const struct host *h, const char *ctrl, struct names *list);

/** host_leads_to() - is @disk one of host_disks()? */
bool host_leads_to(const struct host *h, const char *ctrl, const char *disk);

/** host_attr() - an attribute of a controller, as sysfs_read() */
const char *host_attr(const struct host *h, const char *ctrl,
		      const char *name, char out[SYSFS_TEXT]);

/**
 * host_connect() - write a connect string to the control device
 * @name: the controller's name comes here
 *
 * Return: an enum cli_exit; a refusal is printed with its reason.
 */
int host_connect(const struct host *h, const char *text, char *name,
		 size_t size, int *cntlid);

/** host_delete() - remove a controller and wait until it is gone */
int host_delete(const struct host *h, const char *ctrl);

#endif
