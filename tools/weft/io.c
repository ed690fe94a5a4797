// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * `weft io`: one command to a controller, for scripts. The table at the end
 * says for each what it needs; data comes from and goes to files, statuses are
 * printed in words.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/weft/handlers.h"
#include "tools/weft/io.h"

#define DATA_MAX	(64u << 20)

/* --- files ------------------------------------------------------------------------ */

/* Behind what is there already */
static int read_all(int fd, struct io_call *x)
{
	size_t size = x->len, most = size + DATA_MAX;
	ssize_t n;
	u8 *more;

	for (;;) {
		if (x->len > most)
			return cli_error(CLI_FAILED,
					 "more than %u bytes of data",
					 DATA_MAX);
		if (x->len == size) {
			size = size ? 2 * size : 65536;
			more = realloc(x->data, size);
			if (!more)
				return cli_error(CLI_FAILED, "out of memory");
			x->data = more;
		}
		n = read(fd, x->data + x->len, size - x->len);
		if (n < 0)
			return cli_error(CLI_FAILED, "reading data: %s",
					 strerror(errno));
		if (!n)
			return CLI_OK;
		x->len += (u32)n;
	}
}

int io_take_file(struct io_call *x, const char *option)
{
	const char *path = cli_opt(x->a, option);
	int fd, rc;

	if (!path)
		return cli_usage_error(x->a->cmd,
				       "--%s is missing; '-' is standard input",
				       option);
	fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) :
	     STDIN_FILENO;
	if (fd < 0)
		return cli_error(cli_exit_of(errno), "%s: %s", path,
				 strerror(errno));
	rc = read_all(fd, x);
	if (fd != STDIN_FILENO)
		close(fd);
	return rc;
}

static int write_all(int fd, const char *path, const u8 *p, size_t len)
{
	ssize_t n;

	for (; len; p += n, len -= (size_t)n) {
		n = write(fd, p, len);
		if (n < 0)
			return cli_error(CLI_FAILED, "%s: %s", path,
					 strerror(errno));
	}
	return CLI_OK;
}

static void hex_line(const u8 *p, u32 off, u32 n)
{
	u32 i;

	printf("%08x ", off);
	for (i = 0; i < 16; i++)
		printf(i < n ? "%s%02x" : "%s  ", i == 8 ? "  " : " ",
		       i < n ? p[i] : 0);
	fputs("  |", stdout);
	for (i = 0; i < n; i++)
		putchar(p[i] >= ' ' && p[i] < 0x7f ? p[i] : '.');
	puts("|");
}

static void hex_dump(const u8 *p, u32 len)
{
	bool same = false;
	u32 off, n;

	for (off = 0; off < len; off += n) {
		n = len - off < 16 ? len - off : 16;
		if (off && off + n < len && !memcmp(p + off, p + off - 16, n)) {
			if (!same)
				puts("*");
			same = true;
			continue;
		}
		same = false;
		hex_line(p + off, off, n);
	}
}

/* Bytes of data, among which nothing else may be printed */
static bool to_stdout(const struct io_call *x)
{
	const char *path = cli_opt(x->a, "file");

	return x->gives && path && !strcmp(path, "-");
}

static int give_data(const struct io_call *x)
{
	const char *path = cli_opt(x->a, "file");
	int fd, rc;

	if (!path) {
		hex_dump(x->data, x->len);
		return CLI_OK;
	}
	if (to_stdout(x))
		return write_all(STDOUT_FILENO, "stdout", x->data, x->len);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return cli_error(cli_exit_of(errno), "%s: %s", path,
				 strerror(errno));
	rc = write_all(fd, path, x->data, x->len);
	if (close(fd) && !rc)
		rc = cli_error(CLI_FAILED, "%s: %s", path, strerror(errno));
	return rc;
}

/* --- values ------------------------------------------------------------------------ */

int io_room(struct io_call *x, u64 bytes)
{
	if (!bytes || bytes > DATA_MAX)
		return cli_usage_error(x->a->cmd,
				       "%llu bytes of data: accepted range is 1-%u",
				       (unsigned long long)bytes, DATA_MAX);
	x->data = cli_alloc(bytes);
	x->len = (u32)bytes;
	return CLI_OK;
}

int io_value(const struct io_call *x, const char *name, u64 max, u64 dflt,
	     u64 *out)
{
	const char *text = cli_opt(x->a, name);

	*out = cli_number(x->a, name, dflt);
	if (*out <= max)
		return CLI_OK;
	return cli_usage_error(x->a->cmd, "--%s %s: accepted range is 0-%#llx",
			       name, text, (unsigned long long)max);
}

int io_need(const struct io_call *x, const char *name)
{
	if (cli_opt(x->a, name))
		return CLI_OK;
	return cli_usage_error(x->a->cmd, "--%s is missing", name);
}

/* "0+8,64+16": first block and number of blocks */
int io_ranges(struct io_call *x, struct io_range *out, u32 *n)
{
	const char *s = cli_opt(x->a, "ranges"), *plus;
	size_t len;

	*n = 0;
	if (!s)
		return io_need(x, "ranges");
	for (;; s += len + 1) {
		struct io_range *r = &out[*n];

		len = strcspn(s, ",");
		plus = memchr(s, '+', len);
		if (*n == NVME_DSM_MAX_RANGES || !plus ||
		    weft_parse_u64(s, (size_t)(plus - s), &r->slba) ||
		    weft_parse_u64(plus + 1, len - (size_t)(plus + 1 - s),
				   &r->blocks) ||
		    !r->blocks || r->blocks > UINT32_MAX)
			return cli_usage_error(x->a->cmd,
					       "--ranges %.*s: up to %d ranges FIRST+COUNT with commas between are accepted",
					       (int)len, s,
					       NVME_DSM_MAX_RANGES);
		(*n)++;
		if (!s[len])
			return CLI_OK;
	}
}

/* --- running ------------------------------------------------------------------------ */

static int find_block_size(struct io_call *x)
{
	struct remote_answer ans = { 0 };
	u8 *id = cli_alloc(NVME_IDENTIFY_SIZE);
	struct nvme_ns_facts f;
	struct weft_reason why;
	int rc;

	rc = remote_wait(&x->r, ini_identify(ini_ctrlr_admin(x->r.ctrlr),
					     NVME_CNS_NS, x->nsid, 0, 0, id,
					     remote_done, &ans), &ans);
	if (!rc)
		rc = remote_status("Identify Namespace", ans.status, true);
	if (!rc && nvme_id_ns_decode(id, NVME_IDENTIFY_SIZE, &f, &why))
		rc = cli_error(CLI_MISSING, "namespace %u: %s", x->nsid,
			       why.text);
	if (!rc)
		x->block = 1u << f.lbads;
	free(id);
	return rc;
}

static int run(struct io_call *x, const struct ini_opts *o)
{
	const struct io_op *op = x->op;
	struct remote_answer ans = { 0 };
	bool admin = op->admin || (op->raw && cli_opt(x->a, "admin"));
	int rc = CLI_OK;

	if (!admin)
		rc = remote_io(&x->r, o);
	if (!rc && op->blocks)
		rc = find_block_size(x);
	if (!rc && op->size)
		rc = op->size(x);
	if (rc)
		return rc;
	x->q = admin ? ini_ctrlr_admin(x->r.ctrlr) : x->r.io;
	if (x->len > ini_queue_max_data(x->q))
		return cli_error(CLI_USAGE,
				 "%u bytes of data: a command over %s moves up to %u",
				 x->len, o->conn.transport,
				 ini_queue_max_data(x->q));
	rc = remote_wait(&x->r, op->send(x, &ans), &ans);
	if (!rc)
		rc = remote_status(op->title, ans.status, admin);
	if (!rc && op->result && !to_stdout(x))
		printf("result %#llx\n", (unsigned long long)ans.result);
	if (!rc && x->gives)
		rc = give_data(x);
	return rc;
}

int cmd_io(const struct cli_args *a)
{
	struct ini_opts o;
	struct io_call x = {
		.a = a, .op = io_find(a->cmd->name), .opts = &o,
	};
	u64 nsid;
	int rc = remote_opts(a, NULL, &o);

	if (!rc)
		rc = remote_once(a, &o);
	if (!rc)
		rc = io_value(&x, "nsid", UINT32_MAX, x.op->nsid, &nsid);
	if (!rc) {
		x.nsid = (u32)nsid;
		rc = x.op->check ? x.op->check(&x) : CLI_OK;
	}
	if (!rc)
		rc = remote_open(&x.r, &o);
	if (!rc)
		rc = run(&x, &o);
	remote_close(&x.r);
	explicit_bzero(&o, sizeof(o));
	free(x.data);
	return rc;
}
