# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# The one entry for everything: `make help` lists the targets.
#
# Userspace objects go to build/<variant>/ (release, clang, asan, coverage, ...),
# modules to build/modules/<kernel release>/; nothing is written beside sources.
# Source lists are found by folder, so a new file needs no change here.

VERSION := 0.1.0

.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:

prefix     ?= /usr/local
bindir     ?= $(prefix)/bin
sbindir    ?= $(prefix)/sbin
datadir    ?= $(prefix)/share
docdir     ?= $(datadir)/doc/weft
compdir    ?= $(datadir)/bash-completion/completions
modulesdir ?= /lib/modules

Q := $(if $(V),,@)
say = @printf '  %-8s %s\n' '$(1)' '$(2)'

# --- variant: which compiler and which instrumentation ------------------------

ifeq ($(origin CC),default)
CC := gcc
endif
AR ?= ar
SANITIZE ?=
COVERAGE ?=

comma := ,
is_clang := $(findstring clang,$(notdir $(firstword $(CC))))
san_name := $(if $(SANITIZE),$(if $(findstring address,$(SANITIZE)),asan,$(if \
	$(findstring thread,$(SANITIZE)),tsan,$(subst $(comma),-,$(SANITIZE)))))
cov_name := $(if $(COVERAGE),coverage)
clang_name := $(if $(is_clang),clang)
empty :=
space := $(empty) $(empty)
VARIANT ?= $(or $(subst $(space),-,$(strip $(clang_name) $(san_name) $(cov_name))),release)
# where everything is built; another folder keeps two builds of one checkout apart
BUILD ?= build
export BUILD
B := $(BUILD)/$(VARIANT)

# --- flags --------------------------------------------------------------------

WARN := -Wall -Wextra -Werror -Wformat=2 -Wshadow -Wmissing-prototypes \
	-Wstrict-prototypes -Wold-style-definition -Wpointer-arith -Wwrite-strings \
	-Wundef -Wvla -Wimplicit-fallthrough

HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE \
	-fno-strict-aliasing -fno-delete-null-pointer-checks -fno-omit-frame-pointer
LDHARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed

ifneq ($(SANITIZE),)
OPT := -O1 -g -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
# gcc says itself that sanitizers make this warning unreliable
OPT += $(if $(is_clang),,-Wno-maybe-uninitialized)
LDOPT := -fsanitize=$(SANITIZE)
else ifneq ($(COVERAGE),)
OPT := -O0 -g --coverage -fprofile-update=atomic
LDOPT := --coverage
else
OPT := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
LDOPT :=
# The daemon is optimized across its files: a tenth fewer instructions for each I/O. Debian's
# clang cannot write objects that hold code as well, which the many programs of tests take.
LTO := $(if $(is_clang),,-flto=auto)
# The assembler finds the folder by itself then
OPT += $(if $(LTO),-flto -ffat-lto-objects -Wa$(comma)--debug-prefix-map=$(CURDIR)=.)
endif

# Builds of two checkouts are the same; gcov finds its files by the folder
REPRO := $(if $(COVERAGE),,-ffile-prefix-map=$(CURDIR)=.)

NL_CFLAGS := -I/usr/include/libnl3
ALL_CFLAGS := -std=gnu11 $(WARN) $(OPT) $(HARDEN) $(REPRO) -D_GNU_SOURCE \
	-DWEFT_VERSION='"$(VERSION)"' -I. $(NL_CFLAGS) $(CFLAGS)
ALL_LDFLAGS := $(LDHARDEN) $(LDOPT) $(LDFLAGS)
LIBS := -ljansson -luring -lck -lisal -lrdmacm -libverbs -lkmod -lnl-route-3 -lnl-3 -lpthread

# --- sources ------------------------------------------------------------------

find_c = $(sort $(shell find $(1) -name '*.c' 2>/dev/null))

COMMON_C := $(wildcard common/*.c)
TARGET_C := $(filter-out target/main.c,$(call find_c,target))
DAEMON_C := $(wildcard target/main.c)
INIT_C   := $(call find_c,tools/initiator)
CLI_C    := $(call find_c,tools/weft)
TESTLIB_C := $(wildcard tests/unit/lib/*.c)
UNIT_C   := $(wildcard tests/unit/*.c)
PROGS_C  := $(wildcard tests/vm/progs/*.c) $(addprefix tests/bench/,sockets.c window.c zerocopy.c)
PLUGIN_C := tests/bench/counter.c
FUZZ_DRIVER := tests/fuzz/driver.c
FUZZ_C   := $(filter-out $(FUZZ_DRIVER),$(wildcard tests/fuzz/*.c))

obj = $(patsubst %.c,$(B)/%.o,$(1))
exe = $(patsubst %.c,$(B)/%,$(1))

LIBCOMMON := $(B)/libweft-common.a
LIBTARGET := $(B)/libweft-target.a
LIBINIT   := $(if $(INIT_C),$(B)/libweft-initiator.a)
LIBCLI    := $(if $(CLI_C),$(B)/libweft-cli.a)
LIBTEST   := $(if $(TESTLIB_C),$(B)/libweft-test.a)
DAEMON := $(if $(DAEMON_C),$(B)/weft-target)
CLI    := $(if $(CLI_C),$(B)/weft)
UNIT   := $(call exe,$(UNIT_C))
PROGS  := $(call exe,$(PROGS_C))
FUZZ   := $(call exe,$(FUZZ_C))
# main() is libFuzzer's where there is one, else our driver's
FUZZ_MAIN := $(if $(findstring fuzzer,$(SANITIZE)),,$(call obj,$(FUZZ_DRIVER)))
ALL_C  := $(COMMON_C) $(TARGET_C) $(DAEMON_C) $(INIT_C) $(CLI_C) $(TESTLIB_C) $(UNIT_C) \
	$(PROGS_C) $(PLUGIN_C) $(FUZZ_C) $(FUZZ_DRIVER)

RUNNING := $(shell uname -r)
KVER ?= $(RUNNING)

.PHONY: all userspace programs tests modules modules-running unit fuzz demo check \
	check-full check-debug bench coverage install uninstall clean help FORCE

all: userspace modules-running

userspace: programs tests
programs: $(DAEMON) $(CLI) $(if $(COMMON_C),$(LIBCOMMON)) $(if $(TARGET_C),$(LIBTARGET))
tests: $(UNIT) $(PROGS)

# Rewritten only when its text changes: everything that depends on it is then rebuilt.
stamp = mkdir -p $(@D) && printf '%s\n' "$$TEXT" | cmp -s - $@ || printf '%s\n' "$$TEXT" > $@

$(B)/.flags: export TEXT = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LIBS)
$(B)/.flags: FORCE | $(BUILD)/.deps
	@$(stamp)

$(B)/.sources: export TEXT = $(ALL_C)
$(B)/.sources: FORCE
	@$(stamp)

# Says which packages are missing before a compiler error does; never installs.
$(BUILD)/.deps: tools/deps
	@mkdir -p $(@D)
	@tools/deps --check build
	@touch $@

$(B)/%.o: %.c $(B)/.flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(if $(LTO),-frandom-seed=$<) -MMD -MP -c -o $@ $<

archive = rm -f $@ && $(AR) rcsD $@ $(filter %.o,$^)

$(LIBCOMMON): $(call obj,$(COMMON_C)) $(B)/.sources
	$(call say,AR,$@)
	$(Q)$(archive)

$(LIBTARGET): $(call obj,$(TARGET_C)) $(B)/.sources
	$(call say,AR,$@)
	$(Q)$(archive)

$(B)/libweft-initiator.a: $(call obj,$(INIT_C)) $(B)/.sources
	$(call say,AR,$@)
	$(Q)$(archive)

$(B)/libweft-cli.a: $(call obj,$(filter-out tools/weft/main.c,$(CLI_C))) $(B)/.sources
	$(call say,AR,$@)
	$(Q)$(archive)

$(B)/libweft-test.a: $(call obj,$(TESTLIB_C)) $(B)/.sources
	$(call say,AR,$@)
	$(Q)$(archive)

# $(1): more arguments, $(2): instead of none for optimization across files
link = $(CC) $(ALL_LDFLAGS) $(or $(2),$(LTO:%=-fno-lto)) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
	$(1) $(LIBS)

# Objects, not the library: transports and RPC methods register by constructors.
$(B)/weft-target: $(call obj,$(DAEMON_C) $(TARGET_C)) $(LIBCOMMON)
	$(call say,LD,$@)
	$(Q)$(call link,,$(LTO:%=% $(REPRO)))

$(B)/weft: $(call obj,$(CLI_C)) $(LIBINIT) $(LIBCOMMON)
	$(call say,LD,$@)
	$(Q)$(call link)

# Calls that a test makes fail
wrap = $(1:%=-Wl,--wrap=%)
# Nothing but its constructor asks for it
$(addprefix $(B)/tests/unit/tcp_,accept blocks limits memory): $(B)/target/transport/tcp/transport.o
$(B)/tests/unit/bdev_file: private WRAP := $(call wrap,file_op_result)
$(B)/tests/unit/metrics: private WRAP := $(call wrap,vsnprintf __vsnprintf_chk)
memory := malloc calloc realloc aligned_alloc posix_memalign
$(B)/tests/unit/nvmf_memory: private WRAP := $(call wrap,$(memory))
$(B)/tests/unit/perf_worker: private WRAP := $(call wrap,epoll_wait)
$(B)/tests/unit/tcp_memory: private WRAP := $(call wrap,$(memory) recvmsg sendmsg)

$(UNIT): %: %.o $(LIBTEST) $(LIBTARGET) $(LIBCLI) $(LIBINIT) $(LIBCOMMON)
	$(call say,LD,$@)
	$(Q)$(call link,$(WRAP) -lcunit)

# It asks epoll as the daemon does
$(B)/tests/bench/sockets: $(LIBTARGET)
$(PROGS): %: %.o $(LIBCOMMON)
	$(call say,LD,$@)
	$(Q)$(call link)

$(FUZZ): %: %.o $(FUZZ_MAIN) $(LIBTARGET) $(LIBINIT) $(LIBCOMMON)
	$(call say,LD,$@)
	$(Q)$(call link,$(if $(FUZZ_MAIN),,-fsanitize=fuzzer))

# Of QEMU, which has the symbols that it wants
$(B)/tests/bench/counter.so: $(PLUGIN_C) tests/bench/mark.h $(B)/.flags
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -fPIC -fvisibility=hidden -shared -o $@ $<

-include $(patsubst %.o,%.d,$(call obj,$(ALL_C)))

# --- kernel modules -----------------------------------------------------------

# KVER: an exact release, 6.1, 6.12 or debug. MODFLAGS: further make arguments
# (C=2 CF=-D__CHECK_ENDIAN__ for sparse).
modules:
	$(Q)tools/vm/modules $(KVER) VERSION=$(VERSION) $(if $(V),V=$(V)) $(MODFLAGS)

modules-running:
	$(Q)if [ -e $(modulesdir)/$(RUNNING)/build ] && [ -d host ]; then \
		$(MAKE) --no-print-directory modules KVER=$(RUNNING); fi

# --- tests --------------------------------------------------------------------

unit: tests
	$(Q)tools/check/unit $(B)

# libFuzzer programs; run one by hand: build/fuzz/tests/fuzz/NAME CORPUS
# Without libFuzzer: make fuzz-programs SANITIZE=address,undefined, then
# build/asan/tests/fuzz/NAME [-runs=N] [-seed=N] [FILE...]
fuzz:
	$(Q)$(MAKE) --no-print-directory CC=clang VARIANT=fuzz \
		SANITIZE=fuzzer-no-link,address,undefined fuzz-programs
.PHONY: fuzz-programs
fuzz-programs: $(FUZZ)

coverage:
	$(Q)tools/check/coverage

check check-full check-debug:
	$(Q)tools/check/run $@

demo:
	$(Q)tools/vm/demo

bench:
	$(Q)tools/deps build vm kernels bench
	$(Q)$(MAKE) --no-print-directory userspace $(B)/tests/bench/counter.so
	$(Q)tests/bench/run

# --- install ------------------------------------------------------------------

COMPLETION := $(wildcard tools/completion/weft.bash)
# in folders as they are here: they have links to each other
DOCS       := $(wildcard README.md Documentation/*.md Documentation/performance/*)
# Modules are installed for every kernel that they were built for and that is installed
# (with DESTDIR for all of them), debug kernel excepted
BUILT_KO    = $(filter-out %-dbg/,$(wildcard $(BUILD)/modules/*/))
# a user's PATH, which su keeps, lacks it
DEPMOD     := PATH="$$PATH:/usr/sbin:/sbin" depmod

install: programs
	$(Q)install -d $(DESTDIR)$(bindir) $(DESTDIR)$(sbindir) $(DESTDIR)$(docdir)
	$(Q)$(if $(CLI),install -m755 $(CLI) $(DESTDIR)$(bindir)/)
	$(Q)$(if $(DAEMON),install -m755 $(DAEMON) $(DESTDIR)$(sbindir)/)
	$(Q)for f in $(DOCS); do \
		install -D -m644 $$f $(DESTDIR)$(docdir)/$$f || exit 1; done
	$(Q)$(if $(COMPLETION),install -d $(DESTDIR)$(compdir) && \
		install -m644 $(COMPLETION) $(DESTDIR)$(compdir)/weft)
	$(Q)for d in $(BUILT_KO); do k=$$(basename $$d); ls $$d*.ko > /dev/null 2>&1 || continue; \
		[ -n "$(DESTDIR)" ] || [ -e $(modulesdir)/$$k/modules.builtin ] || \
			{ echo "  no kernel $$k is installed: its modules are left out"; continue; }; \
		install -D -m644 -t $(DESTDIR)$(modulesdir)/$$k/updates/weft $$d*.ko || exit 1; \
		[ -n "$(DESTDIR)" ] || $(DEPMOD) $$k || exit 1; done

uninstall:
	$(Q)rm -f $(DESTDIR)$(bindir)/weft $(DESTDIR)$(sbindir)/weft-target
	$(Q)rm -f $(DESTDIR)$(compdir)/weft
	$(Q)rm -rf $(DESTDIR)$(docdir)
	$(Q)for d in $(DESTDIR)$(modulesdir)/*/updates/weft; do [ -d "$$d" ] || continue; \
		rm -rf "$$d"; rmdir --ignore-fail-on-non-empty "$${d%/weft}"; k=$${d%/updates/weft}; \
		[ -n "$(DESTDIR)" ] || [ ! -e "$$k/modules.builtin" ] || \
			$(DEPMOD) $${k##*/} || exit 1; done

clean:
	$(Q)rm -rf $(BUILD)

help:
	@echo 'make                 daemon, tools, tests; modules for the running kernel'
	@echo '                     when its headers are installed'
	@echo 'make modules KVER=V  modules for kernel V: exact release, 6.1, 6.12 or debug'
	@echo 'make demo            the whole story in a virtual machine, before your eyes'
	@echo 'make check           style, gcc and clang, unit tests, sanitizers, coverage,'
	@echo '                     modules under sparse, VM scenarios'
	@echo 'make check-full      the same with every scenario on both kernels'
	@echo 'make check-debug     host scenarios on a KASAN + lockdep + kmemleak kernel'
	@echo 'make unit            unit tests only'
	@echo 'make coverage        line coverage of common/ by the unit tests'
	@echo 'make fuzz            libFuzzer programs (clang)'
	@echo 'make bench           performance against the in-tree peer'
	@echo 'make install, uninstall   DESTDIR=, prefix=/usr/local'
	@echo 'make clean'
	@echo
	@echo 'Variables: V=1 (show commands)  CC=clang  SANITIZE=address,undefined'
	@echo '           MODFLAGS="C=2 CF=-D__CHECK_ENDIAN__"  CFLAGS=  LDFLAGS='
