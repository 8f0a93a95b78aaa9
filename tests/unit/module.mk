# SPDX-License-Identifier: GPL-2.0-only
# Unit tests: each tests/unit/<name>_test.c is a suite with its own main, built to build/tests/<name>_test.
# Other .c files there are helpers that every suite may use.

UNIT_SRCS := $(wildcard tests/unit/*.c)
UNIT_SUITES := $(filter %_test.c,$(UNIT_SRCS))
# Those in which most time passes begin first, so that the others end beside them.
UNIT_FIRST := $(patsubst %,$(O)/tests/%_test,pedal_fire mesod_hazard mesoctl_commands mesod_resume mesod_rules_lived \
	mesod_stop ledger_disk ledger_crash ledger_restore mesod_crash)
UNIT_PROGRAMS := $(patsubst tests/unit/%.c,$(O)/tests/%,$(UNIT_SUITES))
UNIT_PROGRAMS := $(UNIT_FIRST) $(filter-out $(UNIT_FIRST),$(UNIT_PROGRAMS))
ALL_SRCS += $(UNIT_SRCS)
PROJECT_LIBS := $(O)/libmesod.a $(O)/libmesoctl.a $(O)/libcommon.a $(O)/libgun.a $(O)/libmodel.a $(O)/libinjector.a

$(O)/obj/tests/%.o: private PKGS := check $(MESOD_PKGS) jansson
$(O)/obj/tests/%.o: private INCLUDES += -Idaemon/mesod -Idaemon/mesoctl -Ilibinjector/gun

$(O)/libtesthelpers.a: $(call objects,$(filter-out %_test.c,$(UNIT_SRCS)))
	$(make_archive)

$(O)/tests/%: private PKGS := check $(MESOD_PKGS) jansson
$(O)/tests/%: $(O)/obj/tests/unit/%.o $(O)/libtesthelpers.a $(PROJECT_LIBS)
	$(link_program)

.PHONY: check-only check-programs
check-programs: all $(UNIT_PROGRAMS)
check-only: check-programs
	$(Q)BUILD=$(O) tests/unit/run $(UNIT_PROGRAMS)
