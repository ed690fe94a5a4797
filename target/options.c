// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The daemon's command line. Letters and long names are those of SPDK's
 * applications where both have the option.
 */
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "target/metrics/metrics.h"
#include "target/options.h"
#include "target/rpc/rpc.h"

static const char usage[] =
"Usage: weft-target [OPTION]...\n"
"NVMe over Fabrics target in userspace.\n"
"\n"
"  -m, --cpumask CORES    cores to run on: a mask (0x3) or a list (0,2-4);\n"
"      --lcores CORES     the first is the control reactor; default: one core\n"
"  -c, --config FILE      apply a saved configuration (also --json)\n"
"      --state FILE       keep the running configuration in FILE and come back\n"
"                         with it; -c is then for the first start only\n"
"      --metrics ADDR:PORT  serve OpenMetrics (Prometheus) over HTTP there\n"
"      --rpcs-allowed LIST  serve only these RPC methods (comma-separated)\n"
"  -r, --rpc-socket PATH  UNIX socket of the RPC server;\n"
"                         default " OPTIONS_DEFAULT_SOCKET "\n"
"      --wait-for-rpc     do not start the target before framework_start_init\n"
"      --mode MODE        busy: never sleep; adaptive (default): poll for a\n"
"                         while, then sleep; interrupt: sleep at once\n"
"      --spin-us N        how long adaptive mode polls in vain at most; default 50\n"
"  -L, --log-level LEVEL  error, warning, notice (default), info or debug\n"
"      --rpc-reference    print the reference of all RPC methods\n"
"  -h, --help             this text\n"
"  -v, --version          version\n"
"\n"
"Without --config the daemon starts empty; 'weft target --help' tells how to\n"
"configure it while it runs.\n";

static int add_core(int *cores, int n, u64 core, struct weft_reason *why)
{
	cpu_set_t allowed;
	int i;

	if (core >= CPU_SETSIZE || sched_getaffinity(0, sizeof(allowed),
						     &allowed) ||
	    !CPU_ISSET(core, &allowed))
		return weft_fail(why, -EINVAL,
				 "core %llu is not available to this process",
				 (unsigned long long)core);
	for (i = 0; i < n; i++)
		if (cores[i] == (int)core)
			return weft_fail(why, -EINVAL, "core %llu stands twice",
					 (unsigned long long)core);
	if (n == REACTOR_MAX)
		return weft_fail(why, -EINVAL, "at most %d cores are accepted",
				 REACTOR_MAX);
	cores[n] = core;
	return n + 1;
}

static int parse_mask(const char *s, int *cores, struct weft_reason *why)
{
	u64 mask;
	int core, n = 0;

	if (weft_parse_u64(s, strlen(s), &mask) || !mask)
		return weft_fail(why, -EINVAL,
				 "cores=%s: a mask like 0x3 or a list like 0,2-4 is accepted",
				 s);
	for (core = 0; n >= 0 && core < 64; core++)
		if (mask >> core & 1)
			n = add_core(cores, n, core, why);
	return n;
}

/* One element of a list, "3" or "2-4"; @n is their number so far. */
static int parse_range(const char *s, size_t len, int *cores, int n,
		       struct weft_reason *why)
{
	const char *dash = memchr(s, '-', len);
	size_t first_len = dash ? (size_t)(dash - s) : len;
	u64 first, last;

	if (weft_parse_u64(s, first_len, &first))
		return -EINVAL;
	last = first;
	if (dash && weft_parse_u64(dash + 1, len - first_len - 1, &last))
		return -EINVAL;
	if (last < first || last - first >= REACTOR_MAX)
		return -EINVAL;
	for (; n >= 0 && first <= last; first++)
		n = add_core(cores, n, first, why);
	return n;
}

static int parse_list(const char *s, size_t len, int *cores,
		      struct weft_reason *why)
{
	const char *end = s + len, *comma;
	int n = 0;

	weft_fail(why, 0, "cores=%s: a mask like 0x3 or a list like 0,2-4 is accepted",
		  s);
	while (n >= 0 && s <= end) {
		comma = memchr(s, ',', end - s);
		if (!comma)
			comma = end;
		n = parse_range(s, comma - s, cores, n, why);
		s = comma + 1;
	}
	return n;
}

int options_parse_cores(const char *s, int *cores, struct weft_reason *why)
{
	size_t len = strlen(s);

	if (!strncasecmp(s, "0x", 2))
		return parse_mask(s, cores, why);
	if (len > 2 && s[0] == '[' && s[len - 1] == ']')
		return parse_list(s + 1, len - 2, cores, why);
	return parse_list(s, len, cores, why);
}

static int default_core(int *cores)
{
	cpu_set_t allowed;
	int core;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return 0;
	for (core = 0; core < CPU_SETSIZE; core++) {
		if (!CPU_ISSET(core, &allowed))
			continue;
		cores[0] = core;
		return 1;
	}
	return 0;
}

/* Index of @s among @n names, or -1 with a message that lists them. */
static int choose(const char *option, const char *s, const char *const *names,
		  int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (!strcasecmp(s, names[i]))
			return i;
	fprintf(stderr, "weft-target: %s %s: accepted are", option, s);
	for (i = 0; i < n; i++)
		fprintf(stderr, "%s %s", i ? "," : "", names[i]);
	fprintf(stderr, "\n");
	return -1;
}

static const char *const modes[] = { "busy", "adaptive", "interrupt" };
static const char *const levels[] = {
	"error", "warning", "notice", "info", "debug"
};

enum { OPT_WAIT = 256, OPT_MODE, OPT_SPIN, OPT_REFERENCE, OPT_STATE,
       OPT_METRICS, OPT_ALLOWED };

static const struct option long_options[] = {
	{ "cpumask", required_argument, NULL, 'm' },
	{ "lcores", required_argument, NULL, 'm' },
	{ "config", required_argument, NULL, 'c' },
	{ "json", required_argument, NULL, 'c' },
	{ "rpc-socket", required_argument, NULL, 'r' },
	{ "state", required_argument, NULL, OPT_STATE },
	{ "metrics", required_argument, NULL, OPT_METRICS },
	{ "rpcs-allowed", required_argument, NULL, OPT_ALLOWED },
	{ "wait-for-rpc", no_argument, NULL, OPT_WAIT },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "spin-us", required_argument, NULL, OPT_SPIN },
	{ "rpc-reference", no_argument, NULL, OPT_REFERENCE },
	{ "log-level", required_argument, NULL, 'L' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 }
};

/* Return: as options_parse() */
static int checked(int err, const struct weft_reason *why)
{
	if (!err)
		return -1;
	fprintf(stderr, "weft-target: %s\n", why->text);
	return 2;
}

static int set_cores(struct options *o, const char *arg)
{
	struct weft_reason why;
	int n = options_parse_cores(arg, o->cores, &why);

	if (n <= 0)
		return checked(-EINVAL, &why);
	o->reactors.ncores = n;
	return -1;
}

static int set_spin(struct options *o, const char *arg)
{
	u64 us;

	if (weft_parse_u64(arg, strlen(arg), &us) || us > 1000000) {
		fprintf(stderr,
			"weft-target: --spin-us %s: 0 to 1000000 is accepted\n",
			arg);
		return 2;
	}
	o->reactors.spin_us = us;
	return -1;
}

/* Return: as options_parse() */
static int apply(struct options *o, int opt, const char *arg)
{
	struct weft_reason why;
	int i;

	switch (opt) {
	case 'm':
		return set_cores(o, arg);
	case 'c':
		o->config = arg;
		return -1;
	case 'r':
		o->socket = arg;
		return checked(rpc_server_check(arg, &why), &why);
	case OPT_STATE:
		o->state = arg;
		return -1;
	case OPT_METRICS:
		o->metrics = arg;
		return checked(metrics_check(arg, &why), &why);
	case OPT_ALLOWED:
		o->rpcs_allowed = arg;
		return -1;
	case OPT_WAIT:
		o->wait_for_rpc = true;
		return -1;
	case OPT_SPIN:
		return set_spin(o, arg);
	case OPT_MODE:
		i = choose("--mode", arg, modes, ARRAY_SIZE(modes));
		o->reactors.mode = i;
		return i < 0 ? 2 : -1;
	case 'L':
		i = choose("--log-level", arg, levels, ARRAY_SIZE(levels));
		if (i >= 0)
			log_set_level(i);
		return i < 0 ? 2 : -1;
	case OPT_REFERENCE:
		rpc_reference(stdout);
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 0;
	case 'v':
		puts("weft-target " WEFT_VERSION);
		return 0;
	}
	fputs("Try 'weft-target --help'.\n", stderr);
	return 2;
}

int options_parse(struct options *o, int argc, char **argv)
{
	int opt, rc;

	memset(o, 0, sizeof(*o));
	o->socket = OPTIONS_DEFAULT_SOCKET;
	o->reactors.mode = REACTOR_ADAPTIVE;
	o->reactors.spin_us = 50;
	o->reactors.cores = o->cores;
	o->reactors.ncores = default_core(o->cores);
	while ((opt = getopt_long(argc, argv, "m:c:r:L:hv", long_options,
				  NULL)) != -1) {
		rc = apply(o, opt, optarg);
		if (rc >= 0)
			return rc;
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "weft-target: %s: no such argument\nTry 'weft-target --help'.\n",
		argv[optind]);
	return 2;
}
