# What the tests of a host in trouble load into their servers: t/host/*.c, a library each.

HOST_SOURCES := $(sort $(wildcard t/host/*.c))
HOST_LIBS    := $(patsubst t/host/%.c,$(OUT)/host/%.so,$(HOST_SOURCES))

FORMATTED += $(HOST_SOURCES)

unit: $(HOST_LIBS)

# its functions stand in for those of libc, which fortified headers define themselves
$(OUT)/obj/t/host/shim.o: CFLAGS += -U_FORTIFY_SOURCE

# httpd itself is not linked with it
$(OUT)/host/scalars.so: HOST_LINK := -lcrypto

$(OUT)/host/%.so: $(OUT)/obj/t/host/%.o
	@mkdir -p $(@D)
	$(CC) -shared $(CFLAGS) $(LDFLAGS_ALL) -o $@ $< -ldl $(HOST_LINK)
