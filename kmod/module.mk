# SPDX-License-Identifier: GPL-2.0-only
# The kernel side as an administrator gets it: its sources, which DKMS builds for each kernel that is installed. For the
# VM and the tests tests/vm/build-modules builds them.

DKMS_SRCS := $(wildcard kmod/Kbuild kmod/Kconfig kmod/*.[ch] kmod/model/*.[ch] kmod/uapi/*/*.h)
INSTALLED += $(foreach f,$(DKMS_SRCS),$(f):$(kernelsrcdir)/$(f:kmod/%=%):644)
INSTALLED += $(O)/dkms.conf:$(kernelsrcdir)/dkms.conf:644
TARGETS += $(O)/dkms.conf

$(O)/dkms.conf: kmod/dkms.conf Makefile
	$(Q)mkdir -p $(@D) && sed 's/#MODULE_VERSION#/$(VERSION)/' $< >$@
