// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * `weft target ...`: the daemon as a whole, its transports and its
 * configuration.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/weft/handlers.h"
#include "tools/weft/rpc.h"

/* What `weft target status` is put together from, by name in its JSON. */
static const struct {
	const char *name;
	const char *method;
	bool running;	/* answered only once the target runs */
} parts[] = {
	{ "version", "spdk_get_version", false },
	{ "reactors", "framework_get_reactors", false },
	{ "transports", "nvmf_get_transports", true },
	{ "bdevs", "bdev_get_bdevs", true },
	{ "subsystems", "nvmf_get_subsystems", true },
	{ "stats", "nvmf_get_stats", true },
};

static int collect(const struct cli_args *a, json_t *status)
{
	struct rpc_error err;
	bool running = true;
	json_t *part;
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		if (parts[i].running && !running)
			continue;
		rc = rpc_try(a, parts[i].method, NULL, &part, &err);
		if (!rc)
			json_object_set_new(status, parts[i].name, part);
		else if (parts[i].running && err.code == RPC_INVALID_STATE)
			running = false;
		else if (err.code)
			return cli_error(rc, "%s: %s", parts[i].method,
					 err.message);
		else
			return rc;
	}
	json_object_set_new(status, "running", json_boolean(running));
	return CLI_OK;
}

static void print_reactors(const json_t *status)
{
	const json_t *reactors = json_object_get(status, "reactors");
	struct table *t = TABLE("CORE", "BUSY", "BUSY S", "IDLE S");
	double rate = rpc_num(reactors, "tick_rate");
	char core[24], share[24], busy[24], idle[24];
	double b, n;
	json_t *r;
	size_t i;

	json_array_foreach(json_object_get(reactors, "reactors"), i, r) {
		b = rpc_num(r, "busy") / (rate > 0 ? rate : 1);
		n = rpc_num(r, "idle") / (rate > 0 ? rate : 1);
		snprintf(core, sizeof(core), "%llu",
			 (unsigned long long)rpc_num(r, "lcore"));
		snprintf(share, sizeof(share), "%.1f %%",
			 b + n > 0 ? 100 * b / (b + n) : 0.0);
		snprintf(busy, sizeof(busy), "%.1f", b);
		snprintf(idle, sizeof(idle), "%.1f", n);
		TABLE_ROW(t, core, share, busy, idle);
	}
	table_print(t);
}

static void print_names(const json_t *status, const char *heading,
			const char *key, const char *member)
{
	json_t *x;
	size_t i;

	printf("%s:", heading);
	json_array_foreach(json_object_get(status, key), i, x)
		printf("%s %s", i ? "," : "", rpc_str(x, member));
	printf("%s\n", json_array_size(json_object_get(status, key)) ? "" :
	       " none");
}

static void print_status(const struct cli_args *a, const json_t *status)
{
	const json_t *stats = json_object_get(status, "stats");
	u64 admin = 0, io = 0, done = 0;
	json_t *g;
	size_t i;

	printf("%s, process %llu, socket %s\n",
	       rpc_str(json_object_get(status, "version"), "version"),
	       (unsigned long long)rpc_num(json_object_get(status, "reactors"),
					   "pid"), rpc_socket(a));
	if (rpc_flag(status, "running")) {
		json_array_foreach(json_object_get(stats, "poll_groups"), i, g) {
			admin += rpc_num(g, "current_admin_qpairs");
			io += rpc_num(g, "current_io_qpairs");
			done += rpc_num(g, "completed_nvme_io");
		}
		print_names(status, "transports", "transports", "trtype");
		print_names(status, "bdevs", "bdevs", "name");
		print_names(status, "subsystems", "subsystems", "nqn");
		printf("connections: %llu admin queues, %llu I/O queues\n"
		       "commands completed: %llu\n", (unsigned long long)admin,
		       (unsigned long long)io, (unsigned long long)done);
	} else {
		printf("not started: waits for 'weft target rpc framework_start_init'\n");
	}
	print_reactors(status);
}

int cmd_target_status(const struct cli_args *a)
{
	json_t *status = json_object();
	int rc = collect(a, status);

	if (!rc && cli_opt(a, "json"))
		return cli_print_json(status);
	if (!rc)
		print_status(a, status);
	json_decref(status);
	return rc;
}

int cmd_transport_del(const struct cli_args *a)
{
	return rpc_call(a, "nvmf_delete_transport",
			json_pack("{s:o}", "trtype", cli_json_text(a->pos[0])),
			NULL);
}

static int with_options(const struct cli_args *a, const char *method)
{
	json_t *params = json_pack("{s:o}", "trtype", cli_json_text(a->pos[0]));

	rpc_options(a, params);
	return rpc_call(a, method, params, NULL);
}

int cmd_transport_add(const struct cli_args *a)
{
	return with_options(a, "nvmf_create_transport");
}

int cmd_transport_set(const struct cli_args *a)
{
	return with_options(a, "nvmf_set_transport_options");
}

static const char *count(const json_t *j, const char *key, char out[24])
{
	snprintf(out, 24, "%llu", (unsigned long long)rpc_num(j, key));
	return out;
}

static void transport_row(struct table *t, const json_t *x)
{
	char depth[24], queues[24], buffers[24], incapsule[CLI_SIZE_TEXT],
	     io[CLI_SIZE_TEXT], unit[CLI_SIZE_TEXT];

	TABLE_ROW(t, rpc_str(x, "trtype"), count(x, "max_queue_depth", depth),
		  count(x, "max_io_qpairs_per_ctrlr", queues),
		  cli_size_text(rpc_num(x, "in_capsule_data_size"), incapsule),
		  cli_size_text(rpc_num(x, "max_io_size"), io),
		  count(x, "num_shared_buffers", buffers),
		  cli_size_text(rpc_num(x, "io_unit_size"), unit));
}

int cmd_transport_list(const struct cli_args *a)
{
	json_t *list = NULL;
	int rc = rpc_call(a, "nvmf_get_transports", NULL, &list);

	return rpc_show(a, rc, list,
			TABLE("TYPE", "QUEUE DEPTH", "IO QUEUES", "IN CAPSULE",
			      "MAX IO", "BUFFERS", "BUFFER SIZE"),
			transport_row);
}

/* @fd is closed; 0 or an errno. */
static int write_and_close(int fd, const json_t *config)
{
	int err = 0;

	errno = 0;
	if (json_dumpfd(config, fd, JSON_INDENT(2)) || write(fd, "\n", 1) != 1)
		err = errno ? errno : EIO;
	/* pipes and the like have nothing to sync */
	if (!err && fsync(fd) && errno != EINVAL && errno != EROFS)
		err = errno;
	return close(fd) && !err ? errno : err;
}

static int file_result(const char *path, int err)
{
	return err ? cli_error(cli_exit_of(err), "%s: %s", path,
			       strerror(err)) : CLI_OK;
}

static bool give_access(int fd, const struct stat *to)
{
	struct stat st;

	if (fstat(fd, &st))
		return false;
	if ((st.st_uid != to->st_uid || st.st_gid != to->st_gid) &&
	    fchown(fd, to->st_uid, to->st_gid))
		return false;
	return !fchmod(fd, to->st_mode & ALLPERMS);
}

/* Who could read the file, as a rule the daemon, still can. */
static int keep_access(int fd, const char *path, const struct stat *old)
{
	if (give_access(fd, old))
		return CLI_OK;
	return cli_error(cli_exit_of(errno),
			 "%s: not replaced: the new file cannot have owner %u:%u and mode %04o: %s",
			 path, old->st_uid, old->st_gid,
			 old->st_mode & ALLPERMS, strerror(errno));
}

/*
 * Nobody ever finds half a configuration under the file's name.
 * @old: what it replaces, or NULL
 */
static int replace_file(const char *path, const struct stat *old,
			const json_t *config)
{
	char *tmp = cli_format("%s.XXXXXX", path);
	int fd = mkstemp(tmp), rc = CLI_OK;

	if (fd < 0) {
		rc = file_result(path, errno);
		free(tmp);
		return rc;
	}
	if (old)
		rc = keep_access(fd, path, old);
	if (rc)
		close(fd);
	else
		rc = file_result(path, write_and_close(fd, config));
	if (!rc && rename(tmp, path))
		rc = file_result(path, errno);
	if (rc)
		unlink(tmp);
	free(tmp);
	return rc;
}

static int write_directly(const char *path, const json_t *config)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	return file_result(path, fd < 0 ? errno : write_and_close(fd, config));
}

/* A link stays, and what it leads to is replaced; a device or pipe stays. */
static int write_file(const char *path, const json_t *config)
{
	struct stat st;
	char *real;
	int err, rc;

	if (stat(path, &st)) {
		err = errno;
		if (!lstat(path, &st))
			return cli_error(cli_exit_of(err),
					 "%s: a symbolic link that leads to no file: %s",
					 path, strerror(err));
		return replace_file(path, NULL, config);
	}
	if (!S_ISREG(st.st_mode))
		return write_directly(path, config);
	real = realpath(path, NULL);
	rc = real ? replace_file(real, &st, config) : file_result(path, errno);
	free(real);
	return rc;
}

/* "-", and /dev/stdout, whatever that is */
static bool is_stdout(const char *path)
{
	struct stat named, out;

	return !strcmp(path, "-") ||
	       (!stat(path, &named) && !fstat(STDOUT_FILENO, &out) &&
		named.st_dev == out.st_dev && named.st_ino == out.st_ino);
}

int cmd_config_save(const struct cli_args *a)
{
	json_t *config;
	int rc = rpc_call(a, "save_config", NULL, &config);

	if (rc)
		return rc;
	if (is_stdout(a->pos[0]))
		return cli_print_json(config);
	rc = write_file(a->pos[0], config);
	json_decref(config);
	return rc;
}

int cmd_config_load(const struct cli_args *a)
{
	json_t *config, *subsystems, *params;
	json_error_t err;

	errno = 0;
	if (!strcmp(a->pos[0], "-"))
		config = json_loadf(stdin, JSON_REJECT_DUPLICATES, &err);
	else
		config = json_load_file(a->pos[0], JSON_REJECT_DUPLICATES,
					&err);
	if (!config && err.line < 0)
		return cli_error(cli_exit_of(errno ? errno : EIO), "%s: %s",
				 a->pos[0], strerror(errno ? errno : EIO));
	if (!config)
		return cli_error(CLI_FAILED, "%s: line %d, column %d: %s",
				 a->pos[0], err.line, err.column, err.text);
	subsystems = json_object_get(config, "subsystems");
	params = subsystems ? json_pack("{s:O}", "subsystems", subsystems) :
		 NULL;
	json_decref(config);
	if (!params)
		return cli_error(CLI_FAILED,
				 "%s: \"subsystems\" is missing: a file of 'weft target config save' is expected",
				 a->pos[0]);
	return rpc_call(a, "load_config", params, NULL);
}

int cmd_target_rpc(const struct cli_args *a)
{
	json_t *params = NULL, *result;
	json_error_t err;
	int rc;

	if (a->pos[1]) {
		params = json_loads(a->pos[1], JSON_REJECT_DUPLICATES, &err);
		if (!params)
			return cli_usage_error(a->cmd,
					       "PARAMS: column %d: %s",
					       err.column, err.text);
	}
	rc = rpc_call(a, a->pos[0], params, &result);
	return rc ? rc : cli_print_json(result);
}

int cmd_target_stop(const struct cli_args *a)
{
	return rpc_stop(a);
}
