// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A request's data, which the caller gave in pieces, as one run of bytes.
 * Called by the transports while they send and receive. Offsets were checked
 * by the PDU rooms of common/: they lie within the request's length.
 */
#include "tools/initiator/internal.h"

int ini_slice(const struct ini_req *r, u32 off, u32 len, struct iovec *out,
	      int max, u32 *got)
{
	size_t piece;
	int i, n = 0;

	*got = 0;
	for (i = 0; i < r->iovcnt && len && n < max; i++) {
		if (off >= r->iov[i].iov_len) {
			off -= (u32)r->iov[i].iov_len;
			continue;
		}
		piece = r->iov[i].iov_len - off;
		if (piece > len)
			piece = len;
		out[n].iov_base = (u8 *)r->iov[i].iov_base + off;
		out[n++].iov_len = piece;
		*got += (u32)piece;
		len -= (u32)piece;
		off = 0;
	}
	return n;
}

static void copy(const struct ini_req *r, u32 off, u8 *other, u32 len, bool in)
{
	struct iovec v;
	u32 got;

	while (len && ini_slice(r, off, len, &v, 1, &got)) {
		if (in)
			memcpy(v.iov_base, other, got);
		else
			memcpy(other, v.iov_base, got);
		other += got;
		off += got;
		len -= got;
	}
}

void ini_copy_in(const struct ini_req *r, u32 off, const void *from, u32 len)
{
	copy(r, off, (u8 *)(uintptr_t)from, len, true);
}

void ini_copy_out(const struct ini_req *r, u32 off, void *to, u32 len)
{
	copy(r, off, to, len, false);
}
