# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Limits of commands that move no data: a target that tells them has every block of a large
# discard cleared and refuses no Write Zeroes, also when it comes back with others; discards
# that wait together are merged as far as those limits let them; a target that does not know
# the page is not asked again.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 400
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/tcp_evil.sh"

MIB=4

# serve DMRSL WZSL
serve() {
	start_target
	SUBSYSTEM=",\"dmrsl\":$1,\"wzsl\":$2"
	target_with_disk > /dev/null
	unset SUBSYSTEM
}

limit() { cat "/sys/block/$disk/queue/$1"; }
limit_is() { [ "$(limit "$1")" = "$2" ]; }
discards() { awk '{ print $12 }' "/sys/block/$disk/stat"; }
fill() { dd if="$full" of="/dev/$disk" bs=1M oflag=direct status=none; }
refused_once() { [ "$(grep -c '^good refused 6$' "$log")" = 1 ]; }
is_zero() { cmp -n $((MIB << 20)) /dev/zero "/dev/$disk"; }
errors() { nvme error-log -e 1 "/dev/nvme$i" | sed -n "s/^error_count[[:space:]]*: *//p"; }

setup_net
load_weft
full=/run/full
head -c ${MIB}M /dev/zero | tr '\0' x > $full
serve 64 2
i=$(connect_weft "$(connect_string),ctrl_loss_tmo=-1,reconnect_delay=1,keep_alive_tmo=2")
disk=$(basename "$(disk_of "/sys/class/$WEFT_CLASS/nvme$i")")
wait_for test -b "/dev/$disk"

step "limits that a target tells"
limit_is discard_max_hw_bytes $((64 * 512)) || fail "$(limit discard_max_hw_bytes)"
limit_is max_discard_segments 255 || fail "$(limit max_discard_segments)"
limit_is write_zeroes_max_bytes $((4 * 4096)) || fail "$(limit write_zeroes_max_bytes)"

step "a discard larger than they are"
fill
before=$(discards)
blkdiscard -o 0 -l ${MIB}m "/dev/$disk"
is_zero || fail "blocks were left"
after=$(discards)
[ $((after - before)) -ge $((MIB * 32)) ] || fail "$((after - before)) discards"

step "and zeroes"
fill
blkdiscard -z -o 0 -l ${MIB}m "/dev/$disk"
is_zero || fail "blocks were left"
[ "$(errors)" = 0 ] || fail "refused: $(nvme error-log -e 1 "/dev/nvme$i")"

step "others after a restart"
kill_target
serve 0 0
wait_for limit_is max_discard_segments 256
limit_is write_zeroes_max_bytes $((65536 * 512)) || fail "$(limit write_zeroes_max_bytes)"
[ "$(limit discard_max_hw_bytes)" -gt $((1 << 30)) ] || fail "$(limit discard_max_hw_bytes)"
fill
blkdiscard -o 0 -l ${MIB}m "/dev/$disk"
is_zero || fail "blocks were left"
disconnect_weft "$i"
stop_target

# sends PORT COMMAND...: for discards of four partitions, two of them side by side
sends() {
	local able_log=$VM_OUT/able.log before p jobs=() sent
	i=$(connect_weft "transport=tcp,traddr=$RXE_ADDR,trsvcid=$1,nqn=$WEFT_NQN,nr_io_queues=1")
	disk=$(basename "$(disk_of "/sys/class/$WEFT_CLASS/nvme$i")")
	before=$(wc -l < "$able_log")
	since() { tail -n +$((before + 1)) "$able_log"; }
	is_held() { since | contains -x held; }
	# not on the processor: all that it has begun is where others find it
	waits() {
		grep -q '^State:.D' "/proc/$1/status" && grep -q submit_bio_wait "/proc/$1/stack"
	}
	for p in 0 256 1024 1536; do
		addpart "/dev/$disk" $((p / 256 + 1)) $p 256
	done
	kill -USR2 $able
	echo 1 > "/sys/class/$WEFT_CLASS/nvme$i/reset_controller" &
	reset=$!
	wait_for is_held
	for p in 1 2 5 7; do
		wait_for test -b "/dev/${disk}p$p"
		taskset -c 0 blkdiscard -f "/dev/${disk}p$p" &
		jobs+=($!)
		wait_for waits $!
	done
	kill -USR2 $able
	for p in $reset "${jobs[@]}"; do
		wait "$p" || fail "a discard has failed: $(since | xargs)"
	done
	sent=$(since | sed -n 's/^\(dsm\|beyond\) //p')
	echo "$1: ${sent//$'\n'/, }"
	[ "$sent" = "$(printf '%s\n' "${@:2}")" ] || fail "not ${*:2}"
	disconnect_weft "$i"
}

step "discards that wait together"
python3 "$WEFT_TOP/tests/vm/tcp_able_target.py" "$RXE_ADDR" 6000 0:0:0 1:0:0 2:0:0 0:0:600 \
	1:200:0 > "$VM_OUT/able.log" 2>&1 &
able=$!
at_exit "kill $able"
wait_for grep -q ready "$VM_OUT/able.log"
sends 6000 "0+256 256+256 1024+256 1536+256"
# a longer range is not a second one
sends 6001 0+512 1024+256 1536+256
sends 6002 "0+256 256+256" "1024+256 1536+256"
sends 6003 "0+256 256+256" "1024+256 1536+256"
sends 6004 0+200 200+56 256+200 456+56 1024+200 1224+56 1536+200 1736+56

step "a target that does not know the page is asked once"
evil_start good
i=$(connect_weft "$(to good)")
refused_once || fail "$(< "$log")"
disk=$(basename "$(disk_of "/sys/class/$WEFT_CLASS/nvme$i")")
limit_is max_discard_segments 256 || fail "$(limit max_discard_segments)"
echo 1 > "/sys/class/$WEFT_CLASS/nvme$i/reset_controller"
refused_once || fail "$(< "$log")"
disconnect_weft "$i"

unload_weft
check_clean
teardown_net
