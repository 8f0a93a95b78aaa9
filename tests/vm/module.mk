# SPDX-License-Identifier: GPL-2.0-only
# Programs that VM scenarios run: each tests/vm/progs/<name>.c is built to build/vmprogs/<name>.

VM_SRCS := $(wildcard tests/vm/progs/*.c)
VM_PROGRAMS := $(patsubst tests/vm/progs/%.c,$(O)/vmprogs/%,$(VM_SRCS))
ALL_SRCS += $(VM_SRCS)

$(O)/vmprogs/%: private PKGS := $(MESOD_PKGS)
$(O)/vmprogs/%: $(O)/obj/tests/vm/progs/%.o $(PROJECT_LIBS)
	$(link_program)

.PHONY: vm-programs
vm-programs: $(VM_PROGRAMS)
