# Tests: what `make check` is made of. Included by the Makefile.
#
# Unit tests are Check suites in C. Everything else is a script that ends with 0 (passed), 77 (skipped)
# or anything else (failed); tests/scripts.sh runs them side by side, and the suite
# "scripts" of the same Check runner then gives each of them a verdict.

CHECK_LIBS  = $(shell $(PKG) --libs check)
UNIT       := $(sort $(wildcard tests/unit/test_*.c))
TESTLIB    := $(sort $(wildcard tests/lib/*.c))
UNITOBJ    := $(patsubst tests/%.c,$(BUILD)/tests/%.o,$(UNIT) $(TESTLIB) tests/runner.c tests/test_scripts.c) \
              $(BUILD)/gen/suites.o
SPLIT      := util heap dump graph analysis report
SPLITOBJ   := $(foreach l,$(SPLIT),$(patsubst src/%.c,$(BUILD)/obj/%.o,$(sort $(wildcard src/$(l)/*.c)))) \
              $(BUILD)/tests/lint/split.o
TOOLS      := $(patsubst tests/%.c,$(BUILD)/tests/%,$(filter-out %/leaker.c %/shim.c %/newinterp.c %/tables.c %/synth.c %/analyse.c,$(wildcard tests/live/*.c tests/bench/*.c))) \
              $(BUILD)/tests/live/shim.so $(BUILD)/tests/live/newinterp.so $(BUILD)/tests/live/tables.so $(BUILD)/tests/bench/synth $(BUILD)/tests/bench/analyse
FUZZERS    := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ       := $(FUZZERS:%=$(BUILD)/fuzz/%)
# Without libFuzzer, a driver replays the corpus.
FUZZ_MAIN   = $(if $(filter fuzz,$(VARIANT)),-fsanitize=fuzzer,$(BUILD)/tests/fuzz/driver.o)

# The interpreters to be compared with, object by object: `make check PYTHONS="python3.11 ..."`.
PYTHONS    ?= $(wildcard /usr/bin/python3 $(HOME)/.pyenv/versions/3.11.*/bin/python3)
# Those that `make interpreters` has made, as rows of tests/interpreters/matrix; ROWS takes fewer of them.
# With MATRIX=whole none that the matrix demands may be missing.
ROWS       ?= %
MATRIX     ?=
ROW_NAMES  := $(patsubst build/interpreters/%/python,%,$(sort $(wildcard build/interpreters/*/python)))
ROWS_HERE  := $(filter $(ROWS),$(ROW_NAMES))
# Other releases: those, and what is under pyenv without being one of them.
PYENV      := $(patsubst $(HOME)/.pyenv/versions/%/bin/python,%,$(wildcard $(HOME)/.pyenv/versions/*/bin/python))
PYTHONS_OTHER ?= $(foreach v,$(filter-out $(ROW_NAMES:pyenv-%=%),$(PYENV)),$(HOME)/.pyenv/versions/$(v)/bin/python) \
              $(ROWS_HERE:%=$(CURDIR)/build/interpreters/%/python)
# Rows whose program or library has its own DWARF: without it their tables have to do.
STRIPPED   := $(filter pyenv-% dbg-% nogil-% refs-% musl-% clang-% nomalloc-%,$(ROWS_HERE))
# Rows whose dicts do not say themselves what kind of keys they have.
OPEN_KEYS  := $(filter pyenv-3.6.% pyenv-3.7.% pyenv-3.8.% pyenv-3.9.% pyenv-3.10.% deb-3.9,$(ROWS_HERE))
# Several interpreters in one process: made by the release's own module, isolated or not, or before 3.8 in C.
INTERPS    := $(foreach r,$(filter pyenv-3.9.% deb-3.11 pyenv-3.12.% deb-3.13 deb-3.14 deb-3.15 nogil-%,$(ROWS_HERE)),\
              isolated:$(r) shared:$(r)) \
              $(patsubst %,shared:%,$(filter pyenv-3.8.% pyenv-3.10.%,$(ROWS_HERE))) \
              $(patsubst %,host:%,$(filter pyenv-2.7.% pyenv-3.6.% pyenv-3.7.%,$(ROWS_HERE)))
# Those that build an object of every C type: from 3.10 on, release by release and with the collector's other ways.
EVERY      := $(filter pyenv-3.10.% deb-3.11 pyenv-3.12.% deb-3.13 deb-3.14 deb-3.15 dbg-3.15 i386-3.13 nogil-%,$(ROWS_HERE))
# Of the others, those that can run wide.py (3.6 and later, with ctypes); 3.15 has slots behind items there.
WIDE       := $(filter-out %-2.7 pyenv-2.7.% static-% musl-% $(filter-out deb-3.15,$(EVERY)),$(ROWS_HERE))
# How a copy is made is the same code for all: with a sanitizer some do.
SAMEBYTES  := $(PYTHONS) $(if $(filter asan,$(VARIANT)),$(filter %/deb-2.7/python %/i386-3.13/python %/nogil-3.13/python \
              %/deb-3.15/python,$(PYTHONS_OTHER)),$(PYTHONS_OTHER))
LIVE       := $(filter-out $(addprefix tests/live/,lib.sh exact.sh core.sh corelib.sh interps.sh leaker.sh refcounts.sh run.sh samebytes.sh stacks.sh stripped.sh vm.sh),$(wildcard tests/live/*.sh))
SCRIPTS    := $(foreach p,$(PYTHONS),$(foreach t,mixed wide threads,tests/live/exact.sh:$(t):$(p))) \
              $(foreach p,$(PYTHONS_OTHER),tests/live/exact.sh:basic:$(p)) \
              $(foreach p,$(PYTHONS),$(foreach t,mixed wide threads,tests/live/core.sh:$(t):$(p))) \
              $(foreach p,$(PYTHONS_OTHER),tests/live/core.sh:basic:$(p)) \
              $(WIDE:%=tests/live/exact.sh:wide:$(CURDIR)/build/interpreters/%/python) \
              $(EVERY:%=tests/live/exact.sh:everytype:$(CURDIR)/build/interpreters/%/python) \
              $(patsubst %,tests/live/exact.sh:collecting:$(CURDIR)/build/interpreters/%/python,$(filter nogil-%,$(ROWS_HERE))) \
              $(OPEN_KEYS:%=tests/live/exact.sh:firstdict:$(CURDIR)/build/interpreters/%/python) \
              $(PYTHONS:%=tests/live/stacks.sh:%) $(PYTHONS_OTHER:%=tests/live/stacks.sh:%) $(SAMEBYTES:%=tests/live/samebytes.sh:%) \
              $(foreach i,$(INTERPS),tests/live/interps.sh:$(subst :,:$(CURDIR)/build/interpreters/,$(i))/python) \
              $(ROWS_HERE:%=tests/live/refcounts.sh:%) $(STRIPPED:%=tests/live/stripped.sh:%) tests/interpreters/whole.sh \
              $(sort $(LIVE)) $(sort $(wildcard tests/lint/*.sh)) \
              $(sort $(filter-out tests/cli/run.sh,$(wildcard tests/cli/*.sh))) $(FUZZERS:%=tests/corpus.sh:%)
TESTENV     = MAKE='$(MAKE)' VARIANT='$(VARIANT)' BUILD='$(BUILD)' MEMSCAN='$(PROG)' CC='$(CC)' \
              LAYERS='$(LAYERS)' PYTHONS='$(PYTHONS)' MATRIX='$(MATRIX)'
WORST       = cat $(BUILD)/log/*exact.sh*.log 2> /dev/null | python3 tests/live/worst.py /dev/stdin

$(BUILD)/gen/suites.c: $(UNIT) tests/unit/suites.awk
	@mkdir -p $(@D)
	$(Q)awk -f tests/unit/suites.awk $(UNIT) > $@.tmp && mv $@.tmp $@

$(BUILD)/tests/%.o: ALL_CFLAGS += -Itests/lib -Itests
$(BUILD)/gen/suites.o: ALL_CFLAGS += -Itests
$(BUILD)/tests/%.o: tests/%.c | need-libs
	@mkdir -p $(@D)
	$(COMPILE)

$(BUILD)/check: $(UNITOBJ) $(LIBOBJ)
	$(LINK) $(LIB_LIBS) $(CHECK_LIBS)

$(BUILD)/split: $(SPLITOBJ)
	$(LINK) $(shell $(PKG) --libs $(LIBS_SPLIT))

# Helpers of the live tests run without sanitizers: some are loaded into other programs.
$(BUILD)/tests/%: tests/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) $(if $(DEV),-Werror) -O2 -o $@ $<

$(BUILD)/tests/live/%.so: tests/live/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) $(if $(DEV),-Werror) -O2 -fPIC -shared -o $@ $< -ldl

$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/fuzz_%.o $(LIBOBJ) $(BUILD)/tests/fuzz/driver.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(BUILD)/tests/fuzz/fuzz_$*.o $(LIBOBJ) $(FUZZ_MAIN) $(LIB_LIBS)

# What makes dumps through the writer and measures analyses of them.
SPLITTOOLS := $(BUILD)/tests/bench/synth $(BUILD)/tests/bench/analyse
$(SPLITTOOLS): %: %.o $(filter-out %/split.o,$(SPLITOBJ))
	$(LINK) $(shell $(PKG) --libs $(LIBS_SPLIT))

-include $(UNITOBJ:.o=.d) $(SPLITTOOLS:=.d) $(FUZZERS:%=$(BUILD)/tests/fuzz/fuzz_%.d) $(BUILD)/tests/fuzz/driver.d
.SECONDARY:

.PHONY: check check-built check-unit check-live check-threads tsan check-lint check-split hdr-check asan fuzz bench bench-scale demo programs
check:  ## install what tests need, then run all of them
	@sh tests/setup.sh check
	@$(MAKE) --no-print-directory check-built

programs: all $(BUILD)/check $(BUILD)/split $(TOOLS) $(FUZZ)

check-built: programs
	@$(TESTENV) sh tests/scripts.sh $(SCRIPTS)
	@$(WORST) || true
	@$(TESTENV) sh tests/verdict.sh

check-unit: $(BUILD)/check  ## unit tests alone
	@MEMSCAN_SCRIPTS= $(BUILD)/check

check-live: programs  ## compare every object with all interpreters at hand, and print a line for each
	@$(TESTENV) SHOW=bad sh tests/scripts.sh $(filter tests/live/exact.sh:% %/whole.sh,$(SCRIPTS))
	@$(TESTENV) sh tests/verdict.sh scripts; rc=$$?; $(WORST) && exit $$rc

check-threads: programs  ## the same dump with any number of threads, of all interpreters at hand
	@$(TESTENV) SHOW=bad sh tests/scripts.sh $(filter tests/live/samebytes.sh:%,$(SCRIPTS))
	@$(TESTENV) sh tests/verdict.sh scripts

check-lint: programs  ## lints alone
	@$(TESTENV) sh tests/scripts.sh $(filter tests/lint/%,$(SCRIPTS))
	@$(TESTENV) sh tests/verdict.sh scripts

check-split: $(BUILD)/split  ## link the analysing half without libelf and libdw
	@$(TESTENV) sh tests/lint/split.sh

hdr-check:  ## compile each published header alone
	@$(TESTENV) sh tests/lint/headers.sh

asan:  ## all tests under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory VARIANT=asan check

tsan:  ## check-threads under ThreadSanitizer
	@$(MAKE) --no-print-directory VARIANT=tsan check-threads

fuzz:  ## build libFuzzer programs with clang: build/fuzz/fuzz/NAME tests/fuzz/corpus/NAME
	@$(MAKE) --no-print-directory VARIANT=fuzz CC=clang $(FUZZERS:%=build/fuzz/fuzz/%)

bench: all $(TOOLS)  ## time, pause and memory on a million objects
	@$(TESTENV) python3 tests/bench/bench.py
	@$(TESTENV) python3 tests/bench/pause.py
	@$(TESTENV) sh tests/bench/analyse.sh

bench-scale: all $(TOOLS)  ## cost at 0.1 to 20 million objects, and extreme heaps
	@$(TESTENV) python3 tests/bench/scale.py

demo:  ## install what is missing, build, and dump a live web service under load
	@sh tests/setup.sh demo
	@$(MAKE) --no-print-directory all
	@MEMSCAN=build/memscan sh tests/demo/run.sh

include tests/interpreters/interpreters.mk
