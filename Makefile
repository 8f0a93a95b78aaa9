# SPDX-License-Identifier: GPL-2.0-only
#
# The front door: builds everything, tests everything, installs everything. `make help` lists it.
#
# Owns the compile rules and the output tree. What a directory builds is said in its own module.mk; new .c files
# there need no change here. Everything built or downloaded goes under build/: the source tree stays clean.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

VERSION := 0.1.0

# ---- what can be set on the command line (or, for CONFIG_*, in .config by `make menuconfig`) -------------------

# The compiler (clang works too) and the archiver, unless said; make's own idea of them does not count.
ifneq ($(filter default undefined,$(origin CC)),)
CC := gcc
endif
ifneq ($(filter default undefined,$(origin AR)),)
AR := ar
endif
PKG_CONFIG ?= pkg-config
# Debian's own, which is the one that Debian's packages are for.
PYTHON ?= /usr/bin/python3
CLANG_FORMAT ?= clang-format
# SAN=1: address and undefined behaviour sanitizers. WERROR=0: warnings stay warnings. V=1: show commands.
SAN ?=
WERROR ?= 1
V ?=
# The kernels to build the modules for, and the one that VM scenarios boot.
KVERS ?= 6.1 6.12
KVER ?= $(firstword $(KVERS))
# The guns of VM scenarios and the demo: dummy (in the kernel) or usb (a process that is a USB device).
GUN ?= dummy

# Where things go: GNU's names, and systemd's and udev's own directories, which follow the prefix too.
prefix ?= /usr/local
exec_prefix ?= $(prefix)
bindir ?= $(exec_prefix)/bin
sbindir ?= $(exec_prefix)/sbin
libdir ?= $(exec_prefix)/lib
includedir ?= $(prefix)/include
datarootdir ?= $(prefix)/share
datadir ?= $(datarootdir)
mandir ?= $(datarootdir)/man
docdir ?= $(datarootdir)/doc/meso
systemdsystemunitdir ?= $(prefix)/lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
catalogdir ?= $(prefix)/lib/systemd/catalog
udevdir ?= $(prefix)/lib/udev
bashcompletiondir ?= $(datarootdir)/bash-completion/completions
zshcompletiondir ?= $(datarootdir)/zsh/site-functions
fishcompletiondir ?= $(datarootdir)/fish/vendor_completions.d
kernelsrcdir ?= $(prefix)/src/meso-$(VERSION)
DESTDIR ?=
INSTALL ?= install

-include .config
ifeq ($(wildcard .config),)
CONFIG_MESO ?= m
CONFIG_MESO_USB ?= m
CONFIG_MESO_DUMMY ?= m
endif

# ---- the output tree: build/ for gcc, and one sub-tree for each other variant ----------------------------------

TOP := $(CURDIR)
BUILD := build
CLANG := $(findstring clang,$(CC))
VARIANT := $(if $(CLANG),clang-)$(if $(SAN),asan)
O := $(BUILD)$(if $(VARIANT),/$(VARIANT:%-=%))

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

# ---- how userspace C is compiled ---------------------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wundef -Wvla -Wpointer-arith -Wcast-align -Wwrite-strings $(if $(filter 1,$(WERROR)),-Werror)
INCLUDES := -Ikmod/uapi -Ikmod -Ikmod/model -Ilibinjector
HARDENING := -fstack-protector-strong -fstack-clash-protection -fcf-protection
comma := ,
# gcc warns about variables that only the sanitizers' own code could leave unset.
SANITIZE := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
	$(if $(CLANG),,-Wno-maybe-uninitialized))
OPTIMIZE := $(if $(SAN),-O1 -g,-O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)

ALL_CPPFLAGS = -D_GNU_SOURCE -DMESO_VERSION='"$(VERSION)"' $(INCLUDES) $(CPPFLAGS)
ALL_CFLAGS = -std=gnu17 $(OPTIMIZE) $(WARNINGS) $(HARDENING) $(SANITIZE) $(CFLAGS)
ALL_LDFLAGS = -Wl,-z,relro,-z,now $(SANITIZE) $(LDFLAGS)

# A room sets PIC (position independence) and PKGS (pkg-config names) for its objects and programs: always
# `private`, or what they depend on would be built with them too.
PIC = -fPIE
PKGS =
# and LIBS, for what pkg-config does not know.
LIBS =
# Asked when a recipe runs and not before: on a fresh machine pkg-config comes with `make deps`.
pkg_cflags = $(if $(strip $(PKGS)),$(shell $(PKG_CONFIG) --cflags $(PKGS)))
pkg_libs = $(if $(strip $(PKGS)),$(shell $(PKG_CONFIG) --libs $(PKGS)))

# objects <sources>: the object files of these sources.
objects = $(patsubst %.c,$(O)/obj/%.o,$(1))

define link_program
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -pie $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(pkg_libs) $(LIBS) -pthread
endef

define make_archive
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
endef

# Programs and libraries that `make` builds, their objects, the files that `make install` puts in place
# (source:destination:mode). Filled by the rooms.
TARGETS :=
ALL_SRCS :=
INSTALLED :=
# One file for all three programs, which each of them has under its own name.
completions = daemon/data/completions/meso.bash:$(bashcompletiondir)/$(1):644 \
	daemon/data/completions/meso.fish:$(fishcompletiondir)/$(1).fish:644

.PHONY: all
all: ## Build the library, the daemon, the gun simulator and the command line (default)

# The kernel side's code that does no I/O and knows no kernel (it includes model/meso_port.h alone): the gun's model,
# which meso_dummy.ko, meso-gun and the tests share, and the interlock and the event queue, for the tests.
MODEL_SRCS := $(filter-out %_test.c,$(wildcard kmod/model/*.c kmod/meso_lease*.c kmod/meso_journal.c kmod/meso_events.c))
ALL_SRCS += $(MODEL_SRCS)
$(O)/libmodel.a: $(call objects,$(MODEL_SRCS))
	$(make_archive)

include $(wildcard libinjector/module.mk libinjector/gun/module.mk daemon/mesod/module.mk daemon/mesoctl/module.mk)
include $(wildcard tests/unit/module.mk tests/bench/module.mk tests/vm/module.mk)
include $(wildcard kmod/module.mk)

all: $(TARGETS)

$(O)/obj/%.o: %.c $(O)/.flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(PIC) $(pkg_cflags) -MMD -MP -c -o $@ $<

# Changed flags compile anew; a source that came or went makes the archives anew.
FLAGS_NOW = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS)
update_if_changed = @mkdir -p $(@D); cmp -s $@ - <<<'$(subst ',,$(1))' || cat >$@ <<<'$(subst ',,$(1))'
$(O)/.flags: FORCE
	$(call update_if_changed,$(FLAGS_NOW))
$(O)/.sources: FORCE
	$(call update_if_changed,$(sort $(ALL_SRCS)))
$(PROJECT_LIBS) $(O)/libtesthelpers.a: $(O)/.sources
FORCE:

-include $(patsubst %.o,%.d,$(call objects,$(sort $(ALL_SRCS))))

# ---- checks and tests: each wants the packages first, then runs make again, which now finds them ---------------

SUB = +$(Q)$(MAKE) --no-print-directory

.PHONY: deps
deps: ## Install the Debian packages that building and testing need (names them first)
	$(Q).ci/deps

.PHONY: check
check: deps ## Unit tests, no VM, a few minutes (SAN=1: with the sanitizers)
	$(SUB) check-only

.PHONY: test
test: deps ## Everything: build, unit tests, sanitizers, modules, VM scenarios, demo (half an hour or more on two cores)
	+$(Q)tests/all

.PHONY: test-long
test-long: deps ## The same with the long tier
	+$(Q)tests/all --long

.PHONY: test-kernel
test-kernel: deps ## The driver on a kernel built with KASAN, lockdep and fault injection, planted bugs, the driver in a kernel tree
	+$(Q)tests/all --kernel

.PHONY: test-install
test-install: deps ## The packages on a Debian 12 made for it, which boots in the VM (by sudo; downloads it; minutes)
	$(Q)tests/clean-root

.PHONY: demo
demo: deps ## Watch one treatment, in a VM with the real kernel module (GUN=usb: a gun on USB; SIM=1: simulator only, seconds)
	$(SUB) all $(if $(SIM),,modules KVERS=$(KVER))
	$(Q)SIM=$(SIM) GUN=$(GUN) KVER=$(KVER) tests/demo

.PHONY: bench
bench: deps ## Measure, ours beside a peer: one line per figure
	$(SUB) all bench-programs
	$(SUB) modules bench-module KVERS=$(KVER)
	$(Q)KVER=$(KVER) tests/bench/run

.PHONY: vm-test
vm-test: deps ## Only the VM scenarios (KVER=6.12: on the newer kernel; GUN=usb: with guns on USB)
	$(SUB) all vm-programs
	$(SUB) modules KVERS=$(KVER)
ifneq ($(GUN),usb)
	$(Q)tests/packages
endif
	$(Q)GUN=$(GUN) KVER=$(KVER) tests/vm/all

.PHONY: lint
lint: deps ## Format, static analysis, kernel style, shell scripts: all silent or it fails
	$(Q).ci/lint

.PHONY: format
format: ## Lay out userspace C as make lint wants it (FILES='...': only those)
	$(Q)$(CLANG_FORMAT) -i $(or $(FILES),$(filter-out kmod/%,$(sort $(ALL_SRCS)) \
		$(wildcard libinjector/*.h libinjector/*/*.h daemon/*/*.h tests/*/*.h)))

# ---- kernel modules: built out of tree, in build/, against downloaded headers ----------------------------------

.PHONY: modules
modules: $(KVERS:%=modules-%) ## Build the kernel modules for Debian's kernels 6.1 and 6.12 (KVERS=6.1: one)

# Kernel headers are fetched once; the sources are linked into build/kmod-<version>/, where Kbuild may litter.
.PHONY: $(KVERS:%=modules-%) modules-debug
$(KVERS:%=modules-%) modules-debug: modules-%:
	+$(Q)tests/vm/build-modules $* $(kconfig_args)

# What .config says, as Kbuild and the C code want to hear it.
kconfig_vars := $(sort $(filter CONFIG_MESO%,$(.VARIABLES)))
kconfig_defines := $(foreach v,$(kconfig_vars),$(if $(filter y,$($(v))),-D$(v)=1,$(if $(filter m,$($(v))),-D$(v)_MODULE=1)))
kconfig_args = $(foreach v,$(kconfig_vars),$(v)=$($(v))) 'KCFLAGS=$(strip $(kconfig_defines) \
	$(if $(filter 1,$(WERROR)),-Werror) $(KCFLAGS))'

.PHONY: menuconfig
menuconfig: ## Choose modules and debug options (writes .config; without it there are sane defaults)
	$(Q)$(PYTHON) -c 'import kconfiglib' 2>/dev/null || .ci/deps python3-kconfiglib
	$(Q)$(PYTHON) -m menuconfig Kconfig

# ---- install ---------------------------------------------------------------------------------------------------

# files_to <directory> <mode> <files>
files_to = $(foreach f,$(3),$(f):$(1)/$(notdir $(f)):$(2))
INSTALLED += $(call files_to,$(systemdsystemunitdir),644,$(wildcard daemon/data/*.service))
INSTALLED += $(call files_to,$(datadir)/dbus-1/system.d,644,$(wildcard daemon/data/*.conf))
INSTALLED += $(call files_to,$(datadir)/dbus-1/interfaces,644,$(wildcard docs/dbus/*.xml))
INSTALLED += $(call files_to,$(datadir)/polkit-1/actions,644,$(wildcard daemon/data/*.policy))
INSTALLED += $(call files_to,$(udevdir)/rules.d,644,$(wildcard udev-rules/*.rules))
INSTALLED += $(call files_to,$(udevdir)/hwdb.d,644,$(wildcard udev-rules/*.hwdb))
INSTALLED += $(foreach n,1 3 4 5 8,$(call files_to,$(mandir)/man$(n),644,$(wildcard docs/*.$(n))))
INSTALLED += $(call files_to,$(docdir),644,README.md $(wildcard docs/*.md))
INSTALLED += $(call files_to,$(docdir)/examples,644,$(wildcard docs/examples/*))
INSTALLED += daemon/data/completions/_meso:$(zshcompletiondir)/_meso:644
field = $(word $(2),$(subst :, ,$(1)))

.PHONY: install
install: all ## Install programs, library, headers, unit, rules, driver sources (DESTDIR, prefix and GNU's other directories)
	$(Q)$(foreach i,$(INSTALLED),$(INSTALL) -D -m $(call field,$(i),3) $(call field,$(i),1) \
		'$(DESTDIR)$(call field,$(i),2)' &&) true
	$(Q)ln -sf libinjector.so.0 '$(DESTDIR)$(libdir)/libinjector.so'
	@echo "Installed under $(DESTDIR)$(prefix)."
	@echo "The kernel modules come by DKMS (dkms install meso/$(VERSION)) or by 'make modules'."

# Directories that were made for meso alone go too; what somebody put there stays, and its directory with it.
.PHONY: uninstall
uninstall: ## Remove what install put there
	$(Q)rm -f $(foreach i,$(INSTALLED),'$(DESTDIR)$(call field,$(i),2)') '$(DESTDIR)$(libdir)/libinjector.so'
	$(Q)rmdir --ignore-fail-on-non-empty $(foreach d,$(datadir)/meso $(docdir)/examples $(docdir) \
		$(kernelsrcdir)/uapi/linux $(kernelsrcdir)/uapi $(kernelsrcdir)/model $(kernelsrcdir),'$(DESTDIR)$(d)') 2>/dev/null || true

# Debian's packages, built from a copy of this tree, and what lintian says of them. The unit tests are `make check`'s.
DEB := $(BUILD)/deb
.PHONY: deb
deb: deps ## Build Debian's packages into build/deb/ and check them with lintian
	$(Q)rm -rf $(DEB) && mkdir -p $(DEB)/meso-$(VERSION)
	$(Q)tar --exclude=./build --exclude=./.git --exclude='./.config*' -cf - . | tar -xf - -C $(DEB)/meso-$(VERSION)
	$(Q)cd $(DEB)/meso-$(VERSION) && unset MAKEFLAGS MFLAGS MAKELEVEL && export DEB_BUILD_OPTIONS="parallel=$$(nproc) nocheck" && \
		dpkg-buildpackage -us -uc >../build.log 2>&1 || { tail -n 40 ../build.log && exit 1; }
	$(Q)cd $(DEB) && lintian --allow-root --tag-display-limit 0 --info --display-info --pedantic \
		--fail-on error,warning,info,pedantic ./*.changes
	@ls -1 $(DEB)/*.deb

# ---- housekeeping ----------------------------------------------------------------------------------------------

.PHONY: clean
clean: ## Remove what was built (downloaded kernels stay)
	$(Q)if [ -d $(BUILD) ]; then find $(BUILD) -mindepth 1 -maxdepth 1 ! -name vm -exec rm -rf {} +; fi

.PHONY: distclean
distclean: ## Remove everything that is not source
	$(Q)rm -rf $(BUILD) .config .config.old

.PHONY: help
help: ## This list
	@echo "make [target] [CC=clang] [SAN=1] [V=1] [WERROR=0] [KVERS='6.1 6.12']"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
