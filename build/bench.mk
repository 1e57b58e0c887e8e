# Speed: what a webhook costs, beside other ways to do the same work. Programs are in t/bench/, results in build/out/bench/.

BENCH := $(OUT)/bench
BENCH_MODULES := $(BENCH)/mod_bench.so $(BENCH)/mod_callgrind.so

FORMATTED += $(wildcard t/bench/*.c)

.PHONY: bench bench-tables bench-quick bench-instr bench-profile bench-growth bench-hosts bench-programs

bench-programs: all $(BENCH)/load $(BENCH)/machine $(BENCH_MODULES)

bench: deps-bench ## the module beside other ways to do the same, the whole call, and the targets: about twenty minutes
	@build/deps.sh peers || echo "some peers are missing" >&2
	@$(MAKE) --no-print-directory -s bench-programs
	@t/bench/bench $(BENCHFLAGS)

bench-tables: ## what "make bench" measured last goes into t/bench/results.json and the tables of conf/manual/capacity.md
	@t/bench/capacity --take

bench-quick: deps-bench ## the same in less than two minutes, with fewer rounds
	@build/deps.sh peers || echo "some peers are missing" >&2
	@$(MAKE) --no-print-directory -s bench-programs
	@t/bench/bench --quick $(BENCHFLAGS)

bench-instr: deps-bench ## instructions per request (callgrind); fails where a case costs 2 % more than recorded; RECORD='why': records
	@$(MAKE) --no-print-directory -s bench-programs
	@t/bench/instr $(if $(RECORD),--record "$$RECORD") $(BENCHFLAGS)

bench-profile: deps-bench ## where the instructions of a webhook go: the functions that cost most; CASE=... another step
	@$(MAKE) --no-print-directory -s bench-programs
	@t/bench/instr --profile $(or $(CASE),getPin) $(BENCHFLAGS)

$(BENCH)/load: $(OUT)/obj/t/bench/load.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS_ALL) -o $@ $^ -lssl -lcrypto

$(BENCH)/machine: $(OUT)/obj/t/bench/machine.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS_ALL) -o $@ $^ -lcrypto

$(BENCH)/mod_%.so: $(OUT)/obj/t/bench/mod_%.o
	@mkdir -p $(@D)
	$(CC) -shared $(CFLAGS) $(LDFLAGS_ALL) -o $@ $^

bench-growth: deps-bench ## how the cost grows with parameters, body, keys, tokens, virtual hosts, threads and children
	@$(MAKE) --no-print-directory -s bench-programs
	@t/bench/growth $(BENCHFLAGS)

bench-hosts: deps-bench ## what a thousand virtual hosts cost: memory, pages, start, reload; BEFORE=FILE another build of the module beside it
	@$(MAKE) --no-print-directory -s bench-programs
	@t/bench/hosts $(if $(BEFORE),--before $(BEFORE)) $(BENCHFLAGS)
