# The manual for browsers, in build/out/manual/: by pandoc, out of what conf/manual has in Markdown.

MANUAL_SOURCES := $(sort $(wildcard conf/manual/*.md))
MANUAL_STYLE   := $(OUT)/manual/manual.css $(OUT)/manual/palette.css
MANUAL_HTML    := $(patsubst conf/manual/%.md,$(OUT)/manual/%.html,$(MANUAL_SOURCES)) $(MANUAL_STYLE)
PANDOC         := $(shell command -v pandoc 2>/dev/null || :)

.PHONY: manual
manual: $(MANUAL_HTML) ## the manual for browsers, in build/out/manual/ (by pandoc)

$(OUT)/manual/%.html: conf/manual/%.md conf/manual/index.md conf/manual/html/page.html conf/manual/html/page.lua
	@mkdir -p $(@D)
	@command -v pandoc >/dev/null || { echo "make: no pandoc found; run build/deps.sh package" >&2; exit 1; }
	pandoc --from=gfm --to=html5 --wrap=none --no-highlight --standalone --toc --toc-depth=3 \
	    --template=conf/manual/html/page.html --lua-filter=conf/manual/html/page.lua --output=$@ $<

$(OUT)/manual/manual.css: conf/manual/html/manual.css
	@mkdir -p $(@D)
	cp $< $@

$(OUT)/manual/palette.css: conf/palette.css
	@mkdir -p $(@D)
	cp $< $@
