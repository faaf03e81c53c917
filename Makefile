# memscan: `make help` lists the targets.

PREFIX   ?= /usr/local
DESTDIR  ?=
VARIANT  ?= release
BUILD    := build/$(VARIANT)
PKG      := pkg-config
ifeq ($(origin CC),default)
CC       := gcc
endif

# What the program is linked with; the analysing half does with less (check-split).
LIBS_ALL   := libelf libdw libbsd-overlay zlib libzstd liblz4 liblzma
LIBS_SPLIT := libbsd-overlay zlib libzstd

WARN        := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
               -Wundef -Wcast-qual -Wwrite-strings -Wno-missing-field-initializers
SAN         := -fsanitize=address,undefined
OPT.release := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
OPT.clang   := $(OPT.release)
OPT.debug   := -O0 -g3
OPT.asan    := -O1 -g $(SAN) -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT.tsan    := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
OPT.cover   := -O0 -g --coverage
OPT.fuzz    := -O1 -g $(SAN),fuzzer-no-link -fno-omit-frame-pointer
# The layers that every object of a heap goes through are optimized as one: a sixth less time. LTO= does without.
HOT         := heap target py walk
ifeq ($(VARIANT),release)
LTO         := $(shell echo 'int main(void) {return 0;}' | $(CC) -flto=auto -x c -o /dev/null - 2>/dev/null && echo -flto=auto -O3)
endif
LINK.release = $(LTO)
LINK.asan   := $(SAN)
LINK.tsan   := -fsanitize=thread
LINK.fuzz   := $(SAN)
LINK.cover  := --coverage

have        = $(shell $(PKG) --exists $(1) 2>/dev/null && echo yes)
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -Iinclude -Isrc $(WARN) $(if $(DEV),-Werror) $(OPT.$(VARIANT)) \
              $(if $(call have,$(LIBS_ALL)),$(shell $(PKG) --cflags $(LIBS_ALL))) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS := -pthread $(LINK.$(VARIANT)) $(LDFLAGS)
LIB_LIBS     = $(shell $(PKG) --libs $(LIBS_ALL)) -lm
# Commands are shown whole with V=1.
Q           := $(if $(V),,@)
COMPILE      = $(if $(V),,@echo '  CC    $<';) $(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
LINK         = $(if $(V),,@echo '  LINK  $@';) $(CC) $(ALL_LDFLAGS) -o $@ $^

# Lowest first: a layer may use itself and what stands before it.
LAYERS   := util heap target elf layout py emu walk dump graph analysis report cmd
SRC      := $(foreach l,$(LAYERS),$(sort $(wildcard src/$(l)/*.c)))
TABLES   := $(sort $(wildcard offsets/*.tbl))
GEN      := $(BUILD)/gen/tables.c
OBJ      := $(SRC:src/%.c=$(BUILD)/obj/%.o) $(GEN:.c=.o)
LIBOBJ   := $(filter-out $(BUILD)/obj/cmd/main.o,$(OBJ))
PROG     := $(BUILD)/memscan

.PHONY: all
all: $(PROG)  ## build the program (default): build/memscan
	@ln -sfn $(VARIANT)/memscan build/memscan

$(PROG): $(OBJ)
	$(LINK) $(LIB_LIBS)

$(BUILD)/obj/%.o: src/%.c | need-libs
	@mkdir -p $(@D)
	$(COMPILE)

$(foreach l,$(HOT),$(filter $(BUILD)/obj/$(l)/%,$(OBJ))): ALL_CFLAGS += $(LTO)

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c | need-libs
	$(COMPILE)

$(GEN): $(TABLES) src/layout/embed.awk
	@mkdir -p $(@D)
	$(Q)awk -f src/layout/embed.awk $(TABLES) /dev/null > $@.tmp && mv $@.tmp $@

.PHONY: need-libs
need-libs:
	@$(PKG) --exists $(LIBS_ALL) || { echo "memscan needs $(LIBS_ALL), and pkg-config" \
	"cannot find them all; 'sh tests/setup.sh build' installs them" >&2; exit 1; }

-include $(OBJ:.o=.d)

.PHONY: install uninstall tables clean help
MAN1 := $(wildcard man/*.1)
MAN5 := $(wildcard man/*.5)
MAN7 := $(wildcard man/*.7)
SHARE = $(DESTDIR)$(PREFIX)/share
COMPLETIONS = $(SHARE)/bash-completion/completions/memscan $(SHARE)/zsh/site-functions/_memscan \
              $(SHARE)/fish/vendor_completions.d/memscan.fish

install: all  ## install program, man pages, completion below PREFIX (and DESTDIR)
	install -D -m 755 $(PROG) $(DESTDIR)$(PREFIX)/bin/memscan
	$(foreach m,$(MAN1),install -D -m 644 $(m) $(SHARE)/man/man1/$(notdir $(m));)
	$(foreach m,$(MAN5),install -D -m 644 $(m) $(SHARE)/man/man5/$(notdir $(m));)
	$(foreach m,$(MAN7),install -D -m 644 $(m) $(SHARE)/man/man7/$(notdir $(m));)
	install -d $(dir $(COMPLETIONS))
	$(PROG) completion bash > $(word 1,$(COMPLETIONS))
	$(PROG) completion zsh > $(word 2,$(COMPLETIONS))
	$(PROG) completion fish > $(word 3,$(COMPLETIONS))

uninstall:  ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/memscan $(COMPLETIONS) $(MAN1:man/%=$(SHARE)/man/man1/%) \
	$(MAN5:man/%=$(SHARE)/man/man5/%) \
	$(MAN7:man/%=$(SHARE)/man/man7/%)

include tests/tests.mk

tables: all  ## make the offset tables anew from the interpreters with debug information
	@MEMSCAN=$(PROG) sh offsets/make.sh

clean:  ## remove all that was built
	rm -rf build

help:  ## this list
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
