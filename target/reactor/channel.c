// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * io devices and their per-reactor channels. A channel belongs to its reactor;
 * the list of devices is shared under a lock that only creation and removal of
 * devices and channels take, never I/O.
 */
#include <pthread.h>
#include <stdlib.h>

#include "target/reactor/internal.h"

/* key to ctx are fixed; channels, removing, done, done_ctx: under devices.lock */
struct io_device {
	void *key;
	const char *name;
	size_t ctx_size;
	int (*create)(void *dev, void *buf);
	void (*destroy)(void *dev, void *buf);
	unsigned int channels;
	bool removing;
	reactor_fn done;
	void *done_ctx;
	TAILQ_ENTRY(io_device) link;
};

struct io_channel {
	struct reactor *reactor;
	struct io_device *dev;
	unsigned int refs;
	bool reaping;		/* a channel_reap() message is under way */
	TAILQ_ENTRY(io_channel) link;
	u8 buf[] __attribute__((aligned(64)));
};

static struct {
	pthread_mutex_t lock;
	TAILQ_HEAD(, io_device) list;
} devices = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.list = TAILQ_HEAD_INITIALIZER(devices.list),
};

static struct io_device *device_find(const void *key)
{
	struct io_device *dev;

	TAILQ_FOREACH(dev, &devices.list, link)
		if (dev->key == key)
			return dev;
	return NULL;
}

int io_device_register(void *key, const char *name, size_t ctx_size,
		       int (*create)(void *dev, void *buf),
		       void (*destroy)(void *dev, void *buf))
{
	struct io_device *dev;
	int err = 0;

	assert_on_reactor(reactor_control());
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	dev->key = key;
	dev->name = name;
	dev->ctx_size = ctx_size;
	dev->create = create;
	dev->destroy = destroy;
	pthread_mutex_lock(&devices.lock);
	if (device_find(key))
		err = -EEXIST;
	else
		TAILQ_INSERT_TAIL(&devices.list, dev, link);
	pthread_mutex_unlock(&devices.lock);
	if (err)
		free(dev);
	return err;
}

/* The last step of a device, on the control reactor. */
static void device_gone(void *arg)
{
	struct io_device *dev = arg;

	pthread_mutex_lock(&devices.lock);
	TAILQ_REMOVE(&devices.list, dev, link);
	pthread_mutex_unlock(&devices.lock);
	if (dev->done)
		dev->done(dev->done_ctx);
	free(dev);
}

void io_device_unregister(void *key, reactor_fn done, void *ctx)
{
	struct io_device *dev;
	bool idle;

	assert_on_reactor(reactor_control());
	pthread_mutex_lock(&devices.lock);
	dev = device_find(key);
	if (!dev || dev->removing)
		reactor_fatal("io device %p is not registered", key);
	dev->removing = true;
	dev->done = done;
	dev->done_ctx = ctx;
	idle = !dev->channels;
	pthread_mutex_unlock(&devices.lock);
	if (idle)
		reactor_send(reactor_control(), device_gone, dev);
}

static struct io_device *device_get(const void *key)
{
	struct io_device *dev;

	pthread_mutex_lock(&devices.lock);
	dev = device_find(key);
	if (dev && dev->removing)
		dev = NULL;
	if (dev)
		dev->channels++;
	pthread_mutex_unlock(&devices.lock);
	return dev;
}

static void device_put(struct io_device *dev)
{
	bool last;

	pthread_mutex_lock(&devices.lock);
	last = !--dev->channels && dev->removing;
	pthread_mutex_unlock(&devices.lock);
	if (last)
		reactor_send(reactor_control(), device_gone, dev);
}

static struct io_channel *channel_find(struct reactor *r, const void *key)
{
	struct io_channel *ch;

	TAILQ_FOREACH(ch, &r->channels, link)
		if (ch->dev->key == key)
			return ch;
	return NULL;
}

static struct io_channel *channel_new(struct reactor *r, struct io_device *dev)
{
	size_t size = sizeof(struct io_channel) + dev->ctx_size;
	struct io_channel *ch;
	int err;

	size = (size + 63) & ~(size_t)63;
	ch = aligned_alloc(64, size);
	if (!ch) {
		errno = ENOMEM;
		return NULL;
	}
	memset(ch, 0, size);
	ch->reactor = r;
	ch->dev = dev;
	ch->refs = 1;
	err = dev->create(dev->key, ch->buf);
	if (err) {
		free(ch);
		errno = -err;
		return NULL;
	}
	TAILQ_INSERT_TAIL(&r->channels, ch, link);
	return ch;
}

struct io_channel *io_channel_get(void *key)
{
	struct reactor *r = reactor_here(__func__);
	struct io_channel *ch;
	struct io_device *dev;
	int err;

	dev = device_get(key);
	if (!dev) {
		errno = ENODEV;
		return NULL;
	}
	ch = channel_find(r, key);
	if (ch) {
		/* the channel holds the device already */
		device_put(dev);
		ch->refs++;
		return ch;
	}
	ch = channel_new(r, dev);
	if (!ch) {
		err = errno;
		device_put(dev);
		errno = err;
	}
	return ch;
}

static void channel_reap(void *arg)
{
	struct io_channel *ch = arg;
	struct io_device *dev = ch->dev;

	ch->reaping = false;
	if (ch->refs)		/* taken again in the meantime */
		return;
	TAILQ_REMOVE(&ch->reactor->channels, ch, link);
	dev->destroy(dev->key, ch->buf);
	free(ch);
	device_put(dev);
}

void io_channel_put(struct io_channel *ch)
{
	assert_on_reactor(ch->reactor);
	if (!ch->refs)
		reactor_fatal("channel of '%s' given back too often",
			      ch->dev->name);
	if (--ch->refs || ch->reaping)
		return;
	ch->reaping = true;
	reactor_send(ch->reactor, channel_reap, ch);
}

void *io_channel_ctx(struct io_channel *ch)
{
	return ch->buf;
}

void *io_channel_dev(struct io_channel *ch)
{
	return ch->dev->key;
}

struct channel_visit {
	void *key;
	void (*fn)(struct io_channel *ch, void *ctx);
	void *ctx;
	reactor_fn done;
};

static void channel_visit_step(void *arg)
{
	struct channel_visit *v = arg;
	struct io_channel *ch = channel_find(reactor_self(), v->key);

	if (ch)			/* also one that nobody holds, until it goes */
		v->fn(ch, v->ctx);
}

static void channel_visit_end(void *arg)
{
	struct channel_visit *v = arg;
	reactor_fn done = v->done;
	void *ctx = v->ctx;

	free(v);
	if (done)
		done(ctx);
}

void io_device_for_each_channel(void *key,
				void (*fn)(struct io_channel *ch, void *ctx),
				void *ctx, reactor_fn done)
{
	struct channel_visit *v = reactor_xalloc(sizeof(*v));

	v->key = key;
	v->fn = fn;
	v->ctx = ctx;
	v->done = done;
	reactor_for_each(channel_visit_step, v, channel_visit_end);
}

void reactor_channels(void (*fn)(void *ctx, const char *dev_name,
				 unsigned int refs), void *ctx)
{
	struct reactor *r = reactor_here(__func__);
	struct io_channel *ch;

	TAILQ_FOREACH(ch, &r->channels, link)
		fn(ctx, ch->dev->name, ch->refs);
}

/* Only frees: what destroy would touch may be gone by now. */
unsigned int channel_fini(struct reactor *r)
{
	unsigned int left = 0;
	struct io_channel *ch;

	while ((ch = TAILQ_FIRST(&r->channels))) {
		log_error("reactor %u: channel of '%s' with %u references was left at the end",
			  r->index, ch->dev->name, ch->refs);
		TAILQ_REMOVE(&r->channels, ch, link);
		free(ch);
		left++;
	}
	return left;
}

unsigned int io_device_fini(void)
{
	unsigned int left = 0;
	struct io_device *dev;

	pthread_mutex_lock(&devices.lock);
	while ((dev = TAILQ_FIRST(&devices.list))) {
		log_error("io device '%s' was left at the end", dev->name);
		TAILQ_REMOVE(&devices.list, dev, link);
		free(dev);
		left++;
	}
	pthread_mutex_unlock(&devices.lock);
	return left;
}
