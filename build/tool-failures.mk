# What fails in the place of the C library's calls while t/tool-failures.t runs the command line program.

FAILING := $(OUT)/tool/failing.so

FORMATTED += t/tool/failing.c

# what is hidden stands in nobody's place
$(OUT)/obj/t/tool/failing.o: CFLAGS += -fvisibility=default

$(FAILING): $(OUT)/obj/t/tool/failing.o
	@mkdir -p $(@D)
	$(CC) -shared $(CFLAGS) $(LDFLAGS_ALL) -o $@ $< -ldl

unit: $(FAILING)
