# SPDX-License-Identifier: GPL-2.0-only
# mesoctl: the command line. Everything but main.c is also in libmesoctl.a, which the unit tests link.

# `formulary check` reads files by what mesod reads them by.
MESOCTL_PKGS := libsystemd jansson libgcrypt libeconf
MESOCTL_SRCS := $(wildcard daemon/mesoctl/*.c)
MESOCTL_MAIN := $(call objects,$(filter %/main.c,$(MESOCTL_SRCS)))
ALL_SRCS += $(MESOCTL_SRCS)

$(O)/obj/daemon/mesoctl/%.o: private PKGS := $(MESOCTL_PKGS)

$(O)/obj/daemon/mesoctl/cmd_formulary.o: private INCLUDES += -Idaemon/mesod

$(O)/libmesoctl.a: $(call objects,$(filter-out %/main.c,$(MESOCTL_SRCS)))
	$(make_archive)

$(O)/mesoctl: private PKGS := $(MESOCTL_PKGS)
$(O)/mesoctl: $(MESOCTL_MAIN) $(O)/libmesoctl.a $(O)/libmesod.a $(O)/libcommon.a $(O)/libinjector.a
	$(link_program)

ifneq ($(MESOCTL_MAIN),)
TARGETS += $(O)/mesoctl
INSTALLED += $(O)/mesoctl:$(bindir)/mesoctl:755
INSTALLED += $(call completions,mesoctl)
endif
