// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * All block devices: registration, names, removal. Control reactor only,
 * except for channels, which are made and destroyed on their own reactors.
 *
 * Removal: mark, tell the openers, wait for the last close, then for the last
 * channel (the reactor layer counts them), then destruct.
 */
#include <stdlib.h>
#include <sys/random.h>

#include "target/bdev/internal.h"

struct bdev_removed {
	reactor_fn done;
	void *ctx;
	TAILQ_ENTRY(bdev_removed) link;
};

static TAILQ_HEAD(, bdev) bdevs = TAILQ_HEAD_INITIALIZER(bdevs);

static struct bdev *find_name(const char *name)
{
	struct bdev *b;

	TAILQ_FOREACH(b, &bdevs, link)
		if (!strcmp(b->name, name))
			return b;
	return NULL;
}

static struct bdev *find_uuid(const u8 *uuid)
{
	struct bdev *b;

	TAILQ_FOREACH(b, &bdevs, link)
		if (!memcmp(b->uuid, uuid, sizeof(b->uuid)))
			return b;
	return NULL;
}

struct bdev *bdev_find(const char *name)
{
	struct bdev *b = find_name(name);
	u8 uuid[WEFT_UUID_BYTES];

	assert_on_reactor(reactor_control());
	if (!b && !weft_uuid_parse(name, strlen(name), uuid))
		b = find_uuid(uuid);
	return b;
}

struct bdev *bdev_first(void)
{
	assert_on_reactor(reactor_control());
	return TAILQ_FIRST(&bdevs);
}

struct bdev *bdev_next(struct bdev *b)
{
	return TAILQ_NEXT(b, link);
}

static int random_uuid(u8 uuid[WEFT_UUID_BYTES], struct weft_reason *why)
{
	if (getrandom(uuid, WEFT_UUID_BYTES, 0) != WEFT_UUID_BYTES)
		return weft_fail(why, -EIO, "no random numbers for a uuid: %s",
				 strerror(errno));
	uuid[6] = (uuid[6] & 0x0f) | 0x40;	/* version 4: random */
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
	return 0;
}

int bdev_identify(struct bdev *b, const char *name, const char *prefix,
		  const u8 *uuid, struct weft_reason *why)
{
	unsigned int i;

	if (name) {
		if (strlen(name) >= sizeof(b->name))
			return weft_fail(why, -EINVAL,
					 "name=%.20s...: longer than %zu characters",
					 name, sizeof(b->name) - 1);
		snprintf(b->name, sizeof(b->name), "%s", name);
	} else {
		for (i = 0; !i || find_name(b->name); i++)
			snprintf(b->name, sizeof(b->name), "%s%u", prefix, i);
	}
	if (!uuid)
		return random_uuid(b->uuid, why);
	memcpy(b->uuid, uuid, sizeof(b->uuid));
	return 0;
}

int bdev_geometry_check(u64 blocks, u32 block_size, struct weft_reason *why)
{
	if (block_size < BDEV_BLOCK_MIN || block_size > BDEV_BLOCK_MAX ||
	    (block_size & (block_size - 1)))
		return weft_fail(why, -EINVAL,
				 "block_size=%u: accepted are powers of two from %u to %u",
				 block_size, BDEV_BLOCK_MIN, BDEV_BLOCK_MAX);
	/* file offsets are signed; beyond that nothing can be addressed */
	if (!blocks || blocks > (u64)INT64_MAX / block_size)
		return weft_fail(why, -EINVAL,
				 "num_blocks=%llu: accepted are 1 to %llu of %u bytes",
				 (unsigned long long)blocks,
				 (unsigned long long)INT64_MAX / block_size,
				 block_size);
	return 0;
}

static int name_check(const char *name, struct weft_reason *why)
{
	const unsigned char *c = (const unsigned char *)name;

	while (*c > ' ' && *c != 0x7f)
		c++;
	if (*c || c == (const unsigned char *)name)
		return weft_fail(why, -EINVAL,
				 "name: accepted are 1 to 63 characters without spaces");
	return 0;
}

static int bdev_check(const struct bdev *b, struct weft_reason *why)
{
	int err = name_check(b->name, why);

	if (!err)
		err = bdev_geometry_check(b->blocks, b->block_size, why);
	if (err)
		return err;
	if (find_name(b->name))
		return weft_fail(why, -EEXIST,
				 "name=%s: there is a bdev of that name",
				 b->name);
	if (find_uuid(b->uuid))
		return weft_fail(why, -EEXIST, "uuid of %s: bdev %s has the same",
				 b->name, find_uuid(b->uuid)->name);
	return 0;
}

static int channel_create(void *dev, void *buf)
{
	struct bdev_channel *ch = buf;
	struct bdev *b = dev;

	int err;

	ch->bdev = b;
	err = b->fns->channel_create ? b->fns->channel_create(b, buf) : 0;
	if (err)
		return err;
	bdev_qos_channel_init(ch);
	bdev_histogram_channel_init(ch);
	return 0;
}

static void channel_destroy(void *dev, void *buf)
{
	struct bdev_channel *ch = buf;
	struct bdev *b = dev;

	if (b->fns->channel_destroy)
		b->fns->channel_destroy(b, buf);
	bdev_stats_move(ch);
	bdev_histogram_channel_fini(ch);
}

static void (*on_change)(const struct bdev *b, enum bdev_change what);

void bdev_on_change(void (*fn)(const struct bdev *b, enum bdev_change what))
{
	on_change = fn;
}

static void changed(const struct bdev *b, enum bdev_change what)
{
	if (on_change)
		on_change(b, what);
}

int bdev_register(struct bdev *b, struct weft_reason *why)
{
	int err;

	assert_on_reactor(reactor_control());
	err = bdev_check(b, why);
	if (err)
		return err;
	err = io_device_register(b, b->name, b->fns->channel_size,
				 channel_create, channel_destroy);
	if (err)
		return weft_fail(why, err, "bdev %s: %s", b->name,
				 strerror(-err));
	TAILQ_INIT(&b->descs);
	TAILQ_INIT(&b->removed);
	TAILQ_INSERT_TAIL(&bdevs, b, link);
	changed(b, BDEV_ADDED);
	return 0;
}

/* The last channel is gone too: nothing knows the bdev any more. */
static void bdev_gone(void *arg)
{
	TAILQ_HEAD(, bdev_removed) waiting = TAILQ_HEAD_INITIALIZER(waiting);
	struct bdev_removed *w;
	struct bdev *b = arg;

	if (b->opens) {		/* statistics are being collected: once more */
		reactor_send(reactor_self(), bdev_gone, b);
		return;
	}
	TAILQ_REMOVE(&bdevs, b, link);
	TAILQ_CONCAT(&waiting, &b->removed, link);
	changed(b, BDEV_REMOVED);
	bdev_qos_free(b);
	bdev_histogram_free(b);
	b->fns->destruct(b);
	while ((w = TAILQ_FIRST(&waiting))) {
		TAILQ_REMOVE(&waiting, w, link);
		w->done(w->ctx);
		free(w);
	}
}

void bdev_hold(struct bdev *b)
{
	b->opens++;
}

void bdev_drop(struct bdev *b)
{
	if (--b->opens || !b->removing || b->going)
		return;
	b->going = true;
	io_device_unregister(b, bdev_gone, b);
}

static void removed_add(struct bdev *b, reactor_fn done, void *ctx)
{
	struct bdev_removed *w = malloc(sizeof(*w));

	if (!w) {
		log_error("out of memory while bdev %s is removed", b->name);
		abort();
	}
	w->done = done;
	w->ctx = ctx;
	TAILQ_INSERT_TAIL(&b->removed, w, link);
}

static bool ending;	/* by __atomic_*: nothing may be held any more */

bool bdev_may_hold(const struct bdev *b)
{
	return !__atomic_load_n(&ending, __ATOMIC_RELAXED) &&
	       !__atomic_load_n(&b->removing, __ATOMIC_RELAXED);
}

static void end_held_here(struct io_channel *ch, void *ctx)
{
	struct bdev *b = ctx;

	bdev_limit_release(io_channel_ctx(ch));
	if (b->fns->end_held)
		b->fns->end_held(b, io_channel_ctx(ch));
}

static void end_held_done(void *b)
{
	bdev_drop(b);
}

/* The bdev stays until every channel was visited. */
static void end_held(struct bdev *b)
{
	if (!b->fns->end_held && !b->limiter)
		return;
	bdev_hold(b);
	io_device_for_each_channel(b, end_held_here, b, end_held_done);
}

void bdev_end_held(bool end)
{
	struct bdev *b;

	assert_on_reactor(reactor_control());
	__atomic_store_n(&ending, end, __ATOMIC_RELAXED);
	for (b = bdev_first(); end && b; b = bdev_next(b))
		end_held(b);
}

void bdev_unregister(struct bdev *b, reactor_fn done, void *ctx)
{
	assert_on_reactor(reactor_control());
	if (done)
		removed_add(b, done, ctx);
	if (b->removing)
		return;
	/* submitters on other reactors read it, see submit.c */
	__atomic_store_n(&b->removing, true, __ATOMIC_RELAXED);
	bdev_qos_end(b);
	bdev_hold(b);
	bdev_tell(b, BDEV_EVENT_REMOVE);
	end_held(b);
	bdev_drop(b);
}

void bdev_notify_resize(struct bdev *b, u64 blocks)
{
	assert_on_reactor(reactor_control());
	if (b->blocks == blocks)
		return;
	__atomic_store_n(&b->blocks, blocks, __ATOMIC_RELAXED);
	bdev_tell(b, BDEV_EVENT_RESIZE);
	changed(b, BDEV_RESIZED);
}

void bdev_add_json(struct weft_text *t, json_t *j)
{
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

	weft_text_add(t, "%s", text ? text : "{}");
	free(text);
	json_decref(j);
}

static void add_hint(json_t *params, const char *name, u32 value)
{
	if (value)
		json_object_set_new(params, name, json_integer(value));
}

void bdev_add_config(struct weft_text *t, const struct bdev *b,
		     const char *method)
{
	const struct bdev_hints *h = &b->hints;
	char uuid[WEFT_UUID_LEN + 1];
	json_t *params;

	weft_uuid_format(b->uuid, uuid);
	params = json_pack("{s:s,s:I,s:i,s:s}", "name", b->name,
			   "num_blocks", (json_int_t)b->blocks,
			   "block_size", (int)b->block_size, "uuid", uuid);
	add_hint(params, "physical_block_size", h->physical_block_size);
	add_hint(params, "preferred_write_granularity", h->write_granularity);
	add_hint(params, "preferred_write_alignment", h->write_alignment);
	add_hint(params, "optimal_write_size", b->optimal_blocks);
	add_hint(params, "preferred_unmap_granularity", h->unmap_granularity);
	add_hint(params, "preferred_unmap_alignment", h->unmap_alignment);
	bdev_add_json(t, json_pack("{s:s,s:o}", "method", method,
				   "params", params));
}
