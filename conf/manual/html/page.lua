-- SPDX-License-Identifier: Apache-2.0
-- Makes a page of the manual for browsers out of its Markdown: links go to .html, tables and listings scroll in boxes of their
-- own, and the pages that the index lists lead to each other.

local here = PANDOC_STATE.input_files[1]
local directory, name = here:match('^(.*/)([%w-]+)%.md$')

local function text(inlines)
    return pandoc.utils.stringify(inlines)
end

-- "page.md#place" as "page.html#place"
local function to_html(target)
    return (target:gsub('^([%w-]+)%.md', '%1.html'))
end

-- --- Pages -----------------------------------------------------------------------------------------

-- In the order of the index: {href, title, current} each, after the index itself.
local function pages()
    local file = assert(io.open(directory .. 'index.md'))
    local list = { { href = 'index.html', title = 'The manual', current = name == 'index' } }
    for line in file:lines() do
        local title, page = line:match('^%d+%. %[(.-)%]%(([%w-]+)%.md%)')
        if page then
            table.insert(list, { href = page .. '.html', title = title, current = page == name })
        end
    end
    file:close()
    return list
end

local function add_pages(meta)
    meta.pages = pages()
    for n, page in ipairs(meta.pages) do
        if page.current then
            meta.previous, meta.next = meta.pages[n - 1], meta.pages[n + 1]
        end
    end
end

-- --- Blocks ----------------------------------------------------------------------------------------

-- What may scroll must be reachable by keyboard, and what can be reached has a name. Pairs keep their order, so that the same page
-- is made each time.
local function box(class, label, block)
    return pandoc.Div({ block }, pandoc.Attr('', { 'box', class }, { { 'role', 'region' }, { 'tabindex', '0' }, { 'aria-label', label } }))
end

local counts = { table = 0, listing = 0 }

local function labelled(kind, section)
    counts[kind] = counts[kind] + 1
    return ('%s %d: %s'):format(kind:gsub('^%l', string.upper), counts[kind], section)
end

-- Browsers know better how wide a column has to be. The first column names what is in its row, and each heading says something.
local function tidy(block)
    local cells, headings = block.head.rows[1].cells, ''
    for n, spec in ipairs(block.colspecs) do
        block.colspecs[n] = { spec[1], nil }
        headings = headings .. text(cells[n].contents)
        if text(cells[n].contents) == '' then
            cells[n].contents = { pandoc.Plain { pandoc.RawInline('html', '<span class="unseen">what</span>') } }
        end
    end
    if headings == '' then
        block.head.rows = {}
    end
    for _, body in ipairs(block.bodies) do
        body.row_head_columns = 1
    end
    return block
end

local section = ''
local as_page    -- also of what is inside of lists

local function block_of_page(block)
    if block.t == 'Header' then
        section = text(block)
    elseif block.t == 'Table' then
        return box('columns-' .. #block.colspecs, labelled('table', section), tidy(block))
    elseif block.t == 'CodeBlock' then
        return box('listing', labelled('listing', section), block)
    elseif block.t == 'BulletList' or block.t == 'OrderedList' then
        block.content = block.content:map(as_page)
    elseif block.t == 'BlockQuote' then
        block.content = as_page(block.content)
    end
    return block
end

function as_page(blocks)
    local made = pandoc.List()
    for _, block in ipairs(blocks) do
        if not (block.t == 'RawBlock' and block.text:match('^<!%-%-')) then
            made:insert(block_of_page(block))
        end
    end
    return made
end

function Link(link)
    link.target = to_html(link.target)
    return link
end

function Pandoc(document)
    local first = document.blocks[1]
    assert(first.t == 'Header' and first.level == 1, here .. ': it begins with its title')
    document.meta.pagetitle = name == 'index' and text(first) or text(first) .. ' · mod_encgather'
    add_pages(document.meta)
    document.meta.sections = document.blocks:find_if(function(block) return block.t == 'Header' and block.level == 2 end) ~= nil
    document.blocks = as_page(document.blocks)
    return document
end
