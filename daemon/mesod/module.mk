# SPDX-License-Identifier: GPL-2.0-only
# mesod: the daemon. Everything but main.c is also in libmesod.a, which the unit tests link.

MESOD_PKGS := libsystemd libudev sqlite3 libgcrypt libeconf libevdev
MESOD_SRCS := $(wildcard daemon/mesod/*.c)
COMMON_SRCS := $(wildcard daemon/common/*.c)
MESOD_MAIN := $(call objects,$(filter %/main.c,$(MESOD_SRCS)))
ALL_SRCS += $(MESOD_SRCS) $(COMMON_SRCS)
INCLUDES += -Idaemon/common

$(O)/obj/daemon/%.o: private PKGS := libsystemd
$(O)/obj/daemon/mesod/%.o: private PKGS := $(MESOD_PKGS)

$(O)/libcommon.a: $(call objects,$(COMMON_SRCS))
	$(make_archive)

$(O)/libmesod.a: $(call objects,$(filter-out %/main.c,$(MESOD_SRCS)))
	$(make_archive)

$(O)/mesod: private PKGS := $(MESOD_PKGS)
$(O)/mesod: $(MESOD_MAIN) $(O)/libmesod.a $(O)/libcommon.a $(O)/libinjector.a
	$(link_program)

ifneq ($(MESOD_MAIN),)
TARGETS += $(O)/mesod
INSTALLED += $(O)/mesod:$(sbindir)/mesod:755
INSTALLED += $(call completions,mesod)
endif

# The manual page of the interface says what its XML says.
$(O)/org.mesod1.5: docs/dbus/org.mesod1.xml docs/dbus/manual
	$(Q)docs/dbus/manual $< >$@.new && mv $@.new $@
TARGETS += $(O)/org.mesod1.5
INSTALLED += $(O)/org.mesod1.5:$(mandir)/man5/org.mesod1.5:644

INSTALLED += daemon/common/meso_stream.h:$(includedir)/meso_stream.h:644
INSTALLED += daemon/data/activation/org.mesod1.service:$(datadir)/dbus-1/system-services/org.mesod1.service:644
INSTALLED += daemon/data/sysusers/meso.conf:$(sysusersdir)/meso.conf:644
INSTALLED += daemon/data/tmpfiles/meso.conf:$(tmpfilesdir)/meso.conf:644
INSTALLED += daemon/data/catalog/meso.catalog:$(catalogdir)/meso.catalog:644
INSTALLED += daemon/data/sample/mesod.conf:$(docdir)/examples/mesod.conf:644
INSTALLED += daemon/data/formulary/formulary.conf:$(datadir)/meso/formulary.conf:644
