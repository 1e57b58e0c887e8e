# Fuzzing: t/fuzz/README.md. Each target is built twice: as a test that replays its corpus, with the
# compiler and flags of everything else; and with libFuzzer and its sanitizers, which clang brings.

FUZZ_PARTS   := t/fuzz/support.c t/fuzz/rfc8259.c
FUZZ_MAINS   := t/fuzz/replay.c t/fuzz/mutate.c
FUZZ_TARGETS := $(patsubst t/fuzz/%.c,%,$(filter-out $(FUZZ_PARTS) $(FUZZ_MAINS),$(sort $(wildcard t/fuzz/*.c))))
FUZZ_REPLAYS := $(FUZZ_TARGETS:%=$(OUT)/unit/fuzz-%)
FUZZ_OUT     := $(OUT)/fuzz
FUZZ_CC      ?= clang
FUZZ_SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CFLAGS   = -std=c11 -D_GNU_SOURCE -pthread -O1 -g -fno-omit-frame-pointer $(WARNINGS) \
                -fsanitize=fuzzer-no-link $(FUZZ_SANITIZE)
FUZZ_OBJ      = $(patsubst %.c,$(FUZZ_OUT)/obj/%.o,$(1))
FUZZ_BINARIES = $(addprefix $(FUZZ_OUT)/,$(or $(T),$(FUZZ_TARGETS)))
S            ?= 60

FORMATTED += $(wildcard t/fuzz/*.c t/fuzz/*.h)

.PHONY: fuzz fuzz-short fuzz-minimize fuzz-build

unit: $(FUZZ_REPLAYS)

$(FUZZ_REPLAYS): $(OUT)/unit/fuzz-%: $(OUT)/obj/t/fuzz/%.o $(OUT)/obj/t/fuzz/replay.o \
                 $(OUT)/obj/t/unit/tap.o $(call OBJ,$(FUZZ_PARTS) $(CORE))
	@mkdir -p $(@D)
	$(CC) -pthread $(CFLAGS) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) $(APR_LIBS)

$(OUT)/obj/t/fuzz/%.o: CPPFLAGS += -It/unit

$(FUZZ_OUT)/obj/%.o: %.c Makefile build/fuzz.mk
	@mkdir -p $(@D)
	@$(if $(APXS),:,$(NO_APXS))
	$(FUZZ_CC) $(CPPFLAGS_ALL) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

$(FUZZ_TARGETS:%=$(FUZZ_OUT)/%): $(FUZZ_OUT)/%: $(FUZZ_OUT)/obj/t/fuzz/%.o \
                 $(call FUZZ_OBJ,t/fuzz/mutate.c $(FUZZ_PARTS) $(CORE))
	$(FUZZ_CC) -pthread -fsanitize=fuzzer $(FUZZ_SANITIZE) -o $@ $^ $(LIBS) $(APR_LIBS)

fuzz: deps-fuzz ## looks for inputs that break something: T=form the target (none: all), S=60 seconds for each
	@$(MAKE) --no-print-directory -s fuzz-build
	@build/fuzz --seconds $(S) $(or $(T),$(FUZZ_TARGETS))

fuzz-short: deps-fuzz ## half a minute of fuzzing over all targets
	@$(MAKE) --no-print-directory -s fuzz-build T=
	@build/fuzz --total 30 $(FUZZ_TARGETS)

fuzz-minimize: deps-fuzz ## what "make fuzz" learned goes into t/fuzz/corpus/, as few inputs as will do
	@$(MAKE) --no-print-directory -s fuzz-build
	@build/fuzz --minimize $(or $(T),$(FUZZ_TARGETS))

fuzz-build: $(FUZZ_BINARIES)

-include $(shell find $(FUZZ_OUT)/obj -name '*.d' 2>/dev/null)
