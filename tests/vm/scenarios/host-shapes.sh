# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# What a controller tells of its namespaces and what becomes of it, by a scripted target: block
# sizes and what is written whole, in the queue's limits; Write Zeroes that may deallocate; a
# list of namespaces that is refused; a namespace of another command set. And it is told the time.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 300
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/tcp_evil.sh"

setup_net
load_weft
evil_start atomic-ns atomic-ctrl atomic-odd no-list clock csi

# connect MODE: sets i
connect() { i=$(connect_weft "$(to "$1"),nr_io_queues=1"); }
# limits MODE VALUE...: in the order below
limits() {
	local mode=$1 name value
	shift
	connect "$mode"
	for name in physical_block_size minimum_io_size optimal_io_size chunk_sectors \
			max_hw_sectors_kb; do
		value=$(cat "/sys/block/nvme${i}n1/queue/$name")
		[ "$value" = "$1" ] || fail "$mode: $name is $value, not $1"
		shift
	done
}
# whole BYTES: an atomic write of so many, as the kernel has such
whole() {
	python3 - "/dev/nvme${i}n1" "$1" <<- 'PY'
		import mmap, os, sys
		fd = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
		data = mmap.mmap(-1, int(sys.argv[2]))
		sys.exit(os.pwritev(fd, [data], 0, 0x40) != len(data))
	PY
}
unit_is() {
	local unit
	[[ $VM_RELEASE == 6.1.* ]] && return
	unit=$(cat "/sys/block/nvme${i}n1/queue/atomic_write_unit_max_bytes")
	[ "$unit" = "$1" ] || fail "$unit bytes are written whole, not $1"
	whole "$1" || fail "an atomic write of $1 bytes is refused"
	refute whole $(($1 * 2)) 2> /dev/null
}
# zeroes MODE KIND
zeroes() {
	fallocate -p -o 0 -l 65536 "/dev/nvme${i}n1"
	grep -q "^$1 zeroes $2\$" "$log" || fail "not $2: $(grep zeroes "$log")"
}

step "what the namespace writes whole bounds the physical block"
limits atomic-ns 4096 8192 16384 64 128
unit_is 4096
step "blocks need not read as zeroes: zeroes are written"
zeroes atomic-ns plain
disconnect_weft "$i"

step "it tells nothing: what the controller writes whole"
limits atomic-ctrl 4096 8192 0 0 128
unit_is 4096
zeroes atomic-ctrl deac
disconnect_weft "$i"

step "boundaries that do not begin with block 0: single blocks"
limits atomic-odd 512 4096 8192 0 128
unit_is 512
disconnect_weft "$i"

step "no list of namespaces: each number is asked for"
connect no-list
grep -q '^no-list refused 2$' "$log" || fail "it was not refused"
dd if="/dev/nvme${i}n1" of=/dev/null bs=64k count=1 iflag=direct status=none
disconnect_weft "$i"

step "the time of day"
connect clock
ms=$(awk '$1 == "clock" && $2 == "timestamp" { print $3 }' "$log")
off=$((ms / 1000 - $(date +%s)))
[ "${off#-}" -lt 86400 ] || fail "told '$ms', $off s off"
disconnect_weft "$i"

step "another command set: commands of users only"
connect csi
[ ! -e "/dev/nvme${i}n1" ] || fail "there is a disk"
[ "$(cat "/sys/block/nvme${i}n1/hidden")" = 1 ] || fail "not hidden"
[ "$(cat "/sys/block/nvme${i}n1/csi")" = 2 ] || fail "csi $(cat "/sys/block/nvme${i}n1/csi")"
nvme io-passthru "/dev/ng${i}n1" --opcode=2 --namespace-id=1 --data-len=512 --read -b |
	cmp -n 512 - /dev/zero || fail "a command of a user's fails"
disconnect_weft "$i"

kill $evil
unload_weft
check_clean
teardown_net
