# SPDX-License-Identifier: GPL-2.0-only
# Benchmarks: each tests/bench/<name>_bench.c is a program, built to build/bench/<name>_bench; tests/bench/run runs them.

BENCH_SRCS := $(wildcard tests/bench/*_bench.c)
BENCH_PROGRAMS := $(patsubst tests/bench/%.c,$(O)/bench/%,$(BENCH_SRCS))
ALL_SRCS += $(BENCH_SRCS)

$(O)/bench/%: private PKGS := $(MESOD_PKGS)
$(O)/bench/%: $(O)/obj/tests/bench/%.o $(PROJECT_LIBS)
	$(link_program)

.PHONY: bench-programs
bench-programs: $(BENCH_PROGRAMS)
