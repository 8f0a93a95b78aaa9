# SPDX-License-Identifier: GPL-2.0-only
# Benchmarks: each tests/bench/<name>_bench.c is a program, built to build/bench/<name>_bench; tests/bench/run runs them.

BENCH_SRCS := $(wildcard tests/bench/*_bench.c)
BENCH_PROGRAMS := $(patsubst tests/bench/%.c,$(O)/bench/%,$(BENCH_SRCS))
ALL_SRCS += $(BENCH_SRCS)

$(O)/bench/%: private PKGS := $(MESOD_PKGS)
$(O)/bench/%: $(O)/obj/tests/bench/%.o $(PROJECT_LIBS)
	$(link_program)

# Has mesod's own loop, pedal and gun in it.
$(O)/obj/tests/bench/pedal_bench.o: private INCLUDES += -Idaemon/mesod

# Shares the ledger suites' fixture.
$(O)/obj/tests/bench/ledger_bench.o: private INCLUDES += -Idaemon/mesod
$(O)/bench/ledger_bench: private PKGS := check $(MESOD_PKGS) jansson
$(O)/bench/ledger_bench: $(O)/obj/tests/bench/ledger_bench.o $(O)/libtesthelpers.a $(PROJECT_LIBS)
	$(link_program)

# Has mesod's fixture, and looks into mesod from within.
$(O)/bench/stop_bench: private PKGS := check $(MESOD_PKGS) jansson
$(O)/bench/stop_bench: $(O)/obj/tests/bench/stop_bench.o $(O)/libtesthelpers.a $(PROJECT_LIBS)
	$(link_program)
$(O)/obj/tests/bench/stop_bench.o: private INCLUDES += -Idaemon/mesod
$(O)/obj/tests/bench/stop_bench.o: private PKGS := check $(MESOD_PKGS)
ALL_SRCS += tests/bench/shim/stop_shim.c
$(O)/bench/stop_shim.so: $(O)/obj/tests/bench/shim/stop_shim.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -shared $(ALL_LDFLAGS) -o $@ $^

.PHONY: bench-programs
bench-programs: $(BENCH_PROGRAMS) $(O)/bench/stop_shim.so

# The driver that meso_usb is measured beside. It is never installed, nor where the VM's modprobe finds it.
.PHONY: bench-module
bench-module:
	$(Q)OUT='$(TOP)/$(BUILD)/bench/kmod-$(KVER)' SRC='$(TOP)/tests/bench/kmod' tests/vm/build-modules $(KVER) \
		KCFLAGS='$(if $(filter 1,$(WERROR)),-Werror)'
