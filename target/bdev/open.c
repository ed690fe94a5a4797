// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Users of a bdev: descriptors, the claim of the one writer, and events. All
 * on the control reactor.
 *
 * Events are told by messages, never within the call that causes them: a
 * handler may then close any descriptor. One message is under way for each
 * descriptor at most; a descriptor closed meanwhile is freed by it.
 */
#include <stdlib.h>

#include "target/bdev/internal.h"

static void desc_tell(void *arg)
{
	struct bdev_desc *desc = arg;
	unsigned int events = desc->events;
	int ev;

	desc->events = 0;
	for (ev = BDEV_EVENT_REMOVE; ev <= BDEV_EVENT_RESIZE; ev++)
		if ((events & 1u << ev) && !desc->closed)
			desc->event(desc->ctx, desc->bdev, (enum bdev_event)ev);
	if (desc->closed) {
		free(desc);
		return;
	}
	desc->telling = desc->events;	/* the handler may have caused one */
	if (desc->telling)
		reactor_send(reactor_self(), desc_tell, desc);
}

void bdev_tell(struct bdev *b, enum bdev_event ev)
{
	struct bdev_desc *desc;

	TAILQ_FOREACH(desc, &b->descs, link) {
		if (!desc->event)
			continue;
		desc->events |= 1u << ev;
		if (!desc->telling)
			reactor_send(reactor_self(), desc_tell, desc);
		desc->telling = true;
	}
}

static const struct bdev_desc *claimer(const struct bdev *b)
{
	const struct bdev_desc *desc;

	TAILQ_FOREACH(desc, &b->descs, link)
		if (desc->claim)
			return desc;
	return NULL;
}

bool bdev_claimed(const struct bdev *b)
{
	return claimer(b);
}

static int open_check(const struct bdev *b, const char *name, bool claim,
		      struct weft_reason *why)
{
	const struct bdev_desc *other;

	if (!b)
		return weft_fail(why, -ENODEV, "there is no bdev %.63s", name);
	if (b->removing)
		return weft_fail(why, -ENODEV, "bdev %s is being removed",
				 b->name);
	other = claim ? claimer(b) : NULL;
	if (other)
		return weft_fail(why, -EBUSY, "bdev %s is claimed by %s",
				 b->name, other->who);
	return 0;
}

int bdev_open(const char *name, bool claim, const char *who,
	      bdev_event_fn event, void *ctx, struct bdev_desc **out,
	      struct weft_reason *why)
{
	struct bdev *b = bdev_find(name);
	struct bdev_desc *desc;
	int err;

	err = open_check(b, name, claim, why);
	if (err)
		return err;
	desc = calloc(1, sizeof(*desc));
	if (!desc)
		return weft_fail(why, -ENOMEM, "no memory to open bdev %s",
				 b->name);
	desc->bdev = b;
	desc->claim = claim;
	snprintf(desc->who, sizeof(desc->who), "%s", who);
	desc->event = event;
	desc->ctx = ctx;
	TAILQ_INSERT_TAIL(&b->descs, desc, link);
	bdev_hold(b);
	*out = desc;
	return 0;
}

void bdev_close(struct bdev_desc *desc)
{
	struct bdev *b = desc->bdev;

	assert_on_reactor(reactor_control());
	TAILQ_REMOVE(&b->descs, desc, link);
	desc->closed = true;
	if (!desc->telling)
		free(desc);
	bdev_drop(b);
}

struct bdev *bdev_desc_bdev(const struct bdev_desc *desc)
{
	return desc->bdev;
}

struct io_channel *bdev_channel_get(struct bdev_desc *desc)
{
	return io_channel_get(desc->bdev);
}
