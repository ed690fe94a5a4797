// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A bdev that hands everything to another one: a second name, or a place to
 * stand on for what is put under it later. Memory of a RAM disk stays usable in
 * place.
 */
#include <stdlib.h>

#include "target/bdev/stack.h"

static void passthru_destruct(struct bdev *b)
{
	stack_destruct((struct stack_bdev *)b);
}

static void passthru_submit(struct io_channel *ch, struct bdev_io *io)
{
	stack_forward(io_channel_ctx(ch), io, bdev_io_complete);
}

static void passthru_info(const struct bdev *b, struct weft_text *t)
{
	bdev_add_json(t, json_pack("{s:{s:s,s:s}}", "passthru", "name", b->name,
				   "base_bdev_name", bdev_base(b)->name));
}

static void passthru_config(const struct bdev *b, struct weft_text *t)
{
	char uuid[WEFT_UUID_LEN + 1];

	weft_uuid_format(b->uuid, uuid);
	bdev_add_json(t, json_pack("{s:s,s:{s:s,s:s,s:s}}", "method",
				   "bdev_passthru_create", "params",
				   "base_bdev_name", bdev_base(b)->name,
				   "name", b->name, "uuid", uuid));
}

static const struct bdev_fns passthru_fns = {
	.channel_size = sizeof(struct stack_channel),
	.channel_create = stack_channel_create,
	.channel_destroy = stack_channel_destroy,
	.destruct = passthru_destruct,
	.submit = passthru_submit,
	.supports = stack_supports,
	.info_json = passthru_info,
	.config_json = passthru_config,
};

int bdev_passthru_create(const char *base_name, const char *name,
			 const u8 *uuid, struct bdev **out,
			 struct weft_reason *why)
{
	struct stack_base *base;
	struct stack_bdev *s;
	int err;

	base = stack_claim(base_name, "passthru", &err, why);
	if (!base)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s) {
		err = weft_fail(why, -ENOMEM, "no memory for a passthru bdev");
		goto release;
	}
	s->bdev.product = "passthru";
	s->bdev.fns = &passthru_fns;
	stack_init(s, base, 0, 0, true);
	err = bdev_identify(&s->bdev, name, "Passthru", uuid, why);
	if (!err)
		err = stack_register(s, why);
	if (err)
		goto free_bdev;
	*out = &s->bdev;
	return 0;

free_bdev:
	free(s);
release:
	stack_release(base);
	return err;
}
