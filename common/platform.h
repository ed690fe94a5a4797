/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The one place that knows kernel from userspace.
 *
 * Everything in common/ is pure: no allocation, locks, I/O, time, logging or
 * globals. What little it needs from its surroundings (fixed-width and
 * little-endian types, byte order, memory and string primitives, bounded
 * printing) comes through this header in both worlds, so that one source
 * serves the kernel modules, the daemon, the tools, the fuzzers and the tests.
 */
#ifndef WEFT_COMMON_PLATFORM_H
#define WEFT_COMMON_PLATFORM_H

#ifdef __KERNEL__

#include <linux/build_bug.h>
#include <linux/crc32c.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/byteorder.h>

/* see below */
static inline u32 weft_crc32c(u32 crc, const void *p, size_t len)
{
	return crc32c(crc, p, len);
}

#else

#include <endian.h>
#include <errno.h>
#include <isa-l/crc.h>
#include <limits.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#ifndef __packed
#define __packed __attribute__((packed))
#endif
#ifndef __printf
#define __printf(a, b) __attribute__((format(printf, a, b)))
#endif
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif
#ifndef static_assert
#define static_assert _Static_assert
#endif

static inline __le16 cpu_to_le16(u16 v) { return htole16(v); }
static inline __le32 cpu_to_le32(u32 v) { return htole32(v); }
static inline __le64 cpu_to_le64(u64 v) { return htole64(v); }
static inline u16 le16_to_cpu(__le16 v) { return le16toh(v); }
static inline u32 le32_to_cpu(__le32 v) { return le32toh(v); }
static inline u64 le64_to_cpu(__le64 v) { return le64toh(v); }

/**
 * weft_crc32c() - go on with a CRC32C (RFC 3720 B.4) over @len (<= INT_MAX)
 * bytes; nothing is inverted before or after
 */
static inline u32 weft_crc32c(u32 crc, const void *p, size_t len)
{
	return crc32_iscsi((unsigned char *)p, (int)len, crc);
}

#endif /* __KERNEL__ */

/** weft_min() - the lesser of two counts */
static inline u32 weft_min(u32 a, u32 b)
{
	return a < b ? a : b;
}

/* The layout of a wire structure is part of the protocol: prove it. */
#define WEFT_ASSERT_SIZE(type, bytes) \
	static_assert(sizeof(type) == (bytes), #type " has the wrong size")
#define WEFT_ASSERT_OFFSET(type, field, at) \
	static_assert(offsetof(type, field) == (at), \
		      #type "." #field " is at the wrong offset")

#endif
