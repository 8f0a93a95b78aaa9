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
INSTALL += $(O)/mesod:$(sbindir)/mesod:755
endif
INSTALL += daemon/common/meso_stream.h:$(includedir)/meso_stream.h:644
INSTALL += daemon/data/activation/org.mesod1.service:$(datadir)/dbus-1/system-services/org.mesod1.service:644
INSTALL += daemon/data/sysusers/meso.conf:$(sysusersdir)/meso.conf:644
INSTALL += daemon/data/tmpfiles/meso.conf:$(tmpfilesdir)/meso.conf:644
INSTALL += daemon/data/catalog/meso.catalog:$(catalogdir)/meso.catalog:644
INSTALL += daemon/data/sample/mesod.conf:$(docdir)/mesod.conf:644
INSTALL += daemon/data/formulary/formulary.conf:$(datadir)/meso/formulary.conf:644
