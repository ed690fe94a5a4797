# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Which names the host takes: the standard ones alone, its own beside the in-tree
# nvme-core and nvme-fabrics, the user's for the control device; and that loading and
# unloading leave nothing.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.12
# debug: yes
# timeout: 240
. "$WEFT_TOP/tests/vm/lib.sh"

is_dir() { [ -d "/sys/class/$1" ] || fail "no class $1"; }

step "alone"
for n in 1 2 3; do
	load_weft
	is_dir nvme
	is_dir nvme-subsystem
	is_dir nvme-fabrics
	unload_weft
	check_clean
done

step "control_device="
WEFT_FABRICS=/dev/fabric load_weft control_device=fabric
[ ! -e /dev/nvme-fabrics ] || fail "/dev/nvme-fabrics is there, too"
unload_weft
check_clean

step "a user of the control device holds the modules"
load_weft
exec 5<> /dev/nvme-fabrics
rmmod weft_rdma
refute rmmod weft 2> /dev/null
exec 5>&-
rmmod weft
check_clean

step "beside the in-tree nvme-core"
need_modules nvme-core
load_weft
is_dir weft
is_dir weft-subsystem
[ -e /dev/nvme-fabrics ] || fail "the control device's name is free, but not taken"
unload_weft
check_clean

step "beside the in-tree nvme-fabrics"
need_modules nvme-fabrics
WEFT_FABRICS=/dev/weft-fabrics load_weft
[ -e /dev/nvme-fabrics ] || fail "the in-tree control device is gone"
unload_weft
check_clean
grep -q . /dev/nvme-fabrics || fail "the in-tree control device does not answer"

step "the in-tree host still loads after us"
rmmod nvme-fabrics nvme-core
load_weft
unload_weft
modprobe nvme-fabrics
[ -d /sys/class/nvme ]
