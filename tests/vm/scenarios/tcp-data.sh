# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Data path over TCP against the in-tree target: verified I/O with every combination of
# digests, with small and large in-capsule data and with R2Ts, on one queue, several and
# polled ones; the counters add up afterwards.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 480
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

setup_net

verify() {
	fio --filename="$disk" --direct=1 --allow_file_create=0 --verify=crc32c --do_verify=1 \
		--verify_fatal=1 --group_reporting --minimal "$@" > "$VM_OUT/fio-$n.txt" ||
		fail "fio: $(tail -n 5 "$VM_OUT/fio-$n.txt")"
}

# sum NAME: over all I/O queues
sum() {
	local f v total=0
	for f in /sys/kernel/debug/weft/nvme"$i"/queue[1-9]*; do
		v=$(awk -v n="$1" '$1 == n { print $2 }' "$f")
		total=$((total + v))
	done
	echo $total
}

# with OPTIONS POLLED
with() {
	local polled=()
	n=$((n + 1))
	step "in-capsule $NVMET_INLINE: $1"
	i=$(connect_weft "$(connect_string),queue_size=32,$1")
	disk=/dev/nvme${i}n1
	[ -z "${2:-}" ] || polled=(--name=polled --ioengine=io_uring --hipri --rw=randwrite
		--bsrange=512-64k --blockalign=512 --iodepth=8 --size=2M --offset=48M)
	verify --name=mixed --ioengine=libaio --rw=randwrite --bsrange=512-256k \
		--blockalign=512 --iodepth=16 --size=8M --name=small --ioengine=libaio \
		--rw=randwrite --bs=4k --iodepth=32 --size=2M --offset=32M "${polled[@]}"
	for q in /sys/kernel/debug/weft/nvme"$i"/queue*; do
		show_counters "$i" "${q##*queue}"
	done
	[ "$(sum commands)" = $(($(sum responses) + $(sum success_flags))) ] ||
		fail "commands and responses differ"
	[ "$(sum incapsule_writes)" -gt 0 ] || fail "no in-capsule write"
	[ "$(sum r2ts)" -gt 0 ] || fail "no R2T"
	[ "$(sum bad_data_digests)" = 0 ] || fail "damaged data"
	[ "$(sum tx_copied_bytes)" = 0 ] || fail "data was copied"
	disconnect_weft "$i"
}

n=0
for NVMET_INLINE in 4096 16384; do
	nvmet_setup "$WEFT_NQN" null 128
	[ -d /sys/module/weft ] || load_host_beside_nvmet
	for digests in "" ,hdr_digest ,data_digest ,hdr_digest,data_digest; do
		with "nr_io_queues=1$digests"
		with "nr_io_queues=1,nr_write_queues=2,nr_poll_queues=2$digests" polled
	done
	nvmet_teardown
done

nvmet_setup "$WEFT_NQN" null 128
step "unaligned buffers, buffered I/O"
i=$(connect_weft "$(connect_string),nr_io_queues=2,hdr_digest,data_digest")
disk=/dev/nvme${i}n1
n=vec
verify --name=vec --ioengine=pvsync --iomem_align=512 --rw=randwrite --bs=3584 \
	--blockalign=512 --size=2M
n=buffered
verify --name=buffered --direct=0 --ioengine=psync --rw=randwrite --bs=5k --blockalign=512 \
	--size=4M --fsync=64
grep -q 1 "/sys/block/nvme${i}n1/queue/stable_writes" || fail "pages may change under a digest"
disconnect_weft "$i"
unload_weft
check_clean
nvmet_teardown
teardown_net
