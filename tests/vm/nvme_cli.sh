# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# What an unmodified nvme-cli is asked to do, whichever host it runs on, for scenarios that
# source it after lib.sh.

# has WORDS COMMAND...: the output has a line that matches
has() {
	local want=$1 out
	shift
	out=$("$@" 2>&1) || fail "$* failed: $out"
	grep -Eq -- "$want" <<< "$out" || fail "$*: no '$want' in: $out"
}

# fails_with WORDS COMMAND...: nvme-cli says why, in these words
fails_with() {
	local words=$1
	shift
	"$@" > /run/said 2>&1 && fail "did not fail: $*"
	grep -qi "$words" /run/said || { cat /run/said; fail "not '$words': $*"; }
}

# pattern BYTE BLOCKS FILE
pattern() { head -c $(($2 * 512)) /dev/zero | tr '\0' "$1" > "$3"; }
blocks_at() { dd if="$1" of=/run/got bs=512 skip="$2" count="$3" iflag=direct status=none; }

# commands DISK: the rarer ones of I/O, on our target
commands() {
	local d=$1
	step "compare, write-zeroes, dsm, verify, copy, write-uncor"
	head -c 4096 /dev/zero > /run/zero
	pattern a 8 /run/a
	dd if=/run/a of="$d" bs=512 seek=64 oflag=direct status=none
	nvme compare "$d" -s 64 -c 7 -z 4096 -d /run/a
	pattern b 8 /run/b
	fails_with "compare" nvme compare "$d" -s 64 -c 7 -z 4096 -d /run/b
	nvme verify "$d" -s 0 -c 255
	nvme copy "$d" --sdlba=128 --slbs=64 --blocks=7
	blocks_at "$d" 128 8
	cmp /run/got /run/a
	fails_with "LBA" nvme copy "$d" --sdlba=$(($(blockdev --getsz "$d") - 1)) --slbs=64 \
		--blocks=7
	nvme write-zeroes "$d" -s 64 -c 3
	nvme write-zeroes "$d" -s 68 -c 3 --deac
	blocks_at "$d" 64 8
	cmp /run/got /run/zero
	nvme dsm "$d" --ad -s 128 -b 8
	blocks_at "$d" 128 8
	cmp /run/got /run/zero
	nvme write-uncor "$d" -s 200 -c 0
	fails_with "." dd if="$d" of=/dev/null bs=512 skip=200 count=1 iflag=direct
	dd if=/run/a of="$d" bs=512 seek=200 count=1 oflag=direct status=none
	blocks_at "$d" 200 1
	nvme flush "$d"
}
