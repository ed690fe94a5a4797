# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# TCP targets that break the protocol, while a connection is made and in the middle of I/O:
# the reason line names what is wrong, the target is told, nothing hangs, nothing is left.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.12
# debug: yes
# timeout: 480
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/tcp_evil.sh"

setup_net
load_weft admin_timeout=5

evil_start

# wrong WORDS...: noted, so that one boot tells all
WRONG=0
wrong() {
	echo "WRONG: $*"
	WRONG=$((WRONG + 1))
}

# told MODE FES: the target has got a termination request with that status; - for none
told() {
	local n
	for ((n = 0; n < 50; n++)); do
		! grep -q "^$1 term" "$log" || break
		[ "$2" != - ] || break
		sleep 0.2
	done
	case $2 in
	-) ! grep -q "^$1 term" "$log" || wrong "$1: a termination request" ;;
	*) grep -q "^$1 term $2 " "$log" || wrong "$1: no termination request $2:" \
		"$(grep "^$1 term" "$log")" ;;
	esac
}

# against MODE FES WORDS [OPTIONS]: the connect fails
against() {
	local why
	why=$(connect_weft "$(to "$1")${4:-}" 2>&1) && fail "$1: connected"
	echo "$1: ${why#*: }"
	grep -Eq "$3" <<< "$why" || wrong "$1: '$3' is not in: $why"
	told "$1" "$2"
}

# disturb MODE FES WORDS read|write: I/O fails the connection, not the kernel
disturb() {
	local i io ctrl
	i=$(connect_weft "$(to "$1"),nr_io_queues=1,reconnect_delay=1")
	ctrl=/sys/class/$WEFT_CLASS/nvme$i
	case $4 in
	read) dd if="/dev/nvme${i}n1" of=/dev/null iflag=direct bs=64k skip=9 count=1 ;;
	write) dd if=/dev/zero of="/dev/nvme${i}n1" oflag=direct bs=64k seek=9 count=1 ;;
	esac > /dev/null 2>&1 &
	io=$!
	wait_for grep -Eq "$3" "$ctrl/last_error"
	echo "$1: $(cat "$ctrl/last_error")"
	told "$1" "$2"
	disconnect_weft "$i"
	wait_for -t 60 test ! -e "/proc/$io"
	wait $io && [ "${5:-}" != ends ] && wrong "$1: dd succeeded"
	return 0
}

step "a good one, so that the rest proves something"
i=$(connect_weft "$(to good),nr_io_queues=1")
dd if=/dev/urandom of=/run/random bs=64k count=4 2> /dev/null
dd if=/run/random of="/dev/nvme${i}n1" oflag=direct bs=64k seek=8 2> /dev/null
dd if="/dev/nvme${i}n1" iflag=direct bs=64k skip=8 count=4 2> /dev/null | cmp - /run/random
disconnect_weft "$i"
told good -

step "while the connection is made"
if connect_weft "$(connect_string)" 2> /run/why; then fail "connected to nobody"; fi
grep -q "nothing listens" /run/why
against ic-pfv 6 'pfv=1'
against ic-cpda 1 'cpda=32'
against ic-digests 1 'dgst=03h: 00h was asked for'
against ic-maxh2c 1 'maxh2cdata=2048'
against ic-type 2 'CapsuleResp before ICResp'
against ic-hlen 1 'hlen=120'
against ic-plen 1 'plen='
against ic-term - 'refuses the ICReq: invalid PDU header field \(status 1, at 8\)'
against ic-close - 'closed the connection'
against ic-half - 'closed the connection'
against ic-mute - 'no ICResp within'
against good - 'does not offer hdr_digest' ,hdr_digest
against good - 'does not offer data_digest' ,data_digest

step "instead of the answer to Connect"
for mode in rsp-cid rsp-aer rsp-hlen rsp-plen rsp-flags rsp-digest type-h2c data-for-write \
	r2t-for-capsule; do
	against $mode 1 'connection broke|protocol error'
done
for mode in type type-icresp zeros noise; do
	against $mode '[126]' 'connection broke|protocol error'
done
against rsp-twice 1 'connection broke|protocol error'
against term - 'connection broke'
against half-close - 'connection broke'
against cmd-mute - 'no answer within 5 s'

step "instead of the data of Identify"
for mode in id-former id-beyond id-offset id-wrap id-again id-after-last id-success-early \
	id-success-no-last id-short id-none id-huge id-datal id-r2t; do
	against $mode '[1245]' 'Identify: the connection broke'
done

step "in the middle of reads"
disturb rd-other 1 'data for no command' read
disturb rd-generation 1 'data for no command' read
disturb rd-short 2 'success after 512 of 65536 bytes' read
disturb rd-twice 1 'response for no command' read ends
disturb rd-late 1 'data for no command' read ends
disturb rd-r2t 1 'R2T for no command' read
disturb rd-cut - 'closed the connection|connection broke' read

step "in the middle of writes"
disturb wr-beyond '[45]' 'R2T' write
disturb wr-wrap '[1245]' 'R2T' write
disturb wr-offset '[1245]' 'R2T' write
disturb wr-empty 1 'r2tl=0' write
disturb wr-again '[1245]' 'R2T' write
disturb wr-many 5 'R2T' write
disturb wr-other 1 'R2T for no command' write
disturb wr-early 2 'success after 4096 of 65536 bytes' write
disturb wr-data 1 'data for no command' write
disturb wr-after 1 'R2T for no command' write

[ $WRONG = 0 ] || fail "$WRONG answers were wrong"
kill $evil
unload_weft
check_clean
teardown_net
