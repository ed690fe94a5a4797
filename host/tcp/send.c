// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending: from the pending list to batches of PDUs, a batch to the socket in
 * one call as far as it takes it.
 *
 * Whoever has something to send leaves the mark TX_WANT and tries tx_lock; the
 * holder looks at the mark again after it has let go, so nothing stays behind
 * and nobody waits. A batch is a list of pieces of memory: headers and digests
 * in pages of the queue's own, data where it lies. What the socket did not
 * take is sent first when it has room again.
 *
 * TCP keeps references to the pages until the target's TCP has acknowledged
 * them, which is not later than the response of an honest target. If a page has
 * a new owner by then, a retransmission carries new bytes at a place of the
 * stream which the receiver has already; only a target that answers before it
 * acknowledges could see them. Stopping a queue throws away what TCP still has.
 *
 * Process context; weft_tcp_push() may sleep for the socket's lock.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>

#include "host/tcp/tcp.h"

enum nvme_tcp_tx_result {
	NVME_TCP_TX_IDLE,	/* nothing is left, or the queue is closed */
	NVME_TCP_TX_BLOCKED,	/* write_space wakes the work */
	NVME_TCP_TX_MORE,	/* something is left: the work goes on */
};

static void nvme_tcp_add_piece(struct weft_tcp_tx *tx, struct page *page,
			       u32 offset, u32 len)
{
	tx->piece[tx->nr++] = (struct bio_vec) {
		.bv_page = page, .bv_offset = offset, .bv_len = len,
	};
}

static struct page *nvme_tcp_new_page(void)
{
	struct page *page = alloc_page(GFP_ATOMIC | __GFP_NOWARN);

	if (!page)	/* this I/O may be what frees memory */
		page = alloc_page(GFP_ATOMIC | __GFP_NOWARN | __GFP_MEMALLOC);
	return page;
}

/*
 * Room for @len bytes of the queue's own: headers, digests, copies. They stand
 * one after the other in a page, which is TCP's when the queue has left it.
 * Return: NULL if there is no memory. Not used up until nvme_tcp_add_own().
 */
static void *nvme_tcp_own_room(struct weft_tcp_queue *q, u32 len)
{
	struct weft_tcp_tx *tx = &q->tx;
	struct page *page;

	if (!tx->page || tx->page_used + len > PAGE_SIZE) {
		page = nvme_tcp_new_page();
		if (!page)
			return NULL;
		if (tx->page)
			put_page(tx->page);
		tx->page = page;
		tx->page_used = 0;
	}
	return page_address(tx->page) + tx->page_used;
}

/* @len bytes of that room are filled: they follow in the batch */
static void nvme_tcp_add_own(struct weft_tcp_queue *q, u32 len)
{
	struct weft_tcp_tx *tx = &q->tx;
	struct bio_vec *last = tx->nr ? &tx->piece[tx->nr - 1] : NULL;

	if (!tx->own_nr || tx->own[tx->own_nr - 1] != tx->page) {
		get_page(tx->page);
		tx->own[tx->own_nr++] = tx->page;
	}
	if (last && last->bv_page == tx->page &&
	    last->bv_offset + last->bv_len == tx->page_used)
		last->bv_len += len;
	else
		nvme_tcp_add_piece(tx, tx->page, tx->page_used, len);
	tx->page_used += len;
}

/* Under cmd_lock: is there a PDU of @cmd that may go now? */
static bool nvme_tcp_is_due(const struct weft_tcp_cmd *cmd)
{
	return !cmd->sent || (cmd->r2t && cmd->give.sent < cmd->give.asked);
}

/*
 * The header of the next PDU into @room. A command with more to send goes to
 * the end of the list, so that a long write lets others pass.
 */
static struct weft_tcp_cmd *nvme_tcp_next_pdu(struct weft_tcp_queue *q,
					      void *room, u32 *data_len)
{
	struct weft_tcp_tx *tx = &q->tx;
	struct nvme_tcp_data *d = room;
	struct weft_tcp_cmd *cmd;

	spin_lock_bh(&q->cmd_lock);
	q->unsent = 0;
	cmd = list_first_entry(&q->pending, struct weft_tcp_cmd, link);
	if (!cmd->sent) {
		memcpy(room, &cmd->pdu, sizeof(cmd->pdu));
		*data_len = cmd->incapsule ? cmd->len : 0;
		cmd->sent = true;
	} else if (nvme_tcp_give_next(&cmd->give, d)) {
		*data_len = le32_to_cpu(d->datal);
	}
	if (nvme_tcp_is_due(cmd))
		list_move_tail(&cmd->link, &q->pending);
	else
		list_move_tail(&cmd->link, &tx->ended);
	spin_unlock_bh(&q->cmd_lock);
	return cmd;
}

/*
 * Starts a PDU. Its header's memory is reserved before the command is taken off
 * the list: nothing can fail once its state has moved on.
 */
static bool nvme_tcp_begin_pdu(struct weft_tcp_queue *q, bool *starved)
{
	struct weft_tcp_tx *tx = &q->tx;
	u32 data_len = 0, len;
	void *room;

	/* a late entry marks TX_WANT; only the holder of tx_lock takes off */
	if (list_empty(&q->pending))
		return false;
	room = nvme_tcp_own_room(q, NVME_TCP_HDR_ROOM);
	if (!room) {
		*starved = true;
		return false;
	}
	tx->cmd = nvme_tcp_next_pdu(q, room, &data_len);
	len = nvme_tcp_tx_finish(&q->layout, room, data_len);
	nvme_tcp_add_own(q, len);
	tx->data_left = data_len;
	tx->ddgst = data_len && q->layout.ddgst;
	tx->crc = NVME_TCP_CRC_INIT;
	q->count[WEFT_TCP_N_TX_PDUS]++;
	return true;
}

static bool nvme_tcp_may_share(const struct bio_vec *bv)
{
	u32 first = bv->bv_offset >> PAGE_SHIFT;
	u32 last = (bv->bv_offset + bv->bv_len - 1) >> PAGE_SHIFT;

	for (; first <= last; first++)
		if (!sendpage_ok(bv->bv_page + first))
			return false;
	return true;
}

/* Digest of @bv, and its copy if @to is not NULL */
static u32 nvme_tcp_walk_piece(u32 crc, const struct bio_vec *bv, bool digest,
			       u8 *to)
{
	u32 done, len;
	u8 *from;

	for (done = 0; done < bv->bv_len; done += len) {
		u32 at = bv->bv_offset + done;

		len = min_t(u32, bv->bv_len - done,
			    PAGE_SIZE - offset_in_page(at));
		from = kmap_local_page(bv->bv_page + (at >> PAGE_SHIFT));
		if (to)
			memcpy(to + done, from + offset_in_page(at), len);
		if (digest)
			crc = nvme_tcp_crc(crc, to ? to + done :
					   from + offset_in_page(at), len);
		kunmap_local(from);
	}
	return crc;
}

/* One piece of the current PDU's data; false: no memory, or no data */
static bool nvme_tcp_add_data(struct weft_tcp_queue *q, bool *starved)
{
	struct weft_tcp_tx *tx = &q->tx;
	struct weft_tcp_cursor at = tx->cmd->cur;
	struct bio_vec bv;
	u8 *copy = NULL;

	if (WARN_ON_ONCE(!weft_tcp_next_piece(&at, tx->data_left, &bv)))
		return false;
	if (unlikely(!nvme_tcp_may_share(&bv))) {
		at = tx->cmd->cur;
		weft_tcp_next_piece(&at, min_t(u32, tx->data_left, PAGE_SIZE),
				    &bv);
		copy = nvme_tcp_own_room(q, bv.bv_len);
		if (!copy) {
			*starved = true;
			return false;
		}
		nvme_tcp_add_own(q, bv.bv_len);
		q->count[WEFT_TCP_N_TX_COPIED] += bv.bv_len;
	} else {
		nvme_tcp_add_piece(tx, bv.bv_page, bv.bv_offset, bv.bv_len);
	}
	if (copy || tx->ddgst)
		tx->crc = nvme_tcp_walk_piece(tx->crc, &bv, tx->ddgst, copy);
	tx->cmd->cur = at;
	tx->data_left -= bv.bv_len;
	return true;
}

/* The rest of the current PDU; false: it does not fit or there is no memory */
static bool nvme_tcp_add_rest(struct weft_tcp_queue *q, bool *starved)
{
	struct weft_tcp_tx *tx = &q->tx;
	__le32 *digest;

	while (tx->data_left)
		if (tx->nr == WEFT_TCP_TX_PIECES ||
		    !nvme_tcp_add_data(q, starved))
			return false;
	if (tx->ddgst) {
		if (tx->nr == WEFT_TCP_TX_PIECES)
			return false;
		digest = nvme_tcp_own_room(q, NVME_TCP_DIGEST_LEN);
		if (!digest) {
			*starved = true;
			return false;
		}
		*digest = nvme_tcp_crc_finish(tx->crc);
		nvme_tcp_add_own(q, NVME_TCP_DIGEST_LEN);
	}
	tx->cmd = NULL;
	return true;
}

/* Makes a batch; false: short of memory */
static bool nvme_tcp_fill(struct weft_tcp_queue *q)
{
	struct weft_tcp_tx *tx = &q->tx;
	bool starved = false;

	while (tx->nr < WEFT_TCP_TX_PIECES) {
		if (!tx->cmd && !nvme_tcp_begin_pdu(q, &starved))
			break;
		if (!nvme_tcp_add_rest(q, &starved))
			break;
	}
	return !starved;
}

static void nvme_tcp_empty_batch(struct weft_tcp_tx *tx)
{
	while (tx->own_nr)
		put_page(tx->own[--tx->own_nr]);
	tx->first = 0;
	tx->nr = 0;
}

/*
 * The batch is TCP's. Commands of which an R2T came meanwhile have more to send;
 * those whose response came meanwhile are over. The current PDU's command is
 * not: its data goes on in the next batch.
 */
static void nvme_tcp_batch_sent(struct weft_tcp_queue *q)
{
	struct weft_tcp_tx *tx = &q->tx;
	struct weft_tcp_cmd *cmd, *next;
	LIST_HEAD(done);

	nvme_tcp_empty_batch(tx);
	spin_lock_bh(&q->cmd_lock);
	list_for_each_entry_safe(cmd, next, &tx->ended, link) {
		if (cmd == tx->cmd)
			continue;
		if (nvme_tcp_is_due(cmd)) {
			list_move_tail(&cmd->link, &q->pending);
			continue;
		}
		list_del(&cmd->link);
		cmd->tx_busy = false;
		weft_tcp_end_if_over(q, cmd, &done);
	}
	spin_unlock_bh(&q->cmd_lock);
	weft_tcp_finish(q, &done);
}

static u32 nvme_tcp_batch_left(const struct weft_tcp_tx *tx)
{
	u32 i, bytes = 0;

	for (i = tx->first; i < tx->nr; i++)
		bytes += tx->piece[i].bv_len;
	return bytes;
}

static void nvme_tcp_consume(struct weft_tcp_tx *tx, u32 bytes)
{
	struct bio_vec *bv;
	u32 n;

	while (bytes) {
		bv = &tx->piece[tx->first];
		n = min(bytes, bv->bv_len);
		bv->bv_offset += n;
		bv->bv_len -= n;
		bytes -= n;
		if (!bv->bv_len)
			tx->first++;
	}
}

/* The batch into the socket: 0 all of it, else what weft_sock_send() returned */
static int nvme_tcp_send_batch(struct weft_tcp_queue *q)
{
	struct weft_tcp_tx *tx = &q->tx;
	bool more = tx->cmd || !list_empty(&q->pending);
	u32 left = nvme_tcp_batch_left(tx);
	int n;

	q->count[WEFT_TCP_N_BATCHES]++;
	while (left) {
		n = weft_sock_send(q->sock, &tx->piece[tx->first],
				   tx->nr - tx->first, left, more);
		q->count[WEFT_TCP_N_SENDS]++;
		if (n <= 0)
			return n ?: -EAGAIN;
		q->count[WEFT_TCP_N_TX_BYTES] += n;
		nvme_tcp_consume(tx, n);
		left -= n;
	}
	nvme_tcp_batch_sent(q);
	return 0;
}

/*
 * The socket took nothing. Until write_space says so, nobody needs to try
 * again; unless it said so before the mark was there.
 */
static bool nvme_tcp_is_full(struct weft_tcp_queue *q)
{
	q->count[WEFT_TCP_N_BLOCKED]++;
	set_bit(WEFT_TCP_TX_FULL, &q->marks);
	smp_mb__after_atomic();
	if (!sk_stream_is_writeable(q->sock->sk))
		return true;
	clear_bit(WEFT_TCP_TX_FULL, &q->marks);
	return false;
}

static enum nvme_tcp_tx_result nvme_tcp_send(struct weft_tcp_queue *q)
{
	struct weft_tcp_tx *tx = &q->tx;
	int batches, err;
	bool fed = true;

	for (batches = 0; batches < WEFT_TCP_TX_BATCHES; batches++) {
		if (!READ_ONCE(q->open))
			return NVME_TCP_TX_IDLE;
		if (test_bit(WEFT_TCP_TX_FULL, &q->marks))
			return NVME_TCP_TX_BLOCKED;
		if (tx->first == tx->nr)
			fed = nvme_tcp_fill(q);
		if (tx->first == tx->nr)
			return fed ? NVME_TCP_TX_IDLE : NVME_TCP_TX_MORE;
		err = nvme_tcp_send_batch(q);
		if (err == -EAGAIN) {
			if (nvme_tcp_is_full(q))
				return NVME_TCP_TX_BLOCKED;
		} else if (err) {
			/* what the target said before comes first */
			WRITE_ONCE(q->open, false);
			q->tx_err = err;
			smp_mb__before_atomic();	/* it, before the mark */
			set_bit(WEFT_TCP_CLOSED, &q->marks);
			weft_tcp_wake(q);
			return NVME_TCP_TX_IDLE;
		}
	}
	return NVME_TCP_TX_MORE;
}

/*
 * weft_tcp_push() - send what is pending, unless somebody is at it
 * Gives way to others after some batches; the work goes on then.
 */
void weft_tcp_push(struct weft_tcp_queue *q)
{
	enum nvme_tcp_tx_result r;

	set_bit(WEFT_TCP_TX_WANT, &q->marks);
	smp_mb__after_atomic();		/* the mark, before looking at tx_lock */
	while (test_bit(WEFT_TCP_TX_WANT, &q->marks) &&
	       mutex_trylock(&q->tx_lock)) {
		clear_bit(WEFT_TCP_TX_WANT, &q->marks);
		smp_mb__after_atomic();	/* before looking at the list */
		r = nvme_tcp_send(q);
		mutex_unlock(&q->tx_lock);
		if (r == NVME_TCP_TX_MORE) {
			set_bit(WEFT_TCP_TX_WANT, &q->marks);
			weft_tcp_wake(q);
			return;
		}
		smp_mb();		/* letting go, before the mark */
	}
}

/*
 * weft_tcp_send_term() - tell the target how it broke the protocol, and close
 * Only between two PDUs, so what of the batch is not sent is tried once more;
 * a target that does not read its socket goes without.
 */
void weft_tcp_send_term(struct weft_tcp_queue *q)
{
	struct weft_tcp_tx *tx = &q->tx;

	mutex_lock(&q->tx_lock);
	if (!READ_ONCE(q->open))
		goto out;
	spin_lock_bh(&q->cmd_lock);
	q->open = false;
	spin_unlock_bh(&q->cmd_lock);
	if (tx->first != tx->nr && nvme_tcp_send_batch(q))
		goto out;
	if (!tx->cmd)
		weft_tcp_sock_term(q);
out:
	mutex_unlock(&q->tx_lock);
}

/*
 * weft_tcp_tx_drop() - forget the batch; the queue is closed
 * When it returns nobody sends or will.
 */
void weft_tcp_tx_drop(struct weft_tcp_queue *q)
{
	mutex_lock(&q->tx_lock);
	nvme_tcp_empty_batch(&q->tx);
	q->tx.cmd = NULL;
	if (q->tx.page)
		put_page(q->tx.page);
	q->tx.page = NULL;
	mutex_unlock(&q->tx_lock);
}
