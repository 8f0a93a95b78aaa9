# SPDX-License-Identifier: GPL-2.0-only
# libinjector: shared and static library. Depends on nothing but libc.

INJ_SRCS := $(wildcard libinjector/*.c)
INJ_OBJS := $(call objects,$(INJ_SRCS))
INJ_MAP := $(wildcard libinjector/libinjector.map)
ALL_SRCS += $(INJ_SRCS)

$(O)/obj/libinjector/%.o: private PIC := -fPIC
$(O)/obj/libinjector/%.o: private PKGS :=

# With a sanitizer the shared library may refer to the runtime of the program that loads it.
$(O)/libinjector.so.0: $(INJ_OBJS) $(INJ_MAP)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -shared -Wl,-soname,libinjector.so.0 $(if $(SAN),,-Wl,-z,defs) \
		$(INJ_MAP:%=-Wl,--version-script=%) $(ALL_LDFLAGS) -o $@ $(INJ_OBJS)
	$(Q)ln -sf libinjector.so.0 $(O)/libinjector.so

$(O)/libinjector.a: $(INJ_OBJS)
	$(make_archive)

$(O)/libinjector.pc: Makefile libinjector/module.mk
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' 'prefix=$(prefix)' 'libdir=$(libdir)' 'includedir=$(includedir)' '' \
		'Name: libinjector' 'Description: Talk to mesotherapy injector guns' 'Version: $(VERSION)' \
		'Libs: -L$${libdir} -linjector' 'Cflags: -I$${includedir}' >$@

ifneq ($(INJ_SRCS),)
TARGETS += $(O)/libinjector.so.0 $(O)/libinjector.a $(O)/libinjector.pc
INSTALLED += $(O)/libinjector.so.0:$(libdir)/libinjector.so.0:644 $(O)/libinjector.a:$(libdir)/libinjector.a:644 \
	$(O)/libinjector.pc:$(libdir)/pkgconfig/libinjector.pc:644 \
	libinjector/injector.h:$(includedir)/injector.h:644 kmod/uapi/linux/meso.h:$(includedir)/linux/meso.h:644
endif
