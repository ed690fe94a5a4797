// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * `weft load`: the host's kernel modules and what they need, by libkmod.
 *
 * Where they come from: --dir, else the folder that the build put them into
 * beside this program, else the kernel's own module folder.
 */
#include <libkmod.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tools/weft/handlers.h"
#include "tools/weft/host.h"
#include "tools/weft/module.h"

static void no_log(void *data, int priority, const char *file, int line,
		   const char *fn, const char *format, va_list args)
{
	(void)data, (void)priority, (void)file, (void)line;
	(void)fn, (void)format, (void)args;
}

struct kmod_ctx *module_context(void)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);

	if (!ctx) {
		cli_error(CLI_FAILED, "libkmod cannot be used: %s",
			  strerror(errno));
		return NULL;
	}
	/* what goes wrong is told here, in our own words */
	kmod_set_log_fn(ctx, no_log, NULL);
	return ctx;
}

static int insert_failed(const char *name, int err)
{
	const char *hint = "; the kernel log has the details";

	if (err == -EPERM || err == -EACCES)
		hint = ": loading modules is the superuser's";
	else if (err == -ENOKEY || err == -EKEYREJECTED)
		hint = ": this kernel takes signed modules only: sign it with a key that the machine has enrolled (mokutil), or switch Secure Boot off";
	else if (err == -ENOENT)
		hint = ": it needs something that this kernel does not have; the kernel log names it";
	else if (err == -EBUSY || err == -EEXIST)
		hint = ": a name that it needs is taken; the kernel log names it";
	return cli_error(cli_exit_of(err) == CLI_DENIED ? CLI_DENIED :
			 CLI_FAILED, "%s: %s%s", name, strerror(-err), hint);
}

/* One of the kernel's own modules, or an installed one of ours */
static int look_up(struct kmod_ctx *ctx, const char *name,
		   struct kmod_list **list)
{
	struct utsname u;
	int err;

	*list = NULL;
	err = kmod_module_new_from_lookup(ctx, name, list);
	if (*list)
		return CLI_OK;
	uname(&u);
	return cli_error(err && err != -ENOENT ? CLI_FAILED : CLI_MISSING,
			 "%s: no such module in /lib/modules/%s%s", name,
			 u.release, strncmp(name, "weft", 4) ?
			 "; this kernel has been built without it" :
			 ": name the folder it was built in with --dir");
}

static int probe(struct kmod_ctx *ctx, const char *name, const char *params)
{
	struct kmod_list *list, *l;
	int err = 0, rc = look_up(ctx, name, &list);

	if (rc)
		return rc;
	kmod_list_foreach(l, list) {
		struct kmod_module *mod = kmod_module_get_module(l);

		if (!err)
			err = kmod_module_probe_insert_module(mod, 0, params,
							      NULL, NULL, NULL);
		kmod_module_unref(mod);
	}
	kmod_module_unref_list(list);
	return err ? insert_failed(name, err) : CLI_OK;
}

int module_load(const char *name)
{
	struct kmod_ctx *ctx = module_context();
	int rc;

	if (!ctx)
		return CLI_FAILED;
	rc = probe(ctx, name, NULL);
	kmod_unref(ctx);
	return rc;
}

/* Loads what the file's "depends" line names, but for our own modules. */
static int probe_depends(void *ctx, const char *value)
{
	char *list = cli_format("%s", value), *next = list, *name;
	int rc = CLI_OK;

	while (!rc && (name = strsep(&next, ",")))
		if (*name && strncmp(name, "weft", 4))
			rc = probe(ctx, name, NULL);
	free(list);
	return rc;
}

static int check_release(void *path, const char *vermagic)
{
	size_t len = strcspn(vermagic, " ");
	struct utsname u;

	uname(&u);
	if (strlen(u.release) == len && !memcmp(u.release, vermagic, len))
		return CLI_OK;
	return cli_error(CLI_FAILED,
			 "%s is built for kernel %.*s, but %s runs: 'make modules KVER=%s' builds it",
			 (const char *)path, (int)len, vermagic, u.release,
			 u.release);
}

/* A module's file, whose reference is the caller's */
static int open_file(struct kmod_ctx *ctx, const char *path,
		     struct kmod_module **mod)
{
	int err = access(path, R_OK) ? -errno :
		  kmod_module_new_from_path(ctx, path, mod);

	if (!err)
		return CLI_OK;
	return cli_error(cli_exit_of(err), "%s: %s: 'make modules' builds it",
			 path, strerror(-err));
}

/* @check gets the value of each @key that stands in the file. */
static int read_info(struct kmod_module *mod, const char *path,
		     const char *key,
		     int (*check)(void *ctx, const char *value), void *ctx)
{
	struct kmod_list *info = NULL, *l;
	int err, rc = CLI_OK;

	err = kmod_module_get_info(mod, &info);
	if (err < 0)
		return cli_error(CLI_FAILED, "%s: no kernel module: %s", path,
				 strerror(-err));
	kmod_list_foreach(l, info)
		if (!rc && !strcmp(kmod_module_info_get_key(l), key))
			rc = check(ctx, kmod_module_info_get_value(l));
	kmod_module_info_free_list(info);
	return rc;
}

static int check_file(struct kmod_ctx *ctx, char *path)
{
	struct kmod_module *mod;
	int rc = open_file(ctx, path, &mod);

	if (rc)
		return rc;
	rc = read_info(mod, path, "vermagic", check_release, path);
	kmod_module_unref(mod);
	return rc;
}

static int insert_file(struct kmod_ctx *ctx, const char *path,
		       const char *params)
{
	struct kmod_module *mod;
	int err, rc = open_file(ctx, path, &mod);

	if (rc)
		return rc;
	rc = read_info(mod, path, "depends", probe_depends, ctx);
	if (!rc) {
		err = kmod_module_insert_module(mod, 0, params);
		if (err)
			rc = insert_failed(path, err);
	}
	kmod_module_unref(mod);
	return rc;
}

/* BUILD/modules/RELEASE for a program in BUILD/VARIANT/weft, or NULL. */
static char *build_folder(void)
{
	char self[PATH_MAX], *slash, *dir, *file;
	struct utsname u;
	ssize_t n;

	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0 || uname(&u))
		return NULL;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	dir = cli_format("%s/../modules/%s", self, u.release);
	file = cli_format("%s/weft.ko", dir);
	if (access(file, R_OK)) {
		free(dir);
		dir = NULL;
	}
	free(file);
	return dir;
}

/**
 * struct wanted - a module of ours
 * @path: its file, or NULL: an installed one
 * @sys: where it shows when it is loaded
 */
struct wanted {
	const char *name;
	char *path;
	const char *sys;
};

/* Would it be found, and is it for this kernel? */
static int check_one(struct kmod_ctx *ctx, const struct wanted *w)
{
	struct kmod_list *list;
	int rc;

	if (sysfs_exists(w->sys))
		return CLI_OK;
	if (w->path)
		return check_file(ctx, w->path);
	rc = look_up(ctx, w->name, &list);
	kmod_module_unref_list(list);
	return rc;
}

static int load_one(struct kmod_ctx *ctx, const struct wanted *w,
		    const char *params)
{
	int rc;

	if (sysfs_exists(w->sys)) {
		printf("%s: loaded already\n", w->name);
		return CLI_OK;
	}
	rc = w->path ? insert_file(ctx, w->path, params) :
	     probe(ctx, w->name, params);
	if (!rc)
		printf("%s: loaded\n", w->name);
	return rc;
}

/* Both or none: a core without a transport is of no use to anybody. */
static int load_both(struct kmod_ctx *ctx, const struct wanted *core,
		     const struct wanted *transport, const char *params)
{
	bool there = sysfs_exists(core->sys);
	int rc = check_one(ctx, core);

	if (!rc)
		rc = check_one(ctx, transport);
	if (!rc)
		rc = load_one(ctx, core, params);
	if (rc)
		return rc;
	rc = load_one(ctx, transport, NULL);
	if (rc && !there)
		module_remove(ctx, core->name);
	return rc;
}

/* Which names the host has now, and why they may not be the usual ones. */
static int explain_names(void)
{
	struct host h;
	int rc = host_names(&h);

	if (rc)
		return rc;
	printf("control device: /dev/%s\n", h.control);
	if (!h.beside) {
		puts("controllers: /dev/nvme0 and up, class nvme");
		return CLI_OK;
	}
	puts("controllers: /dev/nvme1000 and up, class weft\n"
	     "The kernel's own nvme-core is loaded and keeps the standard names; Weft works\n"
	     "beside it under names of its own. nvme-cli finds only the kernel's controllers:\n"
	     "use 'weft list', or unload the kernel's modules (nvme, nvme-rdma, nvme-tcp,\n"
	     "nvme-fabrics, nvmet, nvme-core) before Weft's. With the machine's own disk on\n"
	     "NVMe that is not possible.");
	return CLI_OK;
}

static int load_host(struct kmod_ctx *ctx, const char *dir,
		     const char *transport, const char *params)
{
	struct wanted core = { "weft", NULL, "/sys/module/weft" };
	char *name = cli_format("weft_%s", transport);
	char *sys = cli_format("/sys/module/weft_%s", transport);
	struct wanted tr = { name, NULL, sys };
	int rc;

	if (dir) {
		core.path = cli_format("%s/weft.ko", dir);
		tr.path = cli_format("%s/weft-%s.ko", dir, transport);
	}
	rc = load_both(ctx, &core, &tr, params);
	free(core.path);
	free(tr.path);
	free(name);
	free(sys);
	return rc ? rc : explain_names();
}

/* It is a parameter of weft.ko: what is loaded keeps the one that it has. */
static int check_control(const char *wanted)
{
	struct host h;
	int rc;

	if (!wanted || !host_loaded())
		return CLI_OK;
	rc = host_names(&h);
	if (rc || !strcmp(h.control, wanted))
		return rc;
	return cli_error(CLI_FAILED,
			 "--control-device %s: weft is loaded already and its control device is %s; 'weft unload' comes first",
			 wanted, h.control);
}

int cmd_load(const struct cli_args *a)
{
	const char *transport = a->pos[0] ? a->pos[0] : "rdma";
	const char *control = cli_opt(a, "control-device");
	char *built = NULL, *params = NULL;
	struct kmod_ctx *ctx;
	int rc;

	if (strcmp(transport, "rdma") && strcmp(transport, "tcp"))
		return cli_usage_error(a->cmd,
				       "TRANSPORT %s: rdma or tcp is accepted",
				       transport);
	if (control && control[strcspn(control, "/ ,\"'")])
		return cli_usage_error(a->cmd,
				       "--control-device %s: a name for below /dev is accepted",
				       control);
	rc = check_control(control);
	if (rc)
		return rc;
	if (control)
		params = cli_format("control_device=%s", control);
	if (!cli_opt(a, "dir"))
		built = build_folder();
	ctx = module_context();
	rc = ctx ? load_host(ctx, cli_opt(a, "dir") ? cli_opt(a, "dir") :
			     built, transport, params) : CLI_FAILED;
	kmod_unref(ctx);
	free(params);
	free(built);
	return rc;
}
