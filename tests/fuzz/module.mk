# SPDX-License-Identifier: GPL-2.0-only
# Fuzzers: each tests/fuzz/<name>_fuzz.c defines LLVMFuzzerTestOneInput. They need CC=clang: `make fuzz CC=clang SAN=1`.

FUZZ_SRCS := $(wildcard tests/fuzz/*_fuzz.c)
FUZZ_PROGRAMS := $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(FUZZ_SRCS))
ALL_SRCS += $(FUZZ_SRCS)

$(O)/fuzz/%: private PKGS := $(MESOD_PKGS)
$(O)/fuzz/%: private LDFLAGS += -fsanitize=fuzzer
$(O)/fuzz/%: $(O)/obj/tests/fuzz/%.o $(PROJECT_LIBS)
	$(link_program)

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)
