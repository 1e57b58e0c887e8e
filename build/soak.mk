# Load: many callers at once, restarts, dying children, floods. See t/README.md for what each finds.
# MPM=worker: one MPM; CLIENTS=64: so many callers.

LOAD_OPTIONS = --module $(MODULE) $(if $(MPM),--mpm $(MPM)) $(if $(CLIENTS),--clients $(CLIENTS))
# a name as short as S may be another topic's variable: only what the caller says counts
given = $(filter command% environment%,$(origin $(1)))

.PHONY: count-test soak

count-test: deps-test ## CALLS=10000 calls by 16 clients under each MPM, with restarts: every counter must be exact
	@$(MAKE) --no-print-directory -s all
	@t/soak/count $(LOAD_OPTIONS) $(if $(CALLS),--calls $(CALLS))

soak: deps-test ## M=10 minutes (or S= seconds) of calls with restarts, new keys, killed children and floods
	@$(MAKE) --no-print-directory -s all
	@t/soak/soak $(LOAD_OPTIONS) --seconds $(if $(call given,S),$(S),$$(expr $(or $(M),10) '*' 60))
