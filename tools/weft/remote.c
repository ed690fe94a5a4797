// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The event loop of commands that use the userspace initiator: it polls while
 * something happens and sleeps otherwise. See remote.h.
 */
#include <poll.h>
#include <time.h>

#include "tools/weft/identity.h"
#include "tools/weft/place.h"
#include "tools/weft/remote.h"

/* --- options ------------------------------------------------------------------- */

/* What this machine is called elsewhere, too */
static void take_host_names(struct weft_connstr *c)
{
	struct identity id;

	if (weft_connstr_given(c, WEFT_OPT_HOSTNQN) ||
	    weft_connstr_given(c, WEFT_OPT_HOSTID) || !identity_read(&id))
		return;
	snprintf(c->hostnqn, sizeof(c->hostnqn), "%s", id.hostnqn);
	c->given |= WEFT_OPT_BIT(WEFT_OPT_HOSTNQN);
	if (!weft_uuid_parse(id.hostid, strlen(id.hostid), c->hostid))
		c->given |= WEFT_OPT_BIT(WEFT_OPT_HOSTID);
}

int remote_opts(const struct cli_args *a, const char *nqn, struct ini_opts *o)
{
	struct weft_connstr c;
	struct weft_reason why;
	char *text;
	int rc = connect_string_get(a, nqn, &text);

	if (rc)
		return rc;
	weft_connstr_parse(text, strlen(text), &c, NULL);
	take_host_names(&c);
	if (ini_opts_init(o, &c, &why)) {
		connect_string_complain(text, &why);
		rc = CLI_USAGE;
	}
	explicit_bzero(&c, sizeof(c));
	explicit_bzero(text, strlen(text));
	free(text);
	return rc;
}

int remote_once(const struct cli_args *a, const struct ini_opts *o)
{
	u32 given = o->conn.given & CONN_NOT_ONCE;

	if (!given)
		return CLI_OK;
	return cli_usage_error(a->cmd,
			       "%s: this command connects once, with one I/O queue",
			       weft_opt_info((unsigned int)
					     __builtin_ctz(given))->token);
}

/* --- loop ----------------------------------------------------------------------- */

static void sleep_until(struct remote *r, u64 deadline)
{
	struct pollfd p[2 * INI_FDS_MAX];
	struct ini_fd fds[INI_FDS_MAX];
	struct timespec t, *limit = NULL;
	struct ini_queue *queues[] = { ini_ctrlr_admin(r->ctrlr), r->io };
	u64 now = ini_now(), left;
	nfds_t n = 0;
	size_t i;
	int j, got;

	for (i = 0; i < ARRAY_SIZE(queues) && queues[i]; i++) {
		if (!ini_queue_arm(queues[i]))
			return;
		got = ini_queue_fds(queues[i], fds);
		for (j = 0; j < got; j++)
			p[n++] = (struct pollfd) {
				.fd = fds[j].fd, .events = fds[j].events,
			};
	}
	if (deadline != INI_NEVER) {
		left = deadline > now ? deadline - now : 0;
		t.tv_sec = (time_t)(left / 1000000000);
		t.tv_nsec = (long)(left % 1000000000);
		limit = &t;
	}
	ppoll(p, n, limit, NULL);
}

/* Poll once, and sleep if there was nothing to do */
static void step(struct remote *r)
{
	u64 now = ini_now(), when, io;
	int work = ini_ctrlr_poll(r->ctrlr, now);

	if (r->io)
		work += ini_queue_poll(r->io, now);
	if (work)
		return;
	when = ini_ctrlr_deadline(r->ctrlr);
	io = r->io ? ini_queue_deadline(r->io) : INI_NEVER;
	sleep_until(r, io < when ? io : when);
}

static bool broken(const struct remote *r)
{
	return ini_ctrlr_state(r->ctrlr) == INI_FAILED ||
	       (r->io && ini_queue_state(r->io) == INI_FAILED);
}

void remote_done(void *answer, nvme_status status, u64 result)
{
	struct remote_answer *a = answer;

	a->done = true;
	a->status = status;
	a->result = result;
}

/* --- life ------------------------------------------------------------------------ */

int remote_exit(int err)
{
	switch (err) {
	case -EINVAL:
	case -ENOMEM:
		return CLI_FAILED;
	case -EACCES:
	case -EPERM:
		return CLI_DENIED;
	default:
		return CLI_CONNECTION;
	}
}

static int say_broken(const struct remote *r)
{
	if (ini_ctrlr_state(r->ctrlr) == INI_FAILED)
		return cli_error(remote_exit(ini_ctrlr_error(r->ctrlr)), "%s",
				 ini_ctrlr_reason(r->ctrlr));
	return cli_error(remote_exit(ini_queue_error(r->io)), "%s",
			 ini_queue_reason(r->io));
}

int remote_open(struct remote *r, const struct ini_opts *o)
{
	struct weft_reason why;
	int rc, err;

	memset(r, 0, sizeof(*r));
	err = ini_ctrlr_create(o, &r->ctrlr, &why);
	if (err)
		return cli_error(remote_exit(err), "not connected: %s",
				 why.text);
	while (ini_ctrlr_state(r->ctrlr) == INI_CONNECTING)
		step(r);
	if (ini_ctrlr_state(r->ctrlr) == INI_LIVE)
		return CLI_OK;
	rc = cli_error(remote_exit(ini_ctrlr_error(r->ctrlr)),
		       "not connected: %s", ini_ctrlr_reason(r->ctrlr));
	remote_close(r);
	return rc;
}

int remote_io(struct remote *r, const struct ini_opts *o)
{
	struct weft_reason why;
	int err = ini_queue_create(r->ctrlr, 1,
				   (u32)o->conn.queue_size - 1, &r->io, &why);

	if (err)
		return cli_error(remote_exit(err), "no I/O queue: %s",
				 why.text);
	while (ini_queue_state(r->io) == INI_CONNECTING && !broken(r))
		step(r);
	return broken(r) ? say_broken(r) : CLI_OK;
}

/* Ends what is in flight: its answers go to the stacks of our callers. */
static void abandon(struct remote *r)
{
	ini_queue_destroy(r->io);
	ini_ctrlr_destroy(r->ctrlr);
	memset(r, 0, sizeof(*r));
}

/* By the controller: what the connection did in the same moment is no matter. */
static bool answered(const struct remote *r, const struct remote_answer *a)
{
	return a->done && (nvme_status_code(a->status) !=
			   NVME_SC_HOST_ABORTED_CMD || !broken(r));
}

int remote_wait(struct remote *r, int err, const struct remote_answer *a)
{
	int rc;

	while (!err && !a->done && !broken(r))
		step(r);
	if (answered(r, a))
		return CLI_OK;
	if (broken(r))
		rc = say_broken(r);
	else if (err == -EINVAL)
		rc = cli_error(CLI_FAILED,
			       "not sent: this opcode moves no data, or data both ways");
	else
		rc = cli_error(remote_exit(err), "not sent (%s)",
			       strerror(-err));
	abandon(r);
	return rc;
}

int remote_status(const char *what, nvme_status status, bool fabrics)
{
	static const int codes[8] = {
		CLI_GENERIC, CLI_SPECIFIC, CLI_MEDIA, CLI_PATH,
		CLI_FAILED, CLI_FAILED, CLI_FAILED, CLI_FAILED,
	};

	if (!status)
		return CLI_OK;
	return cli_error(codes[status >> 8 & 7], "%s: %s (status %#x%s)", what,
			 nvme_status_name(status, fabrics),
			 nvme_status_code(status),
			 nvme_status_dnr(status) ? ", do not retry" : "");
}

void remote_close(struct remote *r)
{
	if (!r->ctrlr)
		return;
	ini_queue_destroy(r->io);
	r->io = NULL;
	ini_ctrlr_shutdown(r->ctrlr);
	while (ini_ctrlr_state(r->ctrlr) == INI_CLOSING)
		step(r);
	ini_ctrlr_destroy(r->ctrlr);
	r->ctrlr = NULL;
}
