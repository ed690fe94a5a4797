# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Data path over TCP against the in-tree target, or with TARGET=weft ours: verified I/O with
# every combination of digests, with small and large in-capsule data and with R2Ts, several
# of a command, too, on one queue, several and polled ones; the counters add up afterwards.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 480
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

setup_net
: "${TARGET:=nvmet}"

# target_up IN-CAPSULE-BYTES, target_down
target_up() {
	if [ "$TARGET" = weft ]; then
		start_target
		rpc nvmf_create_transport "{\"trtype\":\"TCP\",\"in_capsule_data_size\":$1,
			\"max_io_size\":1048576}"
		target_with_disk "$WEFT_NQN" bdev_malloc_create \
			'{"name":"disk1","num_blocks":262144,"block_size":512}'
	else
		NVMET_INLINE=$1 nvmet_setup "$WEFT_NQN" null 128
	fi
}
target_down() {
	if [ "$TARGET" = weft ]; then
		stop_target
	else
		nvmet_teardown
	fi
}

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
	step "in-capsule $inline: $1"
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
for inline in 4096 16384; do
	target_up $inline
	[ -d /sys/module/weft ] || load_host_beside_nvmet
	for digests in "" ,hdr_digest ,data_digest ,hdr_digest,data_digest; do
		with "nr_io_queues=1$digests"
		with "nr_io_queues=1,nr_write_queues=2,nr_poll_queues=2$digests" polled
	done
	target_down
done

target_up 16384
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

# large_writes MAX_R2T: sets writes and r2ts, how many there were
large_writes() {
	n=r2t$1
	echo "$1" > /sys/module/weft_tcp/parameters/max_r2t
	i=$(connect_weft "$(connect_string),nr_io_queues=1")
	disk=/dev/nvme${i}n1
	verify --name=large --ioengine=libaio --rw=write --bs=1M --iodepth=4 --size=32M
	writes=$(cat "/sys/class/$WEFT_CLASS/nvme$i/statistics/writes")
	r2ts=$(sum r2ts)
	disconnect_weft "$i"
	echo "max_r2t=$1: $r2ts R2Ts of $writes writes"
}

step "R2Ts of a write, one after the other and several at a time"
large_writes 1
[ "$r2ts" -ge "$writes" ] || fail "writes without R2T"
large_writes 4
# the in-tree target asks for all data at once
[ "$TARGET" != weft ] || [ "$r2ts" -ge $((2 * writes)) ] || fail "one R2T was enough"
unload_weft
check_clean
target_down
teardown_net
