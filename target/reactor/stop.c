// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * When have all reactors truly ended? After reactors_stop() they run messages
 * only; but a message may send another, to a reactor that was idle before.
 *
 * Mattern's four counters tell: a probe visits the reactors one after another
 * and sums what they have sent and received; then a second one does. If all
 * that had been received at the first visit equals all that has been sent at
 * the second, then nothing was under way or being handled between the two, and
 * nothing ever will be. The probes are messages too, but are not counted. They
 * pass every reactor in turn, so the sums have one owner at a time.
 */
#include "target/reactor/internal.h"

static struct {
	unsigned int at;
	u64 sent;
	u64 received;
	u64 received_before;	/* of the wave before this one */
	bool second;		/* there was one */
} wave;

static void wave_step(void *arg);

static void wave_start(void)
{
	wave.at = 0;
	wave.sent = 0;
	wave.received = 0;
	message_send(reactor_control(), wave_step, NULL, false);
}

static void wave_end(void *arg)
{
	(void)arg;
	if (wave.second && wave.sent == wave.received_before) {
		reactors_end();
		return;
	}
	wave.second = true;
	wave.received_before = wave.received;
	wave_start();
}

static void wave_step(void *arg)
{
	struct reactor *r = reactor_self();

	(void)arg;
	r->stopping = true;	/* from here on only messages cause messages */
	wave.sent += r->sent;
	wave.received += r->received;
	if (++wave.at < reactor_count())
		message_send(reactor_get(wave.at), wave_step, NULL, false);
	else
		message_send(reactor_control(), wave_end, NULL, false);
}

void stop_begin(void)
{
	wave.second = false;
	wave_start();
}
