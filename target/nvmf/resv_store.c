// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Reservations that persist through power loss: a small JSON file per
 * namespace, with the members that SPDK's files have, so that either daemon
 * reads the other's. It is written to a temporary file, synced and renamed, so
 * there is always a whole one; on a thread of its own, because that takes as
 * long as the disk wants.
 */
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/names.h"
#include "target/nvmf/resv.h"

/**
 * struct saving - one write on its way
 * @unsynced: errno with which its directory could not be written, though it is
 *            there
 */
struct saving {
	char *path;
	char *text;
	int wake;
	struct fd_source *source;
	pthread_t thread;
	int err;
	int unsynced;
	void (*done)(void *ctx, int err);
	void *ctx;
};

/* Text: JSON has no 64 bits without sign, so large keys are written as text */

static json_t *key_json(u64 key)
{
	char text[24];

	if (key <= INT64_MAX)
		return json_integer(key);
	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)key);
	return json_string(text);
}

static bool key_parse(const json_t *j, u64 *key)
{
	const char *text = json_string_value(j);
	char *end;

	if (json_is_integer(j)) {
		*key = json_integer_value(j);
		return json_integer_value(j) >= 0;
	}
	if (!text || strncmp(text, "0x", 2))
		return false;
	errno = 0;
	*key = strtoull(text + 2, &end, 16);
	return !errno && end != text + 2 && !*end;
}

static json_t *uuid_json(const u8 *uuid)
{
	char text[WEFT_UUID_LEN + 1];

	weft_uuid_format(uuid, text);
	return json_string(text);
}

static bool uuid_parse(const json_t *j, u8 *uuid)
{
	const char *text = json_string_value(j);

	return text && !weft_uuid_parse(text, strlen(text), uuid);
}

static char *to_text(const u8 *bdev_uuid, const struct nvmf_resv *r)
{
	const struct nvmf_registrant *holder =
		r->type ? nvmf_resv_find(r, r->holder) : NULL;
	json_t *list = json_array(), *j;
	char *text;
	u32 i;

	for (i = 0; r->ptpl && i < r->n; i++)
		json_array_append_new(list, json_pack("{s:o, s:o}",
			"rkey", key_json(r->reg[i].key),
			"host_uuid", uuid_json(r->reg[i].hostid)));
	j = json_pack("{s:b, s:i, s:o, s:o, s:o, s:o}", "ptpl", r->ptpl,
		      "rtype", r->ptpl ? r->type : 0,
		      "crkey", key_json(r->ptpl && holder ? holder->key : 0),
		      "bdev_uuid", uuid_json(bdev_uuid),
		      "holder_uuid", uuid_json(r->holder),
		      "registrants", list);
	text = json_dumps(j, JSON_INDENT(2));
	json_decref(j);
	return text;
}

/* Writing, on the thread */

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);
	ssize_t n;

	while (left) {
		n = write(fd, text, left);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			left -= n;
		}
	}
	return fsync(fd) ? -errno : 0;
}

static int open_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, slash - path + 1) : strdup(".");
	int fd;

	if (!dir)
		return -ENOMEM;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	return fd < 0 ? -errno : fd;
}

static int write_new(const char *path, const char *text)
{
	char *temp;
	int fd, err;

	if (asprintf(&temp, "%s.new", path) < 0)
		return -ENOMEM;
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	err = fd < 0 ? -errno : write_all(fd, text);
	if (fd >= 0)
		close(fd);
	if (!err && rename(temp, path))
		err = -errno;
	if (err && fd >= 0)
		unlink(temp);
	free(temp);
	return err;
}

/*
 * A rename lasts when the directory is on the disk. All that can fail for other
 * reasons than the disk's comes before it: after it the file is the new one.
 */
static void replace(struct saving *s)
{
	int dir = open_directory(s->path);

	s->err = dir < 0 ? dir : write_new(s->path, s->text);
	/* some file systems have no folders that could be synced */
	if (!s->err && fsync(dir) && errno != EINVAL)
		s->unsynced = errno;
	if (dir >= 0)
		close(dir);
}

static void *save_thread(void *arg)
{
	struct saving *s = arg;
	u64 one = 1;

	replace(s);
	if (write(s->wake, &one, sizeof(one)) != sizeof(one))
		abort();
	return NULL;
}

static void saving_free(struct saving *s)
{
	if (s->source)
		fd_source_remove(&s->source);
	if (s->wake >= 0)
		close(s->wake);
	free(s->path);
	free(s->text);
	free(s);
}

static void saved(void *ctx, u32 events)
{
	struct saving *s = ctx;
	void (*done)(void *ctx, int err) = s->done;
	void *done_ctx = s->ctx;
	int err = s->err;

	(void)events;
	pthread_join(s->thread, NULL);
	if (s->unsynced)
		log_error("%s: reservations may not last through a loss of power: %s",
			  s->path, strerror(s->unsynced));
	saving_free(s);
	done(done_ctx, err);
}

void nvmf_resv_save(const char *path, const u8 *bdev_uuid,
		    const struct nvmf_resv *r,
		    void (*done)(void *ctx, int err), void *ctx)
{
	struct saving *s = calloc(1, sizeof(*s));

	if (!s) {
		done(ctx, -ENOMEM);
		return;
	}
	s->path = strdup(path);
	s->text = to_text(bdev_uuid, r);
	s->done = done;
	s->ctx = ctx;
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake >= 0)
		s->source = fd_source_add("nvmf_resv_save", s->wake, EPOLLIN,
					  saved, s);
	if (!s->path || !s->text || !s->source ||
	    pthread_create(&s->thread, NULL, save_thread, s)) {
		saving_free(s);
		done(ctx, -ENOMEM);
	}
}

/* Reading */

static int bad(const char *path, const char *what, struct weft_reason *why)
{
	return weft_fail(why, -EINVAL, "ptpl_file=%s: %s", path, what);
}

static int take_registrants(const json_t *list, struct nvmf_resv **r,
			    const char *path, struct weft_reason *why)
{
	struct nvme_resv_cmd cmd = { .opcode = NVME_CMD_RESV_REGISTER };
	struct nvmf_resv_notes none = { 0 };
	struct nvmf_resv *more;
	u8 host[NVME_HOSTID_BYTES];
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) {
		if (!key_parse(json_object_get(entry, "rkey"), &cmd.key) ||
		    !cmd.key ||
		    !uuid_parse(json_object_get(entry, "host_uuid"), host))
			return bad(path, "a registrant is not {\"rkey\": a number above 0, \"host_uuid\": a UUID}",
				   why);
		more = nvmf_resv_copy(*r);
		if (!more)
			return weft_fail(why, -ENOMEM, "not enough memory");
		nvmf_resv_free(*r);
		*r = more;
		if (nvmf_resv_change(more, host, &cmd, true, &none))
			return bad(path, "a host_uuid is there twice", why);
	}
	return 0;
}

static int take_reservation(const json_t *j, struct nvmf_resv *r,
			    const char *path, struct weft_reason *why)
{
	json_int_t type = json_integer_value(json_object_get(j, "rtype"));

	if (type < 0 || type > NVME_RESV_TYPE_MAX)
		return bad(path, "rtype is 0 to 6", why);
	r->type = type;
	if (type && (!uuid_parse(json_object_get(j, "holder_uuid"),
				 r->holder) ||
		     (!nvme_resv_all_registrants(type) &&
		      !nvmf_resv_find(r, r->holder))))
		return bad(path, "holder_uuid is not a registrant", why);
	return 0;
}

static int take(const json_t *j, const u8 *bdev_uuid, struct nvmf_resv **r,
		const char *path, struct weft_reason *why)
{
	const json_t *list = json_object_get(j, "registrants");
	u8 uuid[WEFT_UUID_BYTES];
	int err;

	if (!json_is_boolean(json_object_get(j, "ptpl")))
		return bad(path, "\"ptpl\" is missing: not a file of reservations",
			   why);
	if (!uuid_parse(json_object_get(j, "bdev_uuid"), uuid) ||
	    memcmp(uuid, bdev_uuid, sizeof(uuid)))
		return bad(path, "bdev_uuid is of another bdev", why);
	if (json_is_false(json_object_get(j, "ptpl")))
		return 0;
	err = take_registrants(list, r, path, why);
	if (!err)
		err = take_reservation(j, *r, path, why);
	(*r)->ptpl = true;
	(*r)->gen = 0;
	return err;
}

int nvmf_resv_load(const char *path, const u8 *bdev_uuid, struct nvmf_resv **r,
		   struct weft_reason *why)
{
	json_error_t error;
	json_t *j;
	int err;

	*r = calloc(1, sizeof(**r));
	if (!*r)
		return weft_fail(why, -ENOMEM, "not enough memory");
	if (!*path || (access(path, F_OK) && errno == ENOENT))
		return 0;
	j = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!j) {
		err = weft_fail(why, -EINVAL, "ptpl_file=%s: line %d: %s",
				path, error.line, error.text);
	} else {
		err = take(j, bdev_uuid, r, path, why);
		json_decref(j);
	}
	if (err) {
		nvmf_resv_free(*r);
		*r = NULL;
	}
	return err;
}
