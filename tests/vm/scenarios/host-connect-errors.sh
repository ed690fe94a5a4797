# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Connect strings that must be refused, through the device: the errno of the write, one
# line with the reason in the file and in the kernel log, nothing left behind; and the
# rules of a file of the control device.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.1
# debug: yes
# timeout: 240
. "$WEFT_TOP/tests/vm/lib.sh"

step "options are offered whichever transports are loaded"
insert_module "$WEFT_MODULES/weft.ko"
for o in trsvcid=%s host_traddr=%s host_iface=%s ctrl_loss_tmo=%d nr_poll_queues=%d hdr_digest \
	data_digest; do
	[[ ,$(head -1 "$WEFT_FABRICS"), == *,$o,* ]] || fail "$o is not offered"
done
insert_module "$WEFT_MODULES/weft-$TRANSPORT.ko"

cat > /run/refused.py <<'PY'
import errno, os, sys

DEV = sys.argv[1]
OK = "transport=rdma,traddr=10.9.0.1,nqn=nqn.2026-11.io.weft:disk1"

def attempt(text):
    fd = os.open(DEV, os.O_RDWR)
    try:
        os.write(fd, text)
        err = 0
    except OSError as e:
        err = e.errno
    line = os.read(fd, 4096).decode()
    again = os.read(fd, 4096)
    os.close(fd)
    return err, line, again

cases = [
    # empty and broken
    ("", "EINVAL", "transport"),
    (",", "EINVAL", "transport"),
    ("\n\n,\n", "EINVAL", "transport"),
    ("nonsense", "EINVAL", "nonsense"),
    ("transport", "EINVAL", "transport"),
    ("=", "EINVAL", ""),
    ("=rdma", "EINVAL", ""),
    ("transport=", "EINVAL", "transport"),
    ("transport=rdma", "EINVAL", "nqn"),
    ("transport=rdma,nqn=nqn.2026-11.io.weft:a", "EINVAL", "traddr"),
    ("nqn=nqn.2026-11.io.weft:a,traddr=10.0.0.1", "EINVAL", "transport"),
    ("transport=nosuch,traddr=10.9.0.1,nqn=nqn.2026-11.io.weft:a", "EINVAL", "nosuch"),
    ("transport=" + "x" * 300, "EINVAL", "transport"),
    # unknown keys, wrong case, doubled keys
    (OK + ",frobnicate=1", "EINVAL", "frobnicate"),
    (OK + ",TRADDR=10.9.0.1", "EINVAL", "TRADDR"),
    (OK + ",traddr=10.9.0.1", "EINVAL", "traddr"),
    (OK + ",queue_size=64,queue_size=64", "EINVAL", "queue_size"),
    (OK + ",hostnqn=nqn.2026-11.io.weft:h,hostnqn=nqn.2026-11.io.weft:h", "EADDRINUSE",
     "hostnqn"),
    (OK + ",tls", "EINVAL", "tls"),
    (OK + ",keyring=1", "EINVAL", "keyring"),
    (OK + ",dhchap_secret=DHHC-1:00:abcdefgh:", "EINVAL", "dhchap_secret"),
    # NQNs
    ("transport=rdma,traddr=10.9.0.1,nqn=", "EINVAL", "nqn"),
    ("transport=rdma,traddr=10.9.0.1,nqn=nqn.2026-11.io.weft:" + "a" * 204, "EINVAL", "nqn"),
    ("transport=rdma,traddr=10.9.0.1,nqn=\x1b[2J", "EINVAL", "nqn"),
    ("transport=rdma,traddr=10.9.0.1,nqn=nqn.2026-11.io.weft:a b", "EINVAL", "nqn"),
    (OK + ",hostnqn=host", "EINVAL", "hostnqn"),
    (OK + ",hostnqn=", "EINVAL", "hostnqn"),
    (OK + ",hostid=1234", "EINVAL", "hostid"),
    (OK + ",hostid=zzzzzzzz-0000-0000-0000-000000000000", "EINVAL", "hostid"),
    # addresses
    ("transport=rdma,traddr=,nqn=nqn.2026-11.io.weft:a", "EINVAL", "traddr"),
    ("transport=rdma,traddr=10.9.0,nqn=nqn.2026-11.io.weft:a", "EINVAL", "traddr=10.9.0"),
    ("transport=rdma,traddr=10.9.0.256,nqn=nqn.2026-11.io.weft:a", "EINVAL", "traddr"),
    ("transport=rdma,traddr=host.example,nqn=nqn.2026-11.io.weft:a", "EINVAL", "traddr"),
    ("transport=rdma,traddr=fe80::zz,nqn=nqn.2026-11.io.weft:a", "EINVAL", "traddr"),
    ("transport=rdma,traddr=" + "1" * 200 + ",nqn=nqn.2026-11.io.weft:a", "EINVAL", "traddr"),
    (OK + ",host_traddr=nowhere", "EINVAL", "host_traddr"),
    (OK + ",host_iface=eth0", "EINVAL", "host_iface"),
    (OK + ",trsvcid=0", "EINVAL", "trsvcid"),
    (OK + ",trsvcid=65536", "EINVAL", "trsvcid"),
    (OK + ",trsvcid=-1", "EINVAL", "trsvcid"),
    (OK + ",trsvcid=http", "EINVAL", "trsvcid"),
    # numbers at and past their edges
    (OK + ",queue_size=7", "EINVAL", "queue_size=7: "),
    (OK + ",queue_size=15", "EINVAL", "16"),
    (OK + ",queue_size=1025", "EINVAL", "1024"),
    (OK + ",queue_size=", "EINVAL", "queue_size"),
    (OK + ",queue_size", "EINVAL", "queue_size"),
    (OK + ",queue_size=12x", "EINVAL", "queue_size=12x"),
    (OK + ",queue_size=99999999999999999999", "EINVAL", "queue_size"),
    (OK + ",nr_io_queues=0", "EINVAL", "nr_io_queues"),
    (OK + ",nr_io_queues=-1", "EINVAL", "nr_io_queues"),
    (OK + ",nr_write_queues=0", "EINVAL", "nr_write_queues"),
    (OK + ",nr_poll_queues=0", "EINVAL", "nr_poll_queues"),
    (OK + ",keep_alive_tmo=-1", "EINVAL", "keep_alive_tmo"),
    (OK + ",keep_alive_tmo=five", "EINVAL", "keep_alive_tmo"),
    (OK + ",reconnect_delay=0", "EINVAL", "reconnect_delay"),
    (OK + ",reconnect_delay=-5", "EINVAL", "reconnect_delay"),
    (OK + ",ctrl_loss_tmo=soon", "EINVAL", "ctrl_loss_tmo"),
    (OK + ",ctrl_loss_tmo=2147483648", "EINVAL", "ctrl_loss_tmo"),
    (OK + ",fast_io_fail_tmo=x", "EINVAL", "fast_io_fail_tmo"),
    (OK + ",tos=-1", "EINVAL", "tos"),
    (OK + ",tos=red", "EINVAL", "tos"),
    # flags with values, values with rubbish
    (OK + ",duplicate_connect=1", "EINVAL", "duplicate_connect"),
    (OK + ",discovery=yes", "EINVAL", "discovery"),
    (OK + ",disable_sqflow=0", "EINVAL", "disable_sqflow"),
    (OK + ",hdr_digest", "EINVAL", "hdr_digest"),
    (OK + ",data_digest", "EINVAL", "data_digest"),
    (OK + ",\x01\x02\x1b[31m=1", "EINVAL", ""),
    (b"transport=rdma\0,traddr=1", "EINVAL", ""),
    (b"\xff\xfe\xfd" * 30, "EINVAL", ""),
    # longer than a page
    ("transport=rdma," * 300, "ENOMEM", None),
]

bad = 0
for text, want, word in cases:
    raw = text if isinstance(text, bytes) else text.encode()
    err, line, again = attempt(raw)
    name = errno.errorcode.get(err, str(err))
    problems = []
    if name != want:
        problems.append(f"errno {name}, not {want}")
    if word is not None:
        if not line.startswith(f"error=-{err},reason="):
            problems.append("no reason line")
        if word not in line:
            problems.append(f"{word!r} is not named")
        if line.count("\n") != 1 or not line.endswith("\n") or not line.isascii():
            problems.append("not one clean line")
        if again:
            problems.append("there is more to read")
    print(f"{raw[-60:]!r}: {line.rstrip()}")
    if problems:
        bad += 1
        print("   WRONG:", "; ".join(problems))
print(f"{len(cases)} strings, {bad} wrong")
sys.exit(bad != 0)
PY
step "strings that are refused"
python3 /run/refused.py "$WEFT_FABRICS"

step "the reason is in the kernel log, too"
dmesg | contains 'weft: connect refused: .*error' || fail "nothing in the log"

step "rules of the file"
exec 5<> "$WEFT_FABRICS"
head -1 <&5 | contains '^instance=-1,cntlid=-1,.*traddr=%s' || fail "no list of options"
exec 5>&-
opts=$(cat "$WEFT_FABRICS")
for o in dhchap tls keyring; do
	[[ $opts != *$o* ]] || fail "$o is offered, but no transport takes it"
done
# after a refusal the same file takes another try
exec 5<> "$WEFT_FABRICS"
refute bash -c 'printf queue_size=7 >&5' 2> /dev/null
head -1 <&5 | contains 'reason=queue_size=7' || fail "no reason"
refute bash -c 'printf queue_size=8 >&5' 2> /dev/null
head -1 <&5 | contains 'reason=queue_size=8' || fail "the first reason is still there"
exec 5>&-

[ -z "$(ls -A /sys/class/nvme)" ] || fail "a controller is left: $(ls /sys/class/nvme)"
unload_weft
check_clean
