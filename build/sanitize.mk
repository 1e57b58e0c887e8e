# SPDX-License-Identifier: Apache-2.0
# The whole suite in a stock httpd, with the module under a sanitizer and under valgrind. A report of any of them fails
# the run and is kept in OUT/reports/. Each shows first, with faults on purpose (t/sanitize/), that it can see them.
# T=t/call.t: one file; MPM=worker: another MPM.

SANITIZE_OUT = build/out/$(1)
SANITIZE_MAKE = $(MAKE) --no-print-directory -s OUT=$(call SANITIZE_OUT,$(1)) CC='$(SANITIZE_CC)' \
                OPTIMIZE='-O1 -g -fno-omit-frame-pointer'
# the checks of _FORTIFY_SOURCE would find some faults before the sanitizer does, and say less about them
UNHARDENED    = HARDEN=
SANITIZE_RUN  = CC='$(SANITIZE_CC)' build/sanitized $(1) --out $(call SANITIZE_OUT,$(1)) --mpm $(if $(filter command% env%,$(origin MPM)),$(MPM),$(2)) $(T)
SANITIZE_CC  ?= gcc
# what is loaded before APR, linked so that programs have it too
BEFORE_APR    = -Wl,--no-as-needed $(CURDIR)/$(call SANITIZE_OUT,$(1))/sanitize/lib$(2).so
# a UBSan that is shared sets the path of ASan's reports instead of its own
OWN_UBSAN     = -static-libubsan -Wl,--exclude-libs,ALL $(call SANITIZE_OUT,asan)/obj/t/sanitize/ubsan_options.o

.PHONY: asan-test tsan-test valgrind-test asan-libraries tsan-libraries valgrind-libraries faults

asan-test: deps-test deps-sanitize ## the suite under AddressSanitizer and UBSan, event MPM
	+@$(call SANITIZE_MAKE,asan) $(UNHARDENED) CFLAGS='-fsanitize=address,undefined' asan-libraries
	+@$(call SANITIZE_MAKE,asan) $(UNHARDENED) CFLAGS='-fsanitize=address,undefined' \
	    LDFLAGS='$(OWN_UBSAN) $(call BEFORE_APR,asan,pools)' all unit faults
	@$(call SANITIZE_RUN,asan,event)

tsan-test: deps-test deps-sanitize ## the suite under ThreadSanitizer, event MPM
	+@$(call SANITIZE_MAKE,tsan) $(UNHARDENED) CFLAGS='-fsanitize=thread' tsan-libraries
	+@$(call SANITIZE_MAKE,tsan) $(UNHARDENED) CFLAGS='-fsanitize=thread' LDFLAGS='$(call BEFORE_APR,tsan,atomics)' all unit faults
	@$(call SANITIZE_RUN,tsan,event)

valgrind-test: deps-test deps-sanitize ## the suite under valgrind, prefork MPM; takes its time
	+@$(call SANITIZE_MAKE,valgrind) valgrind-libraries
	+@$(call SANITIZE_MAKE,valgrind) LDFLAGS='$(call BEFORE_APR,valgrind,pools)' all unit faults
	@$(call SANITIZE_RUN,valgrind,prefork)

asan-libraries: $(OUT)/sanitize/libpools.so $(OUT)/obj/t/sanitize/ubsan_options.o
tsan-libraries: $(OUT)/sanitize/libatomics.so
valgrind-libraries: $(OUT)/sanitize/libpools.so

faults: $(OUT)/sanitize/mod_plant.so $(OUT)/sanitize/program

$(OUT)/sanitize/lib%.so: $(OUT)/obj/t/sanitize/%.o
	@mkdir -p $(@D)
	$(CC) -shared -pthread $(CFLAGS) -o $@ $< $(APR_LIBS) -ldl

$(OUT)/sanitize/mod_plant.so: $(call OBJ,t/sanitize/mod_plant.c t/sanitize/faults.c)
	@mkdir -p $(@D)
	$(CC) -shared -pthread $(CFLAGS) $(LDFLAGS_ALL) -o $@ $^

$(OUT)/sanitize/program: $(call OBJ,t/sanitize/program.c t/sanitize/faults.c)
	@mkdir -p $(@D)
	$(CC) -pthread $(CFLAGS) $(LDFLAGS_ALL) -o $@ $^ $(APR_LIBS)

FORMATTED += $(wildcard t/sanitize/*.c t/sanitize/*.h)
