// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * rdma_fault.ko: makes an RDMA device behave badly towards whoever uses it from
 * within the kernel by connected queue pairs, which are our host's when target
 * and peers are in userspace. Tests load it, and nothing else does:
 *
 *	insmod rdma_fault.ko device=rxe0
 *	echo 5 > /sys/module/rdma_fault/parameters/refuse_send
 *
 * It stands between ib_core and the device's driver: the driver's operations are
 * replaced as long as the module is loaded. Called in whatever context the
 * device's users are in. And it can make memory for scatter tables and room for
 * DMA run out, which users ask the kernel for and not the device.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <rdma/ib_verbs.h>

#define CHAIN_MIN	8	/* shorter ones are left alone */
#define HELD_MAX	256
#define CQS_MAX		16
#define RECEIVES_MAX	256
#define QPS_MAX		16
#define CID_OFFSET	12	/* of the command identifier in a response */

static char *device = "rxe0";
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "name of the RDMA device");

static int refuse_send = -1;
module_param(refuse_send, int, 0644);
MODULE_PARM_DESC(refuse_send,
		 "the next long chain of sends with more work requests than this is refused from that one on (-ENOMEM); -1: none");

static bool refuse_recv;
module_param(refuse_recv, bool, 0644);
MODULE_PARM_DESC(refuse_recv, "the next chain of receives is refused (-ENOMEM)");

static bool hold_sends;
static int set_hold(const char *val, const struct kernel_param *kp);
static const struct kernel_param_ops hold_ops = {
	.set = set_hold,
	.get = param_get_bool,
};
module_param_cb(hold_sends, &hold_ops, &hold_sends, 0644);
MODULE_PARM_DESC(hold_sends, "completions of sends are kept until this is N again");

static int refuse_tables;
module_param(refuse_tables, int, 0644);
MODULE_PARM_DESC(refuse_tables,
		 "so many scatter tables are refused from now on (-ENOMEM)");

static int refuse_maps;
module_param(refuse_maps, int, 0644);
MODULE_PARM_DESC(refuse_maps,
		 "so many times data is not mapped for DMA from now on (-EIO)");

static ushort spoil_cid;
module_param(spoil_cid, ushort, 0644);
MODULE_PARM_DESC(spoil_cid,
		 "bits of the command identifier that are wrong in the next response");

static bool spoil_length;
module_param(spoil_length, bool, 0644);
MODULE_PARM_DESC(spoil_length, "the next response is a byte too short");

static bool spoil_key;
module_param(spoil_key, bool, 0644);
MODULE_PARM_DESC(spoil_key,
		 "the next response that invalidates a key names another one");

static bool spoil_no_key;
module_param(spoil_no_key, bool, 0644);
MODULE_PARM_DESC(spoil_no_key,
		 "the next response that invalidates no key says that it does");

static atomic_t refused = ATOMIC_INIT(0);
module_param_named(refused, refused.counter, int, 0444);
MODULE_PARM_DESC(refused,
		 "chains, tables and mappings that were refused, and responses spoiled");

static bool fail_qp;
static int set_fail(const char *val, const struct kernel_param *kp);
static const struct kernel_param_ops fail_ops = {
	.set = set_fail,
	.get = param_get_bool,
};
module_param_cb(fail_qp, &fail_ops, &fail_qp, 0644);
MODULE_PARM_DESC(fail_qp,
		 "Y: the queue pair that a long chain of sends was posted to last, and which has nothing to do, goes into the error state, and nobody sees completions of its completion queue until this is N again");

static unsigned int fail_sends;
module_param(fail_sends, uint, 0444);
MODULE_PARM_DESC(fail_sends, "sends that were posted to it since");

static unsigned int fail_recvs;
module_param(fail_recvs, uint, 0444);
MODULE_PARM_DESC(fail_recvs,
		 "receives that stood there, and those posted since");

static unsigned int fail_polled;
module_param(fail_polled, uint, 0444);
MODULE_PARM_DESC(fail_polled, "its completions since");

static unsigned int fail_cqe;
module_param(fail_cqe, uint, 0444);
MODULE_PARM_DESC(fail_cqe, "entries that its completion queue was asked to have");

static unsigned int fail_events;
module_param(fail_events, uint, 0444);
MODULE_PARM_DESC(fail_events, "errors of its completion queue");

static struct ib_device *dev;
static struct ib_device_ops real;

static DEFINE_SPINLOCK(held_lock);
static struct {
	struct ib_cq *cq;
	struct ib_wc wc;
} held[HELD_MAX];
static unsigned int held_nr;

/* The latest receives by their completion's object, and where each one's data is */
static struct {
	struct ib_cqe *cqe;
	void *data;
} receives[RECEIVES_MAX];
static unsigned int receives_at;

/* Receives that stand in a queue pair */
static struct {
	struct ib_qp *qp;
	unsigned int standing;
} tallies[QPS_MAX];

/* What fail_qp is about; all of this under held_lock, too */
static struct ib_qp *long_qp;
static struct ib_qp *failed_qp;
static struct ib_cq *failed_cq;
static void (*real_cq_event)(struct ib_event *ev, void *context);

static bool concerns(const struct ib_qp *qp)
{
	return !qp->uobject && qp->qp_type == IB_QPT_RC;
}

static bool is_long(const struct ib_send_wr *wr)
{
	int n = 0;

	for (; wr && n < CHAIN_MIN; wr = wr->next)
		n++;
	return n == CHAIN_MIN;
}

/* The work request that refuse_send means, and the one before it. */
static struct ib_send_wr *find_victim(const struct ib_send_wr *first,
				      struct ib_send_wr **before)
{
	/* its owner's, who does not mind that the chain is cut for a moment */
	struct ib_send_wr *wr = (struct ib_send_wr *)first;
	int at = READ_ONCE(refuse_send);

	*before = NULL;
	if (at < 0 || !is_long(wr))
		return NULL;
	for (; wr && at; at--) {
		*before = wr;
		wr = wr->next;
	}
	return wr;
}

/* Of @qp; with @add a new one if there is none. NULL: too many. */
static unsigned int *tally_of(struct ib_qp *qp, bool add)
{
	unsigned int i;

	for (i = 0; i < QPS_MAX; i++)
		if (tallies[i].qp == qp)
			return &tallies[i].standing;
	for (i = 0; add && i < QPS_MAX; i++) {
		if (tallies[i].qp)
			continue;
		tallies[i].qp = qp;
		tallies[i].standing = 0;
		return &tallies[i].standing;
	}
	return NULL;
}

static void tally_sends(struct ib_qp *qp, const struct ib_send_wr *wr)
{
	unsigned long flags;

	if (!concerns(qp))
		return;
	spin_lock_irqsave(&held_lock, flags);
	if (is_long(wr))
		long_qp = qp;
	for (; wr && qp == failed_qp; wr = wr->next)
		fail_sends++;
	spin_unlock_irqrestore(&held_lock, flags);
}

static int fault_post_send(struct ib_qp *qp, const struct ib_send_wr *wr,
			   const struct ib_send_wr **bad)
{
	struct ib_send_wr *victim, *before;
	int err;

	tally_sends(qp, wr);
	victim = concerns(qp) ? find_victim(wr, &before) : NULL;
	if (!victim)
		return real.post_send(qp, wr, bad);
	WRITE_ONCE(refuse_send, -1);
	if (before) {
		before->next = NULL;
		err = real.post_send(qp, wr, bad);
		before->next = victim;
		if (err)
			return err;
	}
	atomic_inc(&refused);
	*bad = victim;
	return -ENOMEM;
}

static void note_receive(const struct ib_recv_wr *wr)
{
	unsigned int i;

	/* one to drain a queue has no room for data */
	if (!wr->num_sge)
		return;
	for (i = 0; i < RECEIVES_MAX; i++)
		if (receives[i].cqe == wr->wr_cqe)
			break;
	if (i == RECEIVES_MAX)
		i = receives_at++ % RECEIVES_MAX;
	receives[i].cqe = wr->wr_cqe;
	/* soft-RoCE's DMA addresses are pointers */
	receives[i].data = (void *)(uintptr_t)wr->sg_list->addr;
}

static void note_receives(struct ib_qp *qp, const struct ib_recv_wr *wr)
{
	unsigned int *tally;
	unsigned long flags;

	spin_lock_irqsave(&held_lock, flags);
	tally = tally_of(qp, true);
	for (; wr; wr = wr->next) {
		note_receive(wr);
		if (tally)
			++*tally;
		fail_recvs += qp == failed_qp;
	}
	spin_unlock_irqrestore(&held_lock, flags);
}

static int fault_post_recv(struct ib_qp *qp, const struct ib_recv_wr *wr,
			   const struct ib_recv_wr **bad)
{
	if (concerns(qp))
		note_receives(qp, wr);
	if (!concerns(qp) || !READ_ONCE(refuse_recv))
		return real.post_recv(qp, wr, bad);
	WRITE_ONCE(refuse_recv, false);
	atomic_inc(&refused);
	*bad = wr;
	return -ENOMEM;
}

/* Run in place of the function that was called, with its return address. */
static noinline int no_memory(void)
{
	return -ENOMEM;
}

static noinline int none_mapped(void)
{
	return 0;
}

/* A function of the kernel: @left times @instead runs for it */
struct refusal {
	struct kprobe probe;
	int *left;
	int (*instead)(void);
};

/* Handlers of probes may run in a trap, where no lock may be taken. */
static bool take_one(int *left)
{
	int n = READ_ONCE(*left), was;

	for (; n > 0; n = was) {
		was = cmpxchg(left, n, n - 1);
		if (was == n)
			return true;
	}
	return false;
}

static int fault_call(struct kprobe *p, struct pt_regs *regs)
{
	struct refusal *r = container_of(p, struct refusal, probe);

	if (!take_one(r->left))
		return 0;
	atomic_inc(&refused);
	instruction_pointer_set(regs, (unsigned long)r->instead);
	return 1;
}

/*
 * A probe that has such a handler is not made a jump, from which the handler
 * before could not lead to another function.
 */
static void stay_a_trap(struct kprobe *p, struct pt_regs *regs,
			unsigned long flags)
{
}

static struct refusal tables = {
	.probe.symbol_name = "sg_alloc_table_chained",
	.probe.pre_handler = fault_call,
	.probe.post_handler = stay_a_trap,
	.left = &refuse_tables,
	.instead = no_memory,
};

/* by which devices are used that are none, like soft-RoCE */
static struct refusal maps = {
	.probe.symbol_name = "ib_dma_virt_map_sg",
	.probe.pre_handler = fault_call,
	.probe.post_handler = stay_a_trap,
	.left = &refuse_maps,
	.instead = none_mapped,
};

/*
 * Entries that completion queues were asked to have, by their context. A device
 * may give no more; soft-RoCE rounds up.
 */
static struct {
	void *context;
	unsigned int cqe;
} asked[CQS_MAX];
static atomic_t asked_at = ATOMIC_INIT(0);

static int note_cq(struct kprobe *p, struct pt_regs *regs)
{
	const struct ib_cq_init_attr *attr =
		(void *)regs_get_kernel_argument(regs, 4);
	void *context = (void *)regs_get_kernel_argument(regs, 3);
	unsigned int i;

	for (i = 0; i < CQS_MAX; i++)
		if (READ_ONCE(asked[i].context) == context)
			break;
	if (i == CQS_MAX)
		i = (unsigned int)atomic_fetch_inc(&asked_at) % CQS_MAX;
	WRITE_ONCE(asked[i].cqe, attr->cqe);
	smp_store_release(&asked[i].context, context);
	return 0;
}

static unsigned int asked_of(const struct ib_cq *cq)
{
	unsigned int i;

	for (i = 0; i < CQS_MAX; i++)
		if (smp_load_acquire(&asked[i].context) == cq->cq_context)
			return READ_ONCE(asked[i].cqe);
	return 0;
}

static struct kprobe created = {
	.symbol_name = "__ib_create_cq",
	.pre_handler = note_cq,
};

static struct kprobe *probes[] = { &tables.probe, &maps.probe, &created };

static bool hold(struct ib_cq *cq, const struct ib_wc *wc)
{
	if (!READ_ONCE(hold_sends) || wc->status != IB_WC_SUCCESS ||
	    wc->opcode & IB_WC_RECV || !concerns(wc->qp) ||
	    held_nr == HELD_MAX)
		return false;
	held[held_nr].cq = cq;
	held[held_nr++].wc = *wc;
	return true;
}

/* What was held of @cq comes before what is new. */
static int give_back(struct ib_cq *cq, int n, struct ib_wc *wc)
{
	unsigned int i, left = 0;
	int given = 0;

	for (i = 0; i < held_nr; i++) {
		if (held[i].cq == cq && given < n)
			wc[given++] = held[i].wc;
		else
			held[left++] = held[i];
	}
	held_nr = left;
	return given;
}

static bool flip_cid(const struct ib_wc *wc)
{
	unsigned int i;
	__le16 *cid;

	for (i = 0; i < RECEIVES_MAX; i++) {
		if (receives[i].cqe != wc->wr_cqe)
			continue;
		cid = receives[i].data + CID_OFFSET;
		*cid ^= cpu_to_le16(spoil_cid);
		spoil_cid = 0;
		return true;
	}
	return false;
}

/* A response as a target sends it that breaks the protocol. */
static bool spoil(struct ib_wc *wc)
{
	bool *key = wc->wc_flags & IB_WC_WITH_INVALIDATE ? &spoil_key :
							   &spoil_no_key;

	if (wc->status != IB_WC_SUCCESS || !(wc->opcode & IB_WC_RECV) ||
	    !concerns(wc->qp))
		return false;
	if (spoil_cid)
		return flip_cid(wc);
	if (spoil_length) {
		spoil_length = false;
		wc->byte_len--;
		return true;
	}
	if (!*key)
		return false;
	*key = false;
	wc->wc_flags |= IB_WC_WITH_INVALIDATE;
	wc->ex.invalidate_rkey ^= 0x100;
	return true;
}

static void tally_completion(struct ib_cq *cq, const struct ib_wc *wc)
{
	unsigned int *tally = tally_of(wc->qp, false);

	if (tally && wc->status == IB_WC_SUCCESS && wc->opcode & IB_WC_RECV)
		--*tally;
	fail_polled += cq == failed_cq;
}

static int fault_poll_cq(struct ib_cq *cq, int n, struct ib_wc *wc)
{
	unsigned long flags;
	int got, i, kept = 0;

	spin_lock_irqsave(&held_lock, flags);
	if (fail_qp && cq == failed_cq) {
		spin_unlock_irqrestore(&held_lock, flags);
		return 0;
	}
	if (!READ_ONCE(hold_sends) && held_nr)
		kept = give_back(cq, n, wc);
	if (!kept) {
		got = real.poll_cq(cq, n, wc);
		for (i = 0; i < got; i++) {
			tally_completion(cq, &wc[i]);
			atomic_add(spoil(&wc[i]), &refused);
			if (!hold(cq, &wc[i]))
				wc[kept++] = wc[i];
		}
	}
	spin_unlock_irqrestore(&held_lock, flags);
	return kept;
}

/* Whoever has completions to get back hears of them. */
static void announce(void)
{
	struct ib_cq *cqs[CQS_MAX];
	unsigned int i, n = 0;

	spin_lock_irq(&held_lock);
	for (i = 0; i < held_nr && n < CQS_MAX; i++)
		if (!n || cqs[n - 1] != held[i].cq)
			cqs[n++] = held[i].cq;
	spin_unlock_irq(&held_lock);
	local_bh_disable();
	for (i = 0; i < n; i++)
		cqs[i]->comp_handler(cqs[i], cqs[i]->cq_context);
	local_bh_enable();
}

static int set_hold(const char *val, const struct kernel_param *kp)
{
	int err = param_set_bool(val, kp);

	if (!err && !hold_sends)
		announce();
	return err;
}

/* Who would be told at once that there are some would look for them for ever. */
static int fault_req_notify_cq(struct ib_cq *cq, enum ib_cq_notify_flags flags)
{
	if (READ_ONCE(fail_qp) && cq == READ_ONCE(failed_cq))
		return 0;
	return real.req_notify_cq(cq, flags);
}

static int fault_destroy_qp(struct ib_qp *qp, struct ib_udata *udata)
{
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&held_lock, flags);
	for (i = 0; i < QPS_MAX; i++)
		if (tallies[i].qp == qp)
			tallies[i].qp = NULL;
	if (long_qp == qp)
		long_qp = NULL;
	if (failed_qp == qp) {
		failed_qp = NULL;
		failed_cq = NULL;
	}
	spin_unlock_irqrestore(&held_lock, flags);
	return real.destroy_qp(qp, udata);
}

static void fault_cq_event(struct ib_event *ev, void *context)
{
	fail_events++;
	real_cq_event(ev, context);
}

static int start_fail(void)
{
	struct ib_qp_attr attr = { .qp_state = IB_QPS_ERR };
	unsigned int *tally;

	spin_lock_irq(&held_lock);
	tally = long_qp ? tally_of(long_qp, false) : NULL;
	if (!tally || failed_qp) {
		spin_unlock_irq(&held_lock);
		return -EBUSY;
	}
	failed_qp = long_qp;
	failed_cq = long_qp->recv_cq;
	real_cq_event = failed_cq->event_handler;
	failed_cq->event_handler = fault_cq_event;
	fail_sends = 0;
	fail_recvs = *tally;
	fail_polled = 0;
	fail_cqe = asked_of(failed_cq);
	fail_events = 0;
	WRITE_ONCE(fail_qp, true);
	spin_unlock_irq(&held_lock);
	return ib_modify_qp(failed_qp, &attr, IB_QP_STATE);
}

static void end_fail(void)
{
	struct ib_cq *cq;

	spin_lock_irq(&held_lock);
	cq = failed_cq;
	if (cq)
		cq->event_handler = real_cq_event;
	WRITE_ONCE(fail_qp, false);
	spin_unlock_irq(&held_lock);
	if (!cq)
		return;
	local_bh_disable();
	cq->comp_handler(cq, cq->cq_context);
	local_bh_enable();
}

static int set_fail(const char *val, const struct kernel_param *kp)
{
	bool fail;
	int err = kstrtobool(val, &fail);

	if (err || fail == fail_qp)
		return err;
	if (fail)
		return start_fail();
	end_fail();
	return 0;
}

static int __init fault_init(void)
{
	int err;

	dev = ib_device_get_by_name(device, RDMA_DRIVER_UNKNOWN);
	if (!dev) {
		pr_err("rdma_fault: there is no RDMA device '%s'\n", device);
		return -ENODEV;
	}
	err = register_kprobes(probes, ARRAY_SIZE(probes));
	if (err) {
		pr_err("rdma_fault: no probes of %s, %s and %s (%d)\n",
		       probes[0]->symbol_name, probes[1]->symbol_name,
		       probes[2]->symbol_name, err);
		ib_device_put(dev);
		return err;
	}
	real = dev->ops;
	dev->ops.post_send = fault_post_send;
	dev->ops.post_recv = fault_post_recv;
	dev->ops.poll_cq = fault_poll_cq;
	dev->ops.req_notify_cq = fault_req_notify_cq;
	dev->ops.destroy_qp = fault_destroy_qp;
	return 0;
}

static void __exit fault_exit(void)
{
	dev->ops.post_send = real.post_send;
	dev->ops.post_recv = real.post_recv;
	dev->ops.poll_cq = real.poll_cq;
	dev->ops.req_notify_cq = real.req_notify_cq;
	dev->ops.destroy_qp = real.destroy_qp;
	unregister_kprobes(probes, ARRAY_SIZE(probes));
	synchronize_rcu();
	ib_device_put(dev);
}

module_init(fault_init);
module_exit(fault_exit);

MODULE_DESCRIPTION("Weft: faults of an RDMA device, for tests");
MODULE_LICENSE("Dual BSD/GPL");
