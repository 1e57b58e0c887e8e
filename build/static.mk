# make static: three analyzers that read the code without running it. What each has found nothing in is remembered in
# build/out/static/, so that the next run reads what changed.

# The product and its unit tests. Programs under t/ that break things on purpose (t/sanitize, t/torture), or judge what
# they find by macros that end the process (t/fuzz), are run by the sanitizers instead.
STATIC_C   = $(CORE) $(GLUE) $(TOOLS) $(UNIT) $(sort $(wildcard t/judge/*.c))
STATIC_H   = $(wildcard mod_encgather/*.h mod_encgather/*/*.h t/unit/*.h)
STATIC_OUT = $(OUT)/static
GCC        ?= gcc
CLANG_TIDY ?= $(firstword $(foreach name,clang-tidy clang-tidy-14,$(shell command -v $(name) 2>/dev/null || :)))
CPPCHECK   ?= cppcheck
# CI has other things to do with its processors: gcc follows paths there, clang-tidy does not.
TIDY_CHECKS = $(if $(STATIC_QUICK),--checks=-clang-analyzer-*)

ANALYZE     = -fanalyzer -It/unit

.PHONY: static static-gcc static-clang static-cppcheck

static: deps-static ## gcc -fanalyzer, clang-tidy and cppcheck find nothing; STATIC_QUICK=1 leaves out what takes longest
	@$(MAKE) --no-print-directory -s -k -j$(shell nproc) static-gcc static-clang static-cppcheck

static-gcc: $(STATIC_C:%.c=$(STATIC_OUT)/gcc/%.o)
static-clang: $(STATIC_C:%.c=$(STATIC_OUT)/clang-tidy/%)

# A test that gets no memory may end as it likes.
$(STATIC_OUT)/gcc/t/%.o: ANALYZE += -Wno-analyzer-possible-null-dereference -Wno-analyzer-possible-null-argument

# optimized as the product is: what is inlined is seen through
$(STATIC_OUT)/gcc/%.o: %.c $(STATIC_H) Makefile build/static.mk
	@mkdir -p $(@D)
	$(GCC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(ANALYZE) -c -o $@ $<

$(STATIC_OUT)/clang-tidy/%: %.c $(STATIC_H) .clang-tidy t/.clang-tidy \
                           mod_encgather/core/.clang-tidy mod_encgather/tool/.clang-tidy
	@mkdir -p $(@D)
	@$(CLANG_TIDY) --quiet $(TIDY_CHECKS) $< -- $(CPPFLAGS_ALL) -It/unit -std=c11 -D_GNU_SOURCE -pthread 2>$@.counts || { cat $@.counts; exit 1; }
	@rm $@.counts; touch $@

static-cppcheck:
	$(CPPCHECK) --quiet --error-exitcode=1 --enable=warning,performance,portability \
	    --suppressions-list=build/cppcheck.txt \
	    --library=posix --std=c11 -D_GNU_SOURCE -Imod_encgather mod_encgather t/unit t/judge
