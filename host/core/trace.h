/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, system "weft": commands as they are built and as they end, what
 * a controller's state does, why recovery started, which events came. Names of
 * controllers are their numbers, X of nvmeX; queue 0 is the admin queue.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM weft

#if !defined(WEFT_HOST_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define WEFT_HOST_TRACE_H

#include <linux/tracepoint.h>

#include "host/core/core.h"

#define WEFT_TRACE_TEXT		96

#define weft_show_state(s)						\
	__print_symbolic(s,						\
			 { WEFT_CTRL_NEW, "new" },			\
			 { WEFT_CTRL_CONNECTING, "connecting" },	\
			 { WEFT_CTRL_LIVE, "live" },			\
			 { WEFT_CTRL_RESETTING, "resetting" },		\
			 { WEFT_CTRL_DELETING, "deleting" },		\
			 { WEFT_CTRL_DELETING_NOIO, "deleting-noio" },	\
			 { WEFT_CTRL_DEAD, "dead" })

TRACE_EVENT(weft_setup_rq,
	TP_PROTO(struct request *rq, const union nvme_cmd *cmd),
	TP_ARGS(rq, cmd),
	TP_STRUCT__entry(
		__field(int, ctrl)
		__field(u16, qid)
		__field(u16, cid)
		__field(u8, opcode)
		__field(u32, nsid)
		__field(u32, cdw10)
		__field(u32, cdw11)
		__field(u32, cdw12)
	),
	TP_fast_assign(
		__entry->ctrl = weft_req(rq)->ctrl->instance;
		__entry->qid = weft_rq_qid(rq);
		__entry->cid = le16_to_cpu(cmd->sqe.cid);
		__entry->opcode = cmd->sqe.opcode;
		__entry->nsid = le32_to_cpu(cmd->sqe.nsid);
		__entry->cdw10 = le32_to_cpu(cmd->sqe.cdw10);
		__entry->cdw11 = le32_to_cpu(cmd->sqe.cdw11);
		__entry->cdw12 = le32_to_cpu(cmd->sqe.cdw12);
	),
	TP_printk("nvme%d qid=%u cid=%#x opcode=%#x nsid=%u cdw10=%#x cdw11=%#x cdw12=%#x",
		  __entry->ctrl, __entry->qid, __entry->cid, __entry->opcode,
		  __entry->nsid, __entry->cdw10, __entry->cdw11,
		  __entry->cdw12)
);

TRACE_EVENT(weft_end_rq,
	TP_PROTO(struct request *rq),
	TP_ARGS(rq),
	TP_STRUCT__entry(
		__field(int, ctrl)
		__field(u16, qid)
		__field(u16, cid)
		__field(u16, status)
		__field(u8, retries)
		__field(u64, result)
	),
	TP_fast_assign(
		__entry->ctrl = weft_req(rq)->ctrl->instance;
		__entry->qid = weft_rq_qid(rq);
		__entry->cid = weft_cid(rq);
		__entry->status = weft_req(rq)->status;
		__entry->retries = weft_req(rq)->retries;
		__entry->result = weft_req(rq)->result;
	),
	TP_printk("nvme%d qid=%u cid=%#x status=%#x retries=%u result=%#llx",
		  __entry->ctrl, __entry->qid, __entry->cid, __entry->status,
		  __entry->retries, __entry->result)
);

TRACE_EVENT(weft_state,
	TP_PROTO(const struct weft_ctrl *ctrl, enum weft_ctrl_state to),
	TP_ARGS(ctrl, to),
	TP_STRUCT__entry(
		__field(int, ctrl)
		__field(int, from)
		__field(int, to)
	),
	TP_fast_assign(
		__entry->ctrl = ctrl->instance;
		__entry->from = ctrl->state;
		__entry->to = to;
	),
	TP_printk("nvme%d %s -> %s", __entry->ctrl,
		  weft_show_state(__entry->from), weft_show_state(__entry->to))
);

TRACE_EVENT(weft_recovery,
	TP_PROTO(const struct weft_ctrl *ctrl, bool begins, const char *text),
	TP_ARGS(ctrl, begins, text),
	TP_STRUCT__entry(
		__field(int, ctrl)
		__field(bool, begins)
		__array(char, text, WEFT_TRACE_TEXT)
	),
	TP_fast_assign(
		__entry->ctrl = ctrl->instance;
		__entry->begins = begins;
		strscpy(__entry->text, text, WEFT_TRACE_TEXT);
	),
	TP_printk("nvme%d %s: %s", __entry->ctrl,
		  __entry->begins ? "begins" : "no recovery in this state",
		  __entry->text)
);

TRACE_EVENT(weft_aer,
	TP_PROTO(const struct weft_ctrl *ctrl, u16 status, u32 result),
	TP_ARGS(ctrl, status, result),
	TP_STRUCT__entry(
		__field(int, ctrl)
		__field(u16, status)
		__field(u32, result)
	),
	TP_fast_assign(
		__entry->ctrl = ctrl->instance;
		__entry->status = status;
		__entry->result = result;
	),
	TP_printk("nvme%d status=%#x result=%#x", __entry->ctrl,
		  __entry->status, __entry->result)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH host/core
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
