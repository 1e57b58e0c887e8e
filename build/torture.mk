# Torture: every call that can fail, fails once.

TORTURE     := $(OUT)/torture/core
TORTURE_MOD := $(OUT)/torture/mod_torture.so
WRAPPED     := $(OUT)/torture/wrapped
SANITIZED   := $(OUT)/torture/sanitized

FORMATTED += $(wildcard t/torture/*.[ch] t/torture/server/*.c)

.PHONY: torture

# an option of ld for each row of the table that is the core's
$(WRAPPED): t/torture/calls.def
	@mkdir -p $(@D)
	@sed -n -E -e '/^#ifdef TORTURE_SERVER/,$$d' -e 's/^(SAYS|MAKES)\([^,]*, ([A-Za-z0-9_]+),.*/--wrap=\2/p' \
	    -e 's/^(SETS|TAKES|OWN)\(([A-Za-z0-9_]+),.*/--wrap=\2/p' $< >$@

# the core as it is in the module; only its calls lead somewhere else
$(TORTURE): $(call OBJ,$(sort $(wildcard t/torture/*.c))) $(OUT)/obj/t/unit/tap.o $(call OBJ,$(CORE)) $(WRAPPED)
	$(CC) -pthread $(CFLAGS) $(LDFLAGS_ALL) -Wl,@$(WRAPPED) -o $@ $(filter %.o,$^) $(LIBS) $(APR_LIBS)

# it stays for as long as the module, whose last calls it redirects as well
$(TORTURE_MOD): $(call OBJ,t/torture/server/mod_torture.c)
	@mkdir -p $(@D)
	$(CC) -shared -pthread $(CFLAGS) $(LDFLAGS_ALL) -Wl,-z,nodelete -o $@ $^ $(LIBS)

unit: $(TORTURE) $(TORTURE_MOD)

torture: deps-test ## every call that can fail fails once: in the core, under sanitizers, and in a server
	@$(MAKE) --no-print-directory -s all unit
	@$(MAKE) --no-print-directory -s OUT=$(SANITIZED) OPTIMIZE='-O1 -g -fno-omit-frame-pointer' \
	    CFLAGS='-fsanitize=address,undefined -fno-sanitize-recover=all' $(SANITIZED)/torture/core
	@ENCGATHER_TORTURE_ALL=1 ENCGATHER_TORTURE_SANITIZED=$(SANITIZED)/torture/core \
	    build/run-tests --mpm prefork $(TESTFLAGS) t/torture.t t/torture-server.t
