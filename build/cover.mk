# make cover: which lines and branches of the product no test has run.

COVER := $(OUT)/cover

.PHONY: cover cover-build cover-report

cover: deps-test ## lines and branches that tests run, by gcov; fails on an uncovered line that t/cover/justified.txt does not name
	@$(MAKE) --no-print-directory -s cover-build
	@t/cover/cover run $(COVER) $(T)
	@$(MAKE) --no-print-directory -s cover-report

# In the product nothing is inlined or left out, so that a line is a line; counts of threads are added up by atomic
# operations. Test programs are as fast as ever.
cover-build:
	@$(MAKE) --no-print-directory -s OUT=$(COVER) CC=$(or $(GCC),gcc) HARDEN= LDFLAGS=--coverage \
	    COUNT='--coverage -fprofile-update=atomic -O0' all unit

$(OUT)/obj/mod_encgather/%.o: CFLAGS += $(COUNT)

cover-report:
	@t/cover/cover report $(COVER)
