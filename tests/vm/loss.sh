# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# Bad networks of TCP, sourced after lib.sh by scenarios that give functions for a host:
#
#   loss_connect [DIGEST...]    hdr_digest, data_digest; sets disk
#   loss_disconnect

need_modules sch_netem

# verify NAME SIZE
verify() {
	fio --name="$1" --filename="$disk" --direct=1 --allow_file_create=0 \
		--ioengine=libaio --rw=randrw --bsrange=512-128k --blockalign=512 --iodepth=16 \
		--numjobs=2 --size="$2" --offset_increment=50M --verify=crc32c --do_verify=1 \
		--verify_fatal=1 --group_reporting --minimal > "$VM_OUT/fio-$1.txt"
}

# bad NAME DIGESTS NETEM...
bad() {
	local name=$1 digests=$2
	shift 2
	step "$name: $*"
	tc qdisc add dev lo root netem "$@"
	# shellcheck disable=SC2086
	loss_connect $digests
	verify "$name" 3M
	loss_disconnect
	tc -s qdisc show dev lo | grep -m1 Sent
	tc qdisc delete dev lo root
}

bad_networks() {
	bad loss "" loss 2%
	bad reorder hdr_digest delay 2ms reorder 25% 50%
	bad double data_digest duplicate 10%
	bad all "hdr_digest data_digest" delay 1ms loss 1% reorder 10% 50% duplicate 2% corrupt 1%
}
