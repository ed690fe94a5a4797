// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Log lines on stderr. Any thread: one line is one write, so that lines of
 * several reactors never mix.
 */
#include <time.h>
#include <unistd.h>

#include "target/reactor/internal.h"

#define LOG_LINE_MAX	1024
#define PEER_LINES	10		/* per call site and window */
#define PEER_WINDOW_US	1000000

static int log_level_now = LOG_NOTICE;
static bool log_timestamps = true;	/* by __atomic_* */
static u32 log_flags;			/* by __atomic_*; bits of the rooms */
static const char *const log_rooms[] = { "reactor", "bdev", "nvmf", "rdma",
					 "tcp", "rpc", "metrics" };

void log_set_level(enum log_level level)
{
	__atomic_store_n(&log_level_now, (int)level, __ATOMIC_RELAXED);
}

enum log_level log_get_level(void)
{
	return (enum log_level)__atomic_load_n(&log_level_now, __ATOMIC_RELAXED);
}

void log_set_timestamps(bool on)
{
	__atomic_store_n(&log_timestamps, on, __ATOMIC_RELAXED);
}

bool log_get_timestamps(void)
{
	return __atomic_load_n(&log_timestamps, __ATOMIC_RELAXED);
}

const char *log_flag_name(unsigned int i)
{
	return i < ARRAY_SIZE(log_rooms) ? log_rooms[i] : NULL;
}

bool log_flag_get(unsigned int i)
{
	return __atomic_load_n(&log_flags, __ATOMIC_RELAXED) >> i & 1;
}

void log_flag_set(unsigned int i, bool on)
{
	if (on)
		__atomic_fetch_or(&log_flags, 1u << i, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&log_flags, ~(1u << i), __ATOMIC_RELAXED);
}

/* Is a flag set for the room that @file is in? */
static bool log_flagged(const char *file)
{
	const char *dir, *end;
	size_t i, n;

	if (!__atomic_load_n(&log_flags, __ATOMIC_RELAXED))
		return false;
	end = strrchr(file, '/');
	if (!end)
		return false;
	for (dir = end; dir > file && dir[-1] != '/'; dir--)
		;
	n = (size_t)(end - dir);
	for (i = 0; i < ARRAY_SIZE(log_rooms); i++)
		if (strlen(log_rooms[i]) == n && !memcmp(log_rooms[i], dir, n))
			return log_flag_get(i);
	return false;
}

static size_t log_prefix(char *line, size_t size, enum log_level level)
{
	static const char *const names[] = {
		[LOG_ERROR] = "error", [LOG_WARNING] = "warning",
		[LOG_NOTICE] = "notice", [LOG_INFO] = "info",
		[LOG_DEBUG] = "debug",
	};
	struct timespec ts;
	struct tm tm;
	size_t n;

	if (!log_get_timestamps())
		return (size_t)snprintf(line, size, "%s: ", names[level]);
	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	n = strftime(line, size, "%F %T", &tm);
	return n + (size_t)snprintf(line + n, size - n, ".%03ld %s: ",
				    ts.tv_nsec / 1000000, names[level]);
}

__printf(2, 0)
static void log_vmsg(enum log_level level, const char *fmt, va_list args)
{
	char line[LOG_LINE_MAX];
	size_t start, n, i;
	int more;

	start = log_prefix(line, sizeof(line), level);
	more = vsnprintf(line + start, sizeof(line) - start, fmt, args);
	n = start + (more > 0 ? (size_t)more : 0);
	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	/* text from a peer must not break the line or drive the terminal */
	for (i = start; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	/* nobody is left to tell when stderr is gone */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

void log_at(const char *file, enum log_level level, const char *fmt, ...)
{
	va_list args;

	if (level > log_get_level() && !log_flagged(file))
		return;
	va_start(args, fmt);
	log_vmsg(level, fmt, args);
	va_end(args);
}

/*
 * May this line be printed? Call sites are shared by reactors and the count is
 * read and written without a lock: two lines at the same moment may count as
 * one, which is as good.
 */
static bool peer_allowed(struct log_budget *b, u32 *dropped)
{
	u64 now = reactor_clock_us();
	u64 window = __atomic_load_n(&b->window_us, __ATOMIC_RELAXED);
	u32 used = __atomic_load_n(&b->used, __ATOMIC_RELAXED);
	u32 lost = __atomic_load_n(&b->dropped, __ATOMIC_RELAXED);

	*dropped = 0;
	if (!window || now - window >= PEER_WINDOW_US) {
		__atomic_store_n(&b->window_us, now, __ATOMIC_RELAXED);
		__atomic_store_n(&b->dropped, 0, __ATOMIC_RELAXED);
		*dropped = lost;
		used = 0;
	}
	if (used >= PEER_LINES) {
		__atomic_store_n(&b->dropped, lost + 1, __ATOMIC_RELAXED);
		return false;
	}
	__atomic_store_n(&b->used, used + 1, __ATOMIC_RELAXED);
	return true;
}

void log_peer(struct log_budget *budget, enum log_level level, const char *fmt,
	      ...)
{
	va_list args;
	u32 dropped;

	if (level > log_get_level() || !peer_allowed(budget, &dropped))
		return;
	if (dropped)
		log_msg(level, "%u lines like the next were left out", dropped);
	va_start(args, fmt);
	log_vmsg(level, fmt, args);
	va_end(args);
}
