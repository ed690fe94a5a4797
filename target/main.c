// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * weft-target: the daemon's life. Command line, signals, and the order of
 * start (target, configuration, RPC server) and stop (the reverse). All of it
 * but main() runs on the control reactor.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "target/bdev/bdev.h"
#include "target/metrics/metrics.h"
#include "target/nvmf/nvmf.h"
#include "target/options.h"
#include "target/rpc/rpc.h"
#include "target/rpc/state.h"

/**
 * struct daemon - the one daemon of this process
 * @busy: a start or a configuration is under way; a stop waits for its end
 * @stop: somebody asked for the end
 */
static struct daemon {
	struct options opts;
	json_t *config;
	int signal_fd;
	struct fd_source *signals;
	bool busy;
	bool stop;
	bool stopping;
	bool target_started;
	int exit_status;
} self;

static void stop_bdevs(void *ctx)
{
	struct bdev *b = bdev_first();

	(void)ctx;
	if (b) {
		bdev_unregister(b, stop_bdevs, NULL);
		return;
	}
	fd_source_remove(&self.signals);
	log_notice("stopped");
	reactors_stop();
}

static void stop_target(void *ctx)
{
	(void)ctx;
	if (self.target_started)
		nvmf_target_stop(stop_bdevs, NULL);
	else
		stop_bdevs(NULL);
}

static void stop_state(void *ctx)
{
	(void)ctx;
	state_stop(stop_target, NULL);
}

static void stop_calls(void *ctx)
{
	(void)ctx;
	rpc_stop(stop_state, NULL);
}

/*
 * Begin the end, unless a start is under way: that one calls again, and ends
 * soon, as nothing of it waits for anything any more.
 */
static void stop(void *ctx)
{
	(void)ctx;
	self.stop = true;
	rpc_end_waits();
	if (self.busy || self.stopping)
		return;
	self.stopping = true;
	rpc_server_stop();
	metrics_stop();
	/* calls may wait for hosts, and those for what a bdev holds on purpose */
	bdev_end_held(true);
	nvmf_target_disconnect(stop_calls, NULL);
}

static void fail(const struct weft_reason *why)
{
	fprintf(stderr, "weft-target: %s\n", why->text);
	self.exit_status = 1;
	stop(NULL);
}

static void listen_rpc(void)
{
	struct weft_reason why;

	if (rpc_server_start(self.opts.socket, &why))
		fail(&why);
	else
		log_notice("weft-target " WEFT_VERSION " listens on %s",
			   self.opts.socket);
}

static void configured(void *ctx, int err, const struct weft_reason *why)
{
	struct weft_reason started_why;

	(void)ctx;
	self.busy = false;
	if (self.stop) {
		stop(NULL);
		return;
	}
	if (!err && self.opts.state) {
		err = state_start(self.opts.state, &started_why);
		why = &started_why;
	}
	if (!err && self.opts.metrics) {
		err = metrics_start(self.opts.metrics, &started_why);
		why = &started_why;
	}
	/* else the daemon ends: hosts are to come again even then */
	if (!err)
		nvmf_target_configuring(false);
	rpc_set_started(err, why);
	if (err)
		fail(why);
	else if (!self.opts.wait_for_rpc)
		listen_rpc();
}

static void target_running(void *ctx, int err, const struct weft_reason *why)
{
	(void)ctx;
	self.target_started = !err;
	if (err || self.stop || !self.config) {
		configured(NULL, err, why);
		return;
	}
	nvmf_target_configuring(true);
	rpc_config_apply(self.config, configured, NULL);
}

static void start_target(void *ctx)
{
	(void)ctx;
	self.busy = true;
	rpc_set_starting();
	nvmf_target_start(target_running, NULL);
}

static void on_signal(void *ctx, u32 events)
{
	struct signalfd_siginfo info;

	(void)ctx;
	(void)events;
	if (read(self.signal_fd, &info, sizeof(info)) == sizeof(info)) {
		log_notice("signal %u: stopping", info.ssi_signo);
		stop(NULL);
	}
}

static void start(void *ctx)
{
	(void)ctx;
	self.signals = fd_source_add("signals", self.signal_fd, EPOLLIN,
				     on_signal, NULL);
	rpc_on_kill(stop, NULL);
	if (self.opts.wait_for_rpc) {
		rpc_on_start_init(start_target, NULL);
		listen_rpc();
	} else {
		start_target(NULL);
	}
}

/* Signals are blocked in all threads, and read from a descriptor. */
static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL))
		return -1;
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* What to begin with: what was kept, else --config. */
static int load(struct weft_reason *why)
{
	int err = 0;

	if (self.opts.state)
		err = state_load(self.opts.state, &self.config, why);
	if (err)
		return err;
	if (self.config && self.opts.config)
		log_notice("%s is there, so %s is passed over",
			   self.opts.state, self.opts.config);
	else if (self.opts.config)
		self.config = rpc_config_load(self.opts.config, why);
	return self.opts.config && !self.config ? -EINVAL : 0;
}

int main(int argc, char **argv)
{
	struct weft_reason why;
	int rc = options_parse(&self.opts, argc, argv);

	if (rc >= 0)
		return rc;
	if (self.opts.rpcs_allowed &&
	    rpc_allow_only(self.opts.rpcs_allowed, &why)) {
		fprintf(stderr, "weft-target: %s\n", why.text);
		return 2;
	}
	if (load(&why)) {
		fprintf(stderr, "weft-target: %s\n", why.text);
		return 1;
	}
	self.signal_fd = block_signals();
	if (self.signal_fd < 0) {
		fprintf(stderr, "weft-target: signalfd: %s\n",
			strerror(errno));
		return 1;
	}
	rc = reactors_run(&self.opts.reactors, start, NULL);
	json_decref(self.config);
	close(self.signal_fd);
	return rc ? 1 : self.exit_status;
}
