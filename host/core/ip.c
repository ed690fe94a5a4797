// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses of transports that run over IP: parsed, compared, printed. Called
 * by the transports' create_ctrl, existing_ctrl and address; process context.
 * Everything is in the initial network namespace.
 */
#include <linux/inet.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>

#include "host/core/core.h"

static int parse_addr(const char *what, const char *addr, const char *port,
		      struct sockaddr_storage *ss, struct weft_reason *why)
{
	int err = inet_pton_with_scope(&init_net, AF_UNSPEC, addr, port, ss);

	if (err)
		return weft_fail(why, err, "%s=%s: accepted is an IPv4 or IPv6 address; %%scope must be a network interface that is there",
				 what, addr);
	return 0;
}

/*
 * weft_ip_parse() - traddr, trsvcid and host_traddr of @opts
 * @ip: zeroed; src's family stays 0 if no source address is given
 * Return: 0, or a negative errno with @why.
 */
int weft_ip_parse(const struct weft_connstr *opts, struct weft_ip *ip,
		  struct weft_reason *why)
{
	int err = parse_addr("traddr", opts->traddr, opts->trsvcid, &ip->addr,
			     why);

	if (!err && weft_connstr_given(opts, WEFT_OPT_HOST_TRADDR))
		err = parse_addr("host_traddr", opts->host_traddr, NULL,
				 &ip->src, why);
	if (!err && ip->src.ss_family &&
	    ip->src.ss_family != ip->addr.ss_family)
		err = weft_fail(why, -EINVAL,
				"host_traddr=%s: accepted is an address of the same family as traddr=%s",
				opts->host_traddr, opts->traddr);
	return err;
}
EXPORT_SYMBOL_GPL(weft_ip_parse);

static bool same_addr(const struct sockaddr_storage *a,
		      const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port &&
		       a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port &&
	       a6->sin6_scope_id == b6->sin6_scope_id &&
	       ipv6_addr_equal(&a6->sin6_addr, &b6->sin6_addr);
}

/*
 * weft_ip_same() - do @opts name the addresses @ip?
 * Addresses are compared as such: "::1" and "0:0::1" are the same one. Where
 * only one side names a source address the other may have chosen the same, so
 * that counts as equal.
 */
bool weft_ip_same(const struct weft_ip *ip, const struct weft_connstr *opts)
{
	struct weft_ip other = {};

	if (weft_ip_parse(opts, &other, NULL) ||
	    !same_addr(&ip->addr, &other.addr))
		return false;
	return !other.src.ss_family || !ip->src.ss_family ||
	       same_addr(&ip->src, &other.src);
}
EXPORT_SYMBOL_GPL(weft_ip_same);

/* weft_ip_address() - body of &weft_transport_ops.address */
void weft_ip_address(struct weft_ctrl *ctrl, struct weft_text *t)
{
	const struct weft_connstr *o = ctrl->opts;

	weft_text_add(t, "traddr=%s,trsvcid=%s", o->traddr, o->trsvcid);
	if (weft_connstr_given(o, WEFT_OPT_HOST_TRADDR))
		weft_text_add(t, ",host_traddr=%s", o->host_traddr);
	if (weft_connstr_given(o, WEFT_OPT_HOST_IFACE))
		weft_text_add(t, ",host_iface=%s", o->host_iface);
}
EXPORT_SYMBOL_GPL(weft_ip_address);
