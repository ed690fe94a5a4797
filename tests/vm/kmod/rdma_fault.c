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

static unsigned int refused;
module_param(refused, uint, 0444);
MODULE_PARM_DESC(refused,
		 "chains, tables and mappings that were refused, and responses spoiled");

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

static int fault_post_send(struct ib_qp *qp, const struct ib_send_wr *wr,
			   const struct ib_send_wr **bad)
{
	struct ib_send_wr *victim, *before;
	int err;

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
	refused++;
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

static void note_receives(const struct ib_recv_wr *wr)
{
	unsigned long flags;

	spin_lock_irqsave(&held_lock, flags);
	for (; wr; wr = wr->next)
		note_receive(wr);
	spin_unlock_irqrestore(&held_lock, flags);
}

static int fault_post_recv(struct ib_qp *qp, const struct ib_recv_wr *wr,
			   const struct ib_recv_wr **bad)
{
	if (concerns(qp))
		note_receives(wr);
	if (!concerns(qp) || !READ_ONCE(refuse_recv))
		return real.post_recv(qp, wr, bad);
	WRITE_ONCE(refuse_recv, false);
	refused++;
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

static int fault_call(struct kprobe *p, struct pt_regs *regs)
{
	struct refusal *r = container_of(p, struct refusal, probe);
	static DEFINE_SPINLOCK(lock);
	unsigned long flags;
	bool refuse;

	spin_lock_irqsave(&lock, flags);
	refuse = *r->left > 0;
	*r->left -= refuse;
	refused += refuse;
	spin_unlock_irqrestore(&lock, flags);
	if (refuse)
		instruction_pointer_set(regs, (unsigned long)r->instead);
	return refuse;
}

static struct refusal tables = {
	.probe.symbol_name = "sg_alloc_table_chained",
	.probe.pre_handler = fault_call,
	.left = &refuse_tables,
	.instead = no_memory,
};

/* by which devices are used that are none, like soft-RoCE */
static struct refusal maps = {
	.probe.symbol_name = "ib_dma_virt_map_sg",
	.probe.pre_handler = fault_call,
	.left = &refuse_maps,
	.instead = none_mapped,
};

static struct kprobe *probes[] = { &tables.probe, &maps.probe };

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

static int fault_poll_cq(struct ib_cq *cq, int n, struct ib_wc *wc)
{
	unsigned long flags;
	int got, i, kept = 0;

	spin_lock_irqsave(&held_lock, flags);
	if (!READ_ONCE(hold_sends) && held_nr)
		kept = give_back(cq, n, wc);
	if (!kept) {
		got = real.poll_cq(cq, n, wc);
		for (i = 0; i < got; i++) {
			refused += spoil(&wc[i]);
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
		pr_err("rdma_fault: no probes of %s and %s (%d)\n",
		       probes[0]->symbol_name, probes[1]->symbol_name, err);
		ib_device_put(dev);
		return err;
	}
	real = dev->ops;
	dev->ops.post_send = fault_post_send;
	dev->ops.post_recv = fault_post_recv;
	dev->ops.poll_cq = fault_poll_cq;
	return 0;
}

static void __exit fault_exit(void)
{
	dev->ops.post_send = real.post_send;
	dev->ops.post_recv = real.post_recv;
	dev->ops.poll_cq = real.poll_cq;
	unregister_kprobes(probes, ARRAY_SIZE(probes));
	synchronize_rcu();
	ib_device_put(dev);
}

module_init(fault_init);
module_exit(fault_exit);

MODULE_DESCRIPTION("Weft: faults of an RDMA device, for tests");
MODULE_LICENSE("Dual BSD/GPL");
