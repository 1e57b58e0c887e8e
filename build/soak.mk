# Load: many callers at once, restarts, dying children, floods. See t/README.md for what each finds.

CALLS   ?= 10000
CLIENTS ?=
M       ?= 10
MPM     ?= event,worker,prefork

.PHONY: count-test soak

count-test: deps-test ## CALLS=10000 calls by CLIENTS=16 under each MPM=, with restarts: every counter must be exact
	@$(MAKE) --no-print-directory -s all
	@t/soak/count --mpm $(MPM) --module $(MODULE) --calls $(CALLS) $(if $(CLIENTS),--clients $(CLIENTS))

soak: deps-test ## M=10 minutes (or S= seconds) of calls with restarts, new keys, killed children and floods, under each MPM=
	@$(MAKE) --no-print-directory -s all
	@t/soak/soak --mpm $(MPM) --module $(MODULE) --seconds $(or $(S),$$(($(M) * 60))) $(if $(CLIENTS),--clients $(CLIENTS))
