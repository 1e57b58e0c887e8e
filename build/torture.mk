# Torture: every call that can fail, fails once.

TORTURE_C := $(sort $(wildcard t/torture/*.c))
TORTURE   := $(OUT)/torture/core
WRAPPED   := $(OUT)/torture/wrapped

FORMATTED += $(wildcard t/torture/*.[ch])

.PHONY: torture

# an option of ld for each row of the table
$(WRAPPED): t/torture/calls.def
	@mkdir -p $(@D)
	@sed -n -E -e 's/^(SAYS|MAKES)\([^,]*, ([A-Za-z0-9_]+),.*/--wrap=\2/p' \
	    -e 's/^(SETS|TAKES|OWN)\(([A-Za-z0-9_]+),.*/--wrap=\2/p' $< >$@

# the core as it is in the module; only its calls lead somewhere else
$(TORTURE): $(call OBJ,$(TORTURE_C)) $(OUT)/obj/t/unit/tap.o $(call OBJ,$(CORE)) $(WRAPPED)
	$(CC) -pthread $(CFLAGS) $(LDFLAGS_ALL) -Wl,@$(WRAPPED) -o $@ $(filter %.o,$^) $(LIBS) $(APR_LIBS)

unit: $(TORTURE)

torture: deps-build ## every call that can fail fails once: in the core, under the address sanitizer, and in a server
	@$(MAKE) --no-print-directory -s all unit
	@build/run-tests $(TESTFLAGS) t/torture.t
