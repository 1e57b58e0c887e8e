# mod_encgather: every command is a target here; "make help" lists them.
# Tools of another name or place: make APXS=/path/apxs CC=clang

SHELL := /bin/sh
OUT   := build/out

# Debian's apxs, RHEL's /usr/bin/apxs or httpd's own in sbin
APXS_NAMES := apxs apxs2 /usr/sbin/apxs /usr/local/apache2/bin/apxs
ifndef APXS
APXS := $(firstword $(foreach name,$(APXS_NAMES),$(shell command -v $(name) 2>/dev/null || :)))
endif
CLANG_FORMAT ?= clang-format

# npm keeps what it fetched in the user's home, and fails where there is none that can be written
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export npm_config_cache ?= $(CURDIR)/$(OUT)/npm
endif

NO_APXS := echo "make: no apxs found; run build/deps.sh build, or name it: make APXS=/path" >&2; exit 1

ask = $(if $(APXS),$(shell $(APXS) -q $(1) 2>/dev/null))

ifeq ($(origin CC),default)
CC := $(or $(call ask,CC),cc)
endif

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wformat=2 -Wvla -Wmissing-prototypes -Werror
# some distributions' compilers define the same already, with another number
HARDEN   := -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 \
            $(if $(filter x86_64-% i%86-%,$(shell $(CC) -dumpmachine 2>/dev/null || :)),-fcf-protection)
OPTIMIZE ?= -O2 -g
# headers of httpd and APR are not ours to warn about
CPPFLAGS_ALL = -Imod_encgather $(call ask,EXTRA_CPPFLAGS) -isystem $(call ask,INCLUDEDIR) \
               -isystem $(call ask,APR_INCLUDEDIR) -isystem $(call ask,APU_INCLUDEDIR) \
               $(if $(filter yes,$(HIREDIS)),-DEG_HIREDIS) $(if $(filter evp,$(SHA)),-DEG_SHA_EVP) $(CPPFLAGS)
CFLAGS_ALL   = -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -pthread $(WARNINGS) $(HARDEN) \
               $(OPTIMIZE) $(CFLAGS)
LDFLAGS_ALL  = -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack $(LDFLAGS)
# Without it everything but EncGatherStateCache redis: works; HIREDIS=no builds so where it is there.
ifndef HIREDIS
HIREDIS := $(shell echo '\#include <hiredis/hiredis.h>' | $(CC) $(CPPFLAGS) -E -x c - >/dev/null 2>&1 && echo yes || echo no)
endif
# SHA=evp: every digest by way of OpenSSL's providers, as where a validated one is the default
LIBS         = -ljansson -lcrypto $(if $(filter yes,$(HIREDIS)),-lhiredis)
APR_LIBS     = $(shell $(call ask,APR_CONFIG) --link-ld) -laprutil-1

CORE   := $(sort $(wildcard mod_encgather/core/*.c))
ROOMS  := base config state watch webhook lookup shield call dump
GLUE   := $(sort $(wildcard mod_encgather/*.c $(ROOMS:%=mod_encgather/%/*.c)))
UNIT   := $(sort $(wildcard t/unit/*.c))
OBJ     = $(patsubst %.c,$(OUT)/obj/%.o,$(1))
MODULE := $(OUT)/mod_encgather.so
TOOL   := $(OUT)/encgather
TOOLS  := $(sort $(wildcard mod_encgather/tool/*.c))
JUDGES := $(patsubst t/judge/%.c,$(OUT)/judge/%,$(wildcard t/judge/*.c))
UNITS  := $(patsubst t/unit/%.c,$(OUT)/unit/%,$(filter-out t/unit/tap.c,$(UNIT)))

.DEFAULT_GOAL := all
.PHONY: all help deps demo demo-shield serve test check unit man install uninstall deb format format-check clean

all: $(MODULE) $(if $(TOOLS),$(TOOL)) ## the module and the command line program, in build/out/

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(filter %Makefile %.mk,$(MAKEFILE_LIST))

demo: deps-build+demo ## install what is missing, build, place two calls through a real httpd
	@$(MAKE) --no-print-directory -s all
	@build/demo --module $(MODULE)

demo-shield: deps-build+demo+demo-shield ## the same for an application that exists already: before and behind EncGatherShield
	@$(MAKE) --no-print-directory -s all
	@build/demo-shield --module $(MODULE)

serve: deps-build+demo ## the server of the demo, with a phone to open in a browser, kept up until Ctrl-C
	@$(MAKE) --no-print-directory -s all
	@build/demo --serve --module $(MODULE)

test: deps-test ## everything: unit tests and the server suite under event, worker and prefork; T=t/call.t: one file
	@$(MAKE) --no-print-directory -s all unit
	@build/run-tests $(TESTFLAGS) $(T)

check: deps-build ## the light one: only the tests that need no server
	@$(MAKE) --no-print-directory -s all unit
	@ENCGATHER_LIGHT=1 build/run-tests --no-server $(TESTFLAGS) $(T)

deps-%:
	@build/deps.sh $(subst +, ,$*)

unit: $(UNITS) $(JUDGES)

$(OUT)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@$(if $(APXS),:,$(NO_APXS))
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# --exclude-libs and hidden visibility: the module record is the only name that gets out
$(MODULE): $(call OBJ,$(CORE) $(GLUE))
	$(CC) -shared -pthread $(CFLAGS) $(LDFLAGS_ALL) -Wl,--exclude-libs,ALL -o $@ $^ $(LIBS)

$(OUT)/unit/%: $(OUT)/obj/t/unit/%.o $(OUT)/obj/t/unit/tap.o $(call OBJ,$(CORE))
	@mkdir -p $(@D)
	$(CC) -pthread $(CFLAGS) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) $(APR_LIBS)

$(TOOL): $(call OBJ,$(TOOLS) $(CORE))
	$(CC) -pie -pthread $(CFLAGS) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) $(APR_LIBS)

# programs that put the core before judges of other makers
$(OUT)/judge/%: $(OUT)/obj/t/judge/%.o $(call OBJ,$(CORE))
	@mkdir -p $(@D)
	$(CC) -pthread $(CFLAGS) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) $(APR_LIBS)

FORMATTED = $(CORE) $(GLUE) $(UNIT) $(TOOLS) $(wildcard t/judge/*.c t/judge/*.h mod_encgather/*.h mod_encgather/*/*.h t/unit/*.h)

# --- installing ------------------------------------------------------------------------------

DESTDIR   ?=
PREFIX    ?= /usr/local
LIBEXECDIR = $(call ask,LIBEXECDIR)
BINDIR     = $(PREFIX)/bin
SHAREDIR   = $(PREFIX)/share/encgather
MANDIR     = $(PREFIX)/share/man/man1
COMPLETIONDIR = $(PREFIX)/share/bash-completion/completions
COMPLETIONS = $(sort $(wildcard mod_encgather/tool/completion/*))
MANPAGES   = $(OUT)/man/encgather.1 $(OUT)/man/encgather-call.1
POD2MAN    = pod2man --center="mod_encgather" --release="$(VERSION)" --section=1
VERSION    = $(shell sed -n 's/.*EG_VERSION "\(.*\)"/\1/p' mod_encgather/version.h)

$(OUT)/man/encgather.1: mod_encgather/tool/encgather.pod
	@mkdir -p $(@D)
	$(POD2MAN) --name=ENCGATHER $< $@

$(OUT)/man/encgather-call.1: mod_encgather/tool/encgather-call
	@mkdir -p $(@D)
	$(POD2MAN) --name=ENCGATHER-CALL $< $@

# Debian has the place of logs in a variable, everybody else below ServerRoot.
LOGS = $(if $(filter apache2,$(call ask,progname)),$${APACHE_LOG_DIR},logs)
HERE = sed -i 's|$${APACHE_LOG_DIR}/|$(LOGS)/|'

man: $(MANPAGES)

install: all man $(if $(shell command -v pandoc),manual) ## into apxs' module directory and PREFIX (/usr/local); DESTDIR= is put in front
	install -d $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR) $(DESTDIR)$(COMPLETIONDIR) \
	    $(DESTDIR)$(SHAREDIR)/perl/EncGather $(DESTDIR)$(SHAREDIR)/manual $(DESTDIR)$(SHAREDIR)/backends \
	    $(DESTDIR)$(SHAREDIR)/examples $(DESTDIR)$(SHAREDIR)/monitoring
	install -m 0644 $(MODULE) $(DESTDIR)$(LIBEXECDIR)/
	install -m 0755 $(TOOL) mod_encgather/tool/encgather-call $(DESTDIR)$(BINDIR)/
	install -m 0644 $(MANPAGES) $(DESTDIR)$(MANDIR)/
	install -m 0644 $(COMPLETIONS) $(DESTDIR)$(COMPLETIONDIR)/
	install -m 0644 t/lib/EncGather/Caller.pm t/lib/EncGather/Provider.pm t/lib/EncGather/Signature.pm $(DESTDIR)$(SHAREDIR)/perl/EncGather/
	install -m 0644 conf/encgather.conf $(DESTDIR)$(SHAREDIR)/
	install -m 0644 conf/examples/ivr.conf conf/demo/accounts.sql $(DESTDIR)$(SHAREDIR)/examples/
	install -m 0644 $(wildcard conf/monitoring/*) $(DESTDIR)$(SHAREDIR)/monitoring/
	$(HERE) $(DESTDIR)$(SHAREDIR)/encgather.conf $(DESTDIR)$(SHAREDIR)/examples/ivr.conf
	install -m 0644 $(wildcard conf/manual/*.md) $(if $(PANDOC),$(MANUAL_HTML)) $(DESTDIR)$(SHAREDIR)/manual/
	$(if $(wildcard conf/backends/*),install -m 0644 $(wildcard conf/backends/*) $(DESTDIR)$(SHAREDIR)/backends/)

uninstall: ## takes away what "make install" put there
	rm -f $(DESTDIR)$(LIBEXECDIR)/$(notdir $(MODULE)) $(DESTDIR)$(BINDIR)/encgather \
	    $(DESTDIR)$(BINDIR)/encgather-call $(addprefix $(DESTDIR)$(MANDIR)/,$(notdir $(MANPAGES))) \
	    $(addprefix $(DESTDIR)$(COMPLETIONDIR)/,$(notdir $(COMPLETIONS)))
	rm -rf $(DESTDIR)$(SHAREDIR)

deb: deps-build+package ## a Debian package of the working tree, in build/out/deb/
	@build/deb

# --- style -------------------------------------------------------------------------------------

format: ## apply .clang-format to all C
	$(CLANG_FORMAT) -i $(FORMATTED)

format-check: ## fail where clang-format would change something
	$(CLANG_FORMAT) --dry-run --Werror $(FORMATTED)

clean: ## remove what was built
	rm -rf $(OUT)

# what takes longer than a change can wait for, a topic a file
include $(wildcard build/*.mk)

-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)
