# Hosts that share a Redis, under load and in trouble. See t/README.md.
# HOSTS=3: so many hosts; CLIENTS=24: so many callers; S=5: seconds for each trouble; ONLY=race,clock: these parts alone.

FLEET_OPTIONS = --module $(MODULE) $(if $(HOSTS),--hosts $(HOSTS)) $(if $(CLIENTS),--clients $(CLIENTS)) \
                $(if $(call given,S),--seconds $(S)) $(if $(ONLY),--only $(ONLY)) $(if $(MPM),--mpm $(MPM))

.PHONY: fleet

fleet: deps-test ## hosts with different MPMs, one Redis and a balancer: each killed, stopped, filled up, cut off; single use and lockout must hold
	@$(MAKE) --no-print-directory -s all
	@t/fleet/fleet $(FLEET_OPTIONS)
