// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Files and block devices as bdevs: opening, checking, locking, sizes. Control
 * reactor. What blocks here is what an administrator asked for; I/O goes
 * through file_ring.c.
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/bdev/file.h"

#define PROBE_ALIGN	4096u

static void file_free(struct file_bdev *f)
{
	if (f->fd >= 0)
		close(f->fd);
	if (f->lock_fd >= 0)
		close(f->lock_fd);
	free(f->filename);
	free(f);
}

static void file_destruct(struct bdev *b)
{
	file_free((struct file_bdev *)b);
}

static bool file_supports(const struct bdev *b, enum bdev_io_type type)
{
	const struct file_bdev *f = (const struct file_bdev *)b;

	if (f->readonly)
		return type == BDEV_READ || type == BDEV_FLUSH;
	return type != BDEV_UNMAP || f->can_punch;
}

/* SPDK's RPC for io_uring files has another name and another set of members. */
static bool file_is_uring(const struct file_bdev *f)
{
	return !strcmp(f->method, "bdev_uring_create");
}

static void file_info(const struct bdev *b, struct weft_text *t)
{
	const struct file_bdev *f = (const struct file_bdev *)b;

	if (file_is_uring(f))
		bdev_add_json(t, json_pack("{s:{s:s}}", "uring",
					   "filename", f->filename));
	else
		bdev_add_json(t, json_pack("{s:{s:s,s:b,s:b,s:b,s:b}}", "aio",
					   "filename", f->filename,
					   "block_size_override", f->size_given,
					   "readonly", f->readonly,
					   "fallocate", f->can_punch,
					   "nowait", false));
}

static void file_config(const struct bdev *b, struct weft_text *t)
{
	const struct file_bdev *f = (const struct file_bdev *)b;
	char uuid[WEFT_UUID_LEN + 1];
	json_t *params;

	weft_uuid_format(b->uuid, uuid);
	params = json_pack("{s:s,s:s,s:i,s:s}", "name", b->name,
			   "filename", f->filename,
			   "block_size", (int)b->block_size, "uuid", uuid);
	if (f->readonly)
		json_object_set_new(params, "readonly", json_true());
	bdev_add_json(t, json_pack("{s:s,s:o}", "method", f->method,
				   "params", params));
}

static const struct bdev_fns file_fns = {
	.channel_size = sizeof(struct file_channel),
	.channel_create = file_channel_create,
	.channel_destroy = file_channel_destroy,
	.destruct = file_destruct,
	.submit = file_submit,
	.take_back = file_take_back,
	.cancel = file_cancel,
	.supports = file_supports,
	.info_json = file_info,
	.config_json = file_config,
};

static int file_fail(const char *filename, int err, struct weft_reason *why)
{
	const char *hint = "";

	if (err == ENOENT)
		hint = ": create it first, for example with truncate -s 1G";
	else if (err == EACCES || err == EPERM)
		hint = ": the daemon's user needs to read and write it, or give readonly";
	else if (err == EROFS)
		hint = ": give readonly";
	return weft_fail(why, -err, "filename=%.150s: %s%s", filename,
			 strerror(err), hint);
}

/* Looked at before opening: opening a tape or a FIFO may do something. */
static int file_open(struct file_bdev *f, struct weft_reason *why)
{
	int flags = O_CLOEXEC | (f->readonly ? O_RDONLY : O_RDWR);
	struct stat st;

	if (stat(f->filename, &st))
		return file_fail(f->filename, errno, why);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return weft_fail(why, -EINVAL,
				 "filename=%.150s: neither a regular file nor a block device",
				 f->filename);
	f->is_block = S_ISBLK(st.st_mode);
	f->fd = open(f->filename, flags | (f->direct ? O_DIRECT : 0));
	if (f->fd < 0 && errno == EINVAL && f->direct) {
		log_notice("%s: its file system has no O_DIRECT; data go through the page cache",
			   f->filename);
		f->direct = false;
		f->fd = open(f->filename, flags);
	}
	if (f->fd >= 0)
		f->lock_fd = open(f->filename, flags);
	if (f->fd < 0 || f->lock_fd < 0)
		return file_fail(f->filename, errno, why);
	return 0;
}

/*
 * Two daemons on one file would destroy it. A lock of the open file, not of
 * the process: a second bdev of this daemon is refused as well. It has a
 * descriptor of its own, which no ring refers to: the kernel takes rings apart
 * some time after their process has ended, and a daemon that is started again
 * at once would find the file still locked.
 */
static int file_lock(const struct file_bdev *f, struct weft_reason *why)
{
	struct flock lock = {
		.l_type = f->readonly ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
	};

	if (!fcntl(f->lock_fd, F_OFD_SETLK, &lock))
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return weft_fail(why, -EBUSY,
				 "filename=%.150s: in use by another bdev or program: delete or stop that first",
				 f->filename);
	log_warn("%s cannot be locked (%s): nothing keeps a second user away",
		 f->filename, strerror(errno));
	return 0;
}

static int file_size(const struct file_bdev *f, u64 *bytes,
		     struct weft_reason *why)
{
	struct stat st;

	if (f->is_block) {
		if (ioctl(f->fd, BLKGETSIZE64, bytes))
			return file_fail(f->filename, errno, why);
		return 0;
	}
	if (fstat(f->fd, &st))
		return file_fail(f->filename, errno, why);
	*bytes = (u64)st.st_size;
	return 0;
}

static int file_blocks(const struct file_bdev *f, u64 *blocks,
		       struct weft_reason *why)
{
	u64 bytes;
	int err;

	err = file_size(f, &bytes, why);
	if (err)
		return err;
	*blocks = bytes / f->bdev.block_size;
	if (!*blocks)
		return weft_fail(why, -EINVAL,
				 "filename=%.120s: %llu bytes are not one block of %u: make it larger, for example with truncate -s 1G",
				 f->filename, (unsigned long long)bytes,
				 f->bdev.block_size);
	return 0;
}

static int file_block_size(struct file_bdev *f, u32 asked,
			   struct weft_reason *why)
{
	int own = 512;

	if (f->is_block && ioctl(f->fd, BLKSSZGET, &own))
		return file_fail(f->filename, errno, why);
	if (asked && asked < (u32)own)
		return weft_fail(why, -EINVAL,
				 "block_size=%u: %.120s has blocks of %d bytes: give at least that",
				 asked, f->filename, own);
	f->bdev.block_size = asked ? asked : (u32)own;
	f->size_given = asked;
	return bdev_geometry_check(1, f->bdev.block_size, why);
}

/*
 * What O_DIRECT wants is asked from the kernel (6.1 and later tell), and the
 * answer is tried with one read, because not every file system tells.
 */
static int file_alignment(struct file_bdev *f, struct weft_reason *why)
{
	struct statx sx = { 0 };
	ssize_t n;
	void *buf;

	f->mem_align = 1;
	f->len_align = 1;
	if (!f->direct)
		return 0;
	f->mem_align = PROBE_ALIGN;
	f->len_align = f->bdev.block_size;
	if (!statx(f->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &sx) &&
	    (sx.stx_mask & STATX_DIOALIGN) && sx.stx_dio_mem_align) {
		f->mem_align = sx.stx_dio_mem_align;
		f->len_align = sx.stx_dio_offset_align;
	}
	if (f->len_align > f->bdev.block_size)
		return weft_fail(why, -EINVAL,
				 "block_size=%u: O_DIRECT on %.120s needs at least %u",
				 f->bdev.block_size, f->filename, f->len_align);
	buf = aligned_alloc(BDEV_BLOCK_MAX, BDEV_BLOCK_MAX);
	if (!buf)
		return weft_fail(why, -ENOMEM, "no memory to try %.120s",
				 f->filename);
	n = pread(f->fd, buf, f->bdev.block_size, 0);
	free(buf);
	if (n < 0 && errno == EINVAL)
		return weft_fail(why, -EINVAL,
				 "block_size=%u: O_DIRECT on %.120s refuses it: try 4096",
				 f->bdev.block_size, f->filename);
	return n < 0 ? file_fail(f->filename, errno, why) : 0;
}

/* A hole behind the end changes nothing, and tells whether there can be any. */
static void file_probe_punch(struct file_bdev *f)
{
	u64 end = f->bdev.blocks * f->bdev.block_size;

	if (f->readonly)
		return;
	f->can_punch = f->is_block ||
		       !fallocate(f->fd, FALLOC_FL_PUNCH_HOLE |
				  FALLOC_FL_KEEP_SIZE,
				  (off_t)(end + PROBE_ALIGN) & ~(off_t)(PROBE_ALIGN - 1),
				  PROBE_ALIGN);
	/* some block devices discard without zeroing, or not at all */
	f->bdev.unmap_zeroes = f->can_punch && !f->is_block;
}

static int file_setup(struct file_bdev *f, const struct bdev_file_opts *opts,
		      struct weft_reason *why)
{
	int err;

	err = bdev_identify(&f->bdev, opts->name, "File", opts->uuid, why);
	if (!err)
		err = file_ring_probe(why);
	if (!err)
		err = file_open(f, why);
	if (!err)
		err = file_lock(f, why);
	if (!err)
		err = file_block_size(f, opts->block_size, why);
	if (!err)
		err = file_blocks(f, &f->bdev.blocks, why);
	if (!err)
		err = file_alignment(f, why);
	if (err)
		return err;
	file_probe_punch(f);
	return bdev_register(&f->bdev, why);
}

int bdev_file_create(const struct bdev_file_opts *opts, struct bdev **out,
		     struct weft_reason *why)
{
	struct file_bdev *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return weft_fail(why, -ENOMEM, "no memory for a file bdev");
	f->fd = -1;
	f->lock_fd = -1;
	f->direct = opts->direct;
	f->readonly = opts->readonly;
	f->method = opts->method;
	f->bdev.fns = &file_fns;
	f->bdev.product = file_is_uring(f) ? "URING bdev" : "AIO disk";
	f->bdev.write_cache = true;
	f->filename = strdup(opts->filename);
	err = f->filename ? file_setup(f, opts, why) :
			    weft_fail(why, -ENOMEM, "no memory for a file bdev");
	if (err)
		file_free(f);
	else
		*out = &f->bdev;
	return err;
}

const char *bdev_file_difference(const struct bdev *b, const char *filename,
				 bool readonly)
{
	const struct file_bdev *f = (const struct file_bdev *)b;

	if (b->fns != &file_fns)
		return NULL;
	if (strcmp(f->filename, filename))
		return "filename";
	return f->readonly != readonly ? "readonly" : NULL;
}

int bdev_file_rescan(struct bdev *b, struct weft_reason *why)
{
	struct file_bdev *f = (struct file_bdev *)b;
	u64 blocks;
	int err;

	if (b->fns != &file_fns)
		return weft_fail(why, -EINVAL, "bdev %s is a %s, not a file",
				 b->name, b->product);
	err = file_blocks(f, &blocks, why);
	if (!err)
		bdev_notify_resize(b, blocks);
	return err;
}
