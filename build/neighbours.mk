# Beside other modules: every row of t/neighbours/rows, with the neighbours' own packages, which are unpacked into
# build/out/neighbours and installed nowhere. ROWS="evasive security2-crs" runs those that begin so.

.PHONY: neighbours

neighbours: deps-test ## every row of the manual's page neighbours.md, beside the modules' own packages (Debian); ROWS=, JOBS=2
	@$(MAKE) --no-print-directory -s all
	@t/neighbours/run --module $(MODULE) $(if $(JOBS),--parallel $(JOBS)) $(ROWS)
