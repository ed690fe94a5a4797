// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * `weft rxe`: soft-RoCE devices on network interfaces, by RDMA netlink. With
 * them everything runs on machines without an RDMA adapter.
 */
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <rdma/rdma_netlink.h>
#include <sys/socket.h>

#include "tools/weft/handlers.h"
#include "tools/weft/host.h"
#include "tools/weft/module.h"

#define MODULE	"rdma_rxe"

/**
 * struct dev - an RDMA device
 * @port_state: InfiniBand's number; 4 is "active"
 */
struct dev {
	u32 index;
	char name[64];
	char protocol[16];
	char netdev[32];
	u8 port_state;
	bool has_port;
};

struct devs {
	struct dev *dev;
	size_t n;
};

/**
 * struct reply - what came of a request
 * @words: the kernel's explanation, if it gave one
 */
struct reply {
	int err;
	char words[256];
};

static const char *const port_states[] = {
	"no change", "down", "init", "armed", "active", "active (deferred)",
};

static const char *state_name(u8 state)
{
	return state < ARRAY_SIZE(port_states) ? port_states[state] : "unknown";
}

static int open_netlink(struct nl_sock **sk)
{
	int one = 1, err;

	*sk = nl_socket_alloc();
	if (!*sk)
		return cli_error(CLI_FAILED, "out of memory");
	err = nl_connect(*sk, NETLINK_RDMA);
	if (err) {
		nl_socket_free(*sk);
		if (err != -NLE_PROTO_MISMATCH)
			return cli_error(CLI_FAILED, "RDMA netlink: %s",
					 nl_geterror(err));
		return cli_error(CLI_MISSING,
				 "RDMA netlink: the kernel's ib_core is not there, 'modprobe ib_core' loads it");
	}
	/* older kernels just say less */
	setsockopt(nl_socket_get_fd(*sk), SOL_NETLINK, NETLINK_EXT_ACK, &one,
		   sizeof(one));
	return CLI_OK;
}

/* The kernel's explanation behind an error, when there is one. */
static void read_words(const struct nlmsgerr *e, char *out, size_t size)
{
	const struct nlmsghdr *outer = (const struct nlmsghdr *)e - 1;
	struct nlattr *at, *msg;
	size_t skip = sizeof(*e);

	if (!(outer->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(outer->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
	if (NLMSG_HDRLEN + skip >= outer->nlmsg_len)
		return;
	at = (struct nlattr *)((char *)e + skip);
	msg = nla_find(at, (int)(outer->nlmsg_len - NLMSG_HDRLEN - skip),
		       NLMSGERR_ATTR_MSG);
	if (msg)
		snprintf(out, size, "%.*s", nla_len(msg), nla_get_string(msg));
}

static int on_error(struct sockaddr_nl *who, struct nlmsgerr *e, void *arg)
{
	struct reply *r = arg;

	(void)who;
	r->err = e->error;
	read_words(e, r->words, sizeof(r->words));
	return NL_STOP;
}

static int on_done(struct nl_msg *msg, void *arg)
{
	struct reply *r = arg;

	(void)msg;
	r->err = 0;
	return NL_STOP;
}

/**
 * transact() - send @msg (and free it), gather replies until the last
 * @valid: for each object of a dump; may be NULL
 */
static struct reply transact(struct nl_sock *sk, struct nl_msg *msg,
			     nl_recvmsg_msg_cb_t valid, void *ctx)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	struct reply r = { .err = 1 };
	int rc;

	rc = cb && msg ? nl_send_auto(sk, msg) : -NLE_NOMEM;
	if (rc >= 0) {
		nl_cb_err(cb, NL_CB_CUSTOM, on_error, &r);
		nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_done, &r);
		nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_done, &r);
		if (valid)
			nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, valid, ctx);
		while (r.err > 0 && rc >= 0)
			rc = nl_recvmsgs(sk, cb);
	}
	if (r.err > 0) {
		r.err = -EIO;
		snprintf(r.words, sizeof(r.words), "%s", nl_geterror(rc));
	}
	nlmsg_free(msg);
	nl_cb_put(cb);
	return r;
}

static struct nl_msg *request(int cmd, int flags)
{
	return nlmsg_alloc_simple(RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, cmd),
				  NLM_F_REQUEST | flags);
}

static void copy_text(struct nlattr *a, char *out, size_t size)
{
	snprintf(out, size, "%.*s", a ? nla_len(a) : 0,
		 a ? nla_get_string(a) : "");
}

static int on_dev(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[RDMA_NLDEV_ATTR_MAX] = { NULL };
	struct devs *list = arg;
	struct dev *d;

	if (nlmsg_parse(nlmsg_hdr(msg), 0, tb, RDMA_NLDEV_ATTR_MAX - 1, NULL) ||
	    !tb[RDMA_NLDEV_ATTR_DEV_INDEX] || !tb[RDMA_NLDEV_ATTR_DEV_NAME])
		return NL_SKIP;
	d = realloc(list->dev, (list->n + 1) * sizeof(*d));
	if (!d)
		return -NLE_NOMEM;
	list->dev = d;
	d = &d[list->n++];
	memset(d, 0, sizeof(*d));
	d->index = nla_get_u32(tb[RDMA_NLDEV_ATTR_DEV_INDEX]);
	copy_text(tb[RDMA_NLDEV_ATTR_DEV_NAME], d->name, sizeof(d->name));
	copy_text(tb[RDMA_NLDEV_ATTR_DEV_PROTOCOL], d->protocol,
		  sizeof(d->protocol));
	return NL_OK;
}

static int on_port(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[RDMA_NLDEV_ATTR_MAX] = { NULL };
	struct dev *d = arg;

	if (nlmsg_parse(nlmsg_hdr(msg), 0, tb, RDMA_NLDEV_ATTR_MAX - 1, NULL))
		return NL_SKIP;
	copy_text(tb[RDMA_NLDEV_ATTR_NDEV_NAME], d->netdev, sizeof(d->netdev));
	d->has_port = tb[RDMA_NLDEV_ATTR_PORT_STATE];
	if (d->has_port)
		d->port_state = nla_get_u8(tb[RDMA_NLDEV_ATTR_PORT_STATE]);
	return NL_OK;
}

static int get_devs(struct nl_sock *sk, struct devs *list)
{
	struct nl_msg *msg;
	struct reply r;
	size_t i;

	list->dev = NULL;
	list->n = 0;
	r = transact(sk, request(RDMA_NLDEV_CMD_GET, NLM_F_DUMP), on_dev, list);
	for (i = 0; i < list->n && !r.err; i++) {
		msg = request(RDMA_NLDEV_CMD_PORT_GET, NLM_F_DUMP);
		if (msg)
			nla_put_u32(msg, RDMA_NLDEV_ATTR_DEV_INDEX,
				    list->dev[i].index);
		r = transact(sk, msg, on_port, &list->dev[i]);
	}
	if (!r.err)
		return CLI_OK;
	free(list->dev);
	return cli_error(cli_exit_of(r.err), "listing RDMA devices: %s",
			 r.words[0] ? r.words : strerror(-r.err));
}

/* RoCE without hardware below it: that is soft-RoCE. */
static bool is_rxe(const struct dev *d)
{
	char path[128], real[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/class/infiniband/%.63s", d->name);
	return !strcmp(d->protocol, "roce") && realpath(path, real) &&
	       !strncmp(real, "/sys/devices/virtual/", 21);
}

static const struct dev *find_dev(const struct devs *list, const char *name)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (!strcmp(list->dev[i].name, name))
			return &list->dev[i];
	return NULL;
}

static int refused(const char *what, const struct reply *r, const char *hint)
{
	return cli_error(cli_exit_of(r->err), "%s: %s%s%s%s", what,
			 r->words[0] ? r->words : strerror(-r->err),
			 hint[0] ? " (" : "", hint, hint[0] ? ")" : "");
}

static int newlink(struct nl_sock *sk, const char *name, const char *netdev)
{
	struct nl_msg *msg = request(RDMA_NLDEV_CMD_NEWLINK, NLM_F_ACK);
	const char *hint = "";
	struct reply r;

	if (msg) {
		nla_put_string(msg, RDMA_NLDEV_ATTR_DEV_NAME, name);
		nla_put_string(msg, RDMA_NLDEV_ATTR_LINK_TYPE, "rxe");
		nla_put_string(msg, RDMA_NLDEV_ATTR_NDEV_NAME, netdev);
	}
	r = transact(sk, msg, NULL, NULL);
	if (!r.err)
		return CLI_OK;
	if (r.err == -EEXIST)
		hint = "the name is taken, or the interface has a soft-RoCE device already: 'weft rxe list'";
	else if (r.err == -EINVAL)
		hint = "is the kernel's module rdma_rxe loaded? 'modprobe rdma_rxe'";
	else if (r.err == -EPERM)
		hint = "making devices is the superuser's";
	else if (r.err == -ENODEV)
		hint = "no such network interface: 'ip link' lists them";
	return refused(name, &r, hint);
}

static int check_names(const struct cli_args *a)
{
	size_t len = strlen(a->pos[0]);
	char path[64];

	if (!len || len > 63 || a->pos[0][strcspn(a->pos[0], "/% ")])
		return cli_usage_error(a->cmd,
				       "NAME %s: 1 to 63 characters without '/', '%%' and blanks are accepted",
				       a->pos[0]);
	len = strlen(a->pos[1]);
	if (!len || len > 15)
		return cli_usage_error(a->cmd,
				       "NETDEV %s: a network interface's name of 1 to 15 characters is accepted",
				       a->pos[1]);
	snprintf(path, sizeof(path), "/sys/class/net/%s", a->pos[1]);
	if (!sysfs_exists(path))
		return cli_error(CLI_MISSING,
				 "NETDEV %s: no such network interface: 'ip link' lists them",
				 a->pos[1]);
	return CLI_OK;
}

int cmd_rxe_add(const struct cli_args *a)
{
	struct nl_sock *sk;
	int rc = check_names(a);

	if (rc)
		return rc;
	rc = sysfs_exists("/sys/module/" MODULE) ? CLI_OK :
	     module_load(MODULE);
	/* the target's connection manager is reached through this one */
	if (!rc && !sysfs_exists("/sys/module/rdma_ucm"))
		rc = module_load("rdma_ucm");
	if (!rc)
		rc = open_netlink(&sk);
	if (rc)
		return rc;
	rc = newlink(sk, a->pos[0], a->pos[1]);
	nl_socket_free(sk);
	return rc;
}

static int dellink(struct nl_sock *sk, const struct dev *d)
{
	struct nl_msg *msg = request(RDMA_NLDEV_CMD_DELLINK, NLM_F_ACK);
	struct reply r;

	if (msg)
		nla_put_u32(msg, RDMA_NLDEV_ATTR_DEV_INDEX, d->index);
	r = transact(sk, msg, NULL, NULL);
	return r.err ? refused(d->name, &r, r.err == -EPERM ?
			       "removing devices is the superuser's" : "") :
	       CLI_OK;
}

int cmd_rxe_del(const struct cli_args *a)
{
	const struct dev *d;
	struct nl_sock *sk;
	struct devs list;
	int rc = open_netlink(&sk);

	if (rc)
		return rc;
	rc = get_devs(sk, &list);
	if (!rc) {
		d = find_dev(&list, a->pos[0]);
		if (!d)
			rc = cli_error(CLI_MISSING,
				       "%s: no such device: 'weft rxe list' lists them",
				       a->pos[0]);
		else if (!is_rxe(d))
			rc = cli_error(CLI_FAILED,
				       "%s: is an adapter, not soft-RoCE",
				       d->name);
		else
			rc = dellink(sk, d);
		free(list.dev);
	}
	nl_socket_free(sk);
	return rc;
}

static json_t *devs_json(const struct devs *list)
{
	json_t *out = json_array();
	const struct dev *d;
	size_t i;

	for (i = 0; i < list->n; i++) {
		d = &list->dev[i];
		if (is_rxe(d))
			json_array_append_new(out, json_pack(
				"{s:s, s:s, s:s}", "name", d->name,
				"netdev", d->netdev, "state", d->has_port ?
				state_name(d->port_state) : ""));
	}
	return out;
}

static void print_devs(json_t *list)
{
	struct table *t = TABLE("NAME", "NETDEV", "STATE");
	json_t *d;
	size_t i;

	json_array_foreach(list, i, d)
		TABLE_ROW(t, json_string_value(json_object_get(d, "name")),
			  json_string_value(json_object_get(d, "netdev")),
			  json_string_value(json_object_get(d, "state")));
	table_print(t);
	json_decref(list);
}

int cmd_rxe_list(const struct cli_args *a)
{
	struct nl_sock *sk;
	struct devs list;
	json_t *out;
	int rc = open_netlink(&sk);

	if (rc)
		return rc;
	rc = get_devs(sk, &list);
	nl_socket_free(sk);
	if (rc)
		return rc;
	out = devs_json(&list);
	free(list.dev);
	if (cli_opt(a, "json"))
		return cli_print_json(out);
	print_devs(out);
	return CLI_OK;
}
