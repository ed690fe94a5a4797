/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The names that NVMe over Fabrics uses: NQNs, UUIDs, host identifiers and
 * transport addresses. Checks take bytes and a length, because most of what
 * they look at came from a peer or a user.
 */
#ifndef WEFT_COMMON_NAMES_H
#define WEFT_COMMON_NAMES_H

#include "common/fabrics.h"
#include "common/text.h"

#define WEFT_UUID_LEN		36	/* 8-4-4-4-12 */
#define WEFT_UUID_BYTES		16

/**
 * weft_nqn_check() - is this a usable NVMe Qualified Name?
 * @nqn: bytes, need not be terminated
 * @len: their number
 * @what: the field's name for the reason: "nqn", "hostnqn"
 * @why: filled in on refusal; may be NULL
 *
 * At most 223 bytes of printable UTF-8 without spaces, of the form
 * nqn.yyyy-mm.reverse.domain[:string] with a sane year and month, or
 * nqn.2014-08.org.nvmexpress:uuid:UUID (base specification 2.0, 4.5).
 *
 * Return: 0 or -EINVAL.
 */
int weft_nqn_check(const char *nqn, size_t len, const char *what,
		   struct weft_reason *why);

/**
 * weft_nqn_text_check() - may it stand where an NQN is expected?
 *
 * As weft_nqn_check() but for the form: targets are free in their names, and
 * nvmet, for one, takes any; a host has to be able to connect to them.
 */
int weft_nqn_text_check(const char *nqn, size_t len, const char *what,
			struct weft_reason *why);

/** weft_nqn_is_discovery() - is it the well-known discovery NQN? */
bool weft_nqn_is_discovery(const char *nqn, size_t len);

/**
 * weft_nqn_from_field() - length of an NQN in a fixed, zero-padded wire field
 * @field: NVMF_NQN_FIELD bytes from the wire
 *
 * Return: the length, or -EINVAL if no terminator lies within the first 224
 * bytes. An empty field has length 0 and is the caller's to judge.
 */
int weft_nqn_from_field(const char *field);

/**
 * weft_uuid_parse() - text form to bytes in RFC 4122 order
 * Upper and lower case are accepted; hyphens are required at their places.
 * Return: 0 or -EINVAL.
 */
int weft_uuid_parse(const char *s, size_t len, u8 uuid[WEFT_UUID_BYTES]);

/** weft_uuid_format() - bytes to lower-case text, terminated */
void weft_uuid_format(const u8 uuid[WEFT_UUID_BYTES],
		      char out[WEFT_UUID_LEN + 1]);

/** weft_id_is_zero() - are all @n bytes of an identifier zero ("none")? */
bool weft_id_is_zero(const u8 *id, size_t n);

/** weft_hex_format() - @n bytes as 2n upper- or lower-case digits, terminated */
void weft_hex_format(const u8 *id, size_t n, char *out, bool upper);

/** weft_hex_parse() - 2n digits (hyphens between bytes allowed) to @n bytes */
int weft_hex_parse(const char *s, size_t len, u8 *id, size_t n);

/**
 * enum weft_addr_family - what a traddr turned out to be
 */
enum weft_addr_family {
	WEFT_ADDR_IPV4 = NVMF_ADRFAM_IPV4,
	WEFT_ADDR_IPV6 = NVMF_ADRFAM_IPV6,
};

/**
 * weft_addr_check() - is this an IPv4 or IPv6 address?
 * @s: text; IPv6 may end in %scope
 * @len: its length
 * @what: field name for the reason
 * @why: filled in on refusal; may be NULL
 *
 * Return: an enum weft_addr_family, or -EINVAL.
 */
int weft_addr_check(const char *s, size_t len, const char *what,
		    struct weft_reason *why);

/** weft_port_check() - 1 to 65535 in decimal; the port, or -EINVAL */
int weft_port_check(const char *s, size_t len, const char *what,
		    struct weft_reason *why);

/** weft_pad_copy() - text into a fixed field padded with @pad (space or 0) */
void weft_pad_copy(char *field, size_t size, const char *s, char pad);

/**
 * weft_pad_text() - text of a fixed field: up to a zero, or else to where only
 * spaces follow
 * @out: @size + 1 bytes of room
 */
void weft_pad_text(char *out, const char *field, size_t size);

#endif
