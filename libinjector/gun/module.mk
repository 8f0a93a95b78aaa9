# SPDX-License-Identifier: GPL-2.0-only
# meso-gun: the gun's model as a process. Tests link its parts through libgun.a.

GUN_SRCS := $(wildcard libinjector/gun/*.c)
GUN_MAIN := $(call objects,$(filter %/main.c,$(GUN_SRCS)))
ALL_SRCS += $(GUN_SRCS)

$(O)/libgun.a: $(call objects,$(filter-out %/main.c,$(GUN_SRCS)))
	$(make_archive)

$(O)/meso-gun: private LIBS := -lusbgx -laio
$(O)/meso-gun: $(GUN_MAIN) $(O)/libgun.a $(O)/libmodel.a
	$(link_program)

ifneq ($(GUN_MAIN),)
TARGETS += $(O)/meso-gun
INSTALLED += $(O)/meso-gun:$(bindir)/meso-gun:755
INSTALLED += $(call completions,meso-gun)
endif
