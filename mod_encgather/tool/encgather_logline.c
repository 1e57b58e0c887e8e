/* SPDX-License-Identifier: Apache-2.0
 * Lines of access logs and error logs: whose call, and what of it. */
#include "encgather_logline.h"

static const eg_span none = {"", 0};

static eg_span span_between(const char *from, const char *to)
{
    return (eg_span){from, (apr_size_t)(to - from)};
}

static bool is_word_char(char c)
{
    return eg_is_alnum(c) || c == '_' || c == '-';
}

/* --- whose call -------------------------------------------------------------------------------- */

/* A colon can be part of an id, and follows one in the error log. */
static bool ends_there(const char *behind, const char *end)
{
    if (behind == end)
        return true;
    if (*behind == ':')
        return behind + 1 == end || !is_word_char(behind[1]);
    return !is_word_char(*behind);
}

const char *eg_log_find_call(eg_span line, eg_span sid)
{
    const char *end = line.p + line.n, *from = line.p, *found;

    while ((found = memmem(from, (apr_size_t)(end - from), sid.p, sid.n)) != NULL) {
        if ((found == line.p || !is_word_char(found[-1])) && ends_there(found + sid.n, end))
            return found;
        from = found + 1;
    }
    return NULL;
}

/* --- values by name ---------------------------------------------------------------------------- */

static const char *skip_any(const char *p, const char *end, const char *any)
{
    while (p < end && *p && strchr(any, *p))
        p++;
    return p;
}

static const char *word_end(const char *p, const char *end)
{
    while (p < end && *p && !strchr(" \t\",}", *p))
        p++;
    return p;
}

/* Behind a name: "=", ":" or, in JSON, "\":". NULL: it is no name. */
static const char *behind_name(const char *p, const char *end)
{
    const char *sign = skip_any(p, end, "\"");

    if (sign == end || (*sign != '=' && *sign != ':'))
        return NULL;
    return skip_any(sign + 1, end, " \"");
}

/* The value of name=value, name: value or "name":"value" in the text. A name in a URL stands behind "?"
 * or "&", and is somebody else's. */
static eg_span named_value(eg_span text, const char *name)
{
    const char *end = text.p + text.n, *from = text.p, *found, *value;
    apr_size_t n = strlen(name);

    while ((found = memmem(from, (apr_size_t)(end - from), name, n)) != NULL) {
        bool begins = found == text.p || strchr(" \t\",{", found[-1]);

        value = begins ? behind_name(found + n, end) : NULL;
        if (value)
            return span_between(value, word_end(value, end));
        from = found + 1;
    }
    return none;
}

static bool has_only_digits(eg_span word)
{
    for (apr_size_t i = 0; i < word.n; i++)
        if (!eg_is_digit(word.p[i]))
            return false;
    return word.n > 0;
}

static bool is_status(eg_span word)
{
    return word.n == 3 && has_only_digits(word) && word.p[0] >= '1' && word.p[0] <= '5';
}

/* --- values by place --------------------------------------------------------------------------- */

static eg_span word_from_left(eg_span *text)
{
    const char *end = text->p + text->n;
    const char *from = skip_any(text->p, end, " ");
    const char *to = word_end(from, end);

    *text = span_between(to, end);
    return span_between(from, to);
}

static eg_span word_from_right(eg_span *text)
{
    apr_size_t to = text->n, from;

    while (to && text->p[to - 1] == ' ')
        to--;
    for (from = to; from && text->p[from - 1] != ' ';)
        from--;
    *text = (eg_span){text->p, from};
    return span_between(text->p + from, text->p + to);
}

/* What follows the quoted request, in all formats that are made after httpd's own. */
static eg_span behind_request(eg_span line)
{
    for (apr_size_t i = 1; i + 5 <= line.n; i++)
        if (line.p[i] == '"' && line.p[i - 1] != '\\' && line.p[i + 1] == ' ' &&
            is_status((eg_span){line.p + i + 2, 3}))
            return (eg_span){line.p + i + 1, line.n - i - 1};
    return none;
}

/* "request" STATUS BYTES MICROSECONDS call=..., or without them: HOST STATUS MICROSECONDS call=... */
static void read_numbers(eg_span line, eg_span before_call, eg_log_line *out)
{
    eg_span rest = behind_request(line), last, second;

    if (rest.n) {
        out->status = word_from_left(&rest);
        (void)word_from_left(&rest);
        last = word_from_left(&rest);
        if (has_only_digits(last) && last.p < before_call.p + before_call.n)
            out->microseconds = last;
        return;
    }
    last = word_from_right(&before_call);
    second = word_from_right(&before_call);
    if (has_only_digits(last) && is_status(second)) {
        out->status = second;
        out->microseconds = last;
    }
}

static bool is_signature(eg_span word)
{
    static const char *const words[] = {"valid", "invalid", "missing", "unchecked", "-"};

    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (eg_span_eq(word, eg_span_of(words[i])))
            return true;
    return false;
}

/* "SID STEP RESULT SIGNATURE": the four variables one behind the other, without names. */
static void read_unnamed(eg_span behind, eg_log_line *out)
{
    eg_span step = word_from_left(&behind), result = word_from_left(&behind);
    eg_span signature = word_from_left(&behind);

    if (!is_signature(signature))
        return;
    out->step = step;
    out->result = result;
    out->signature = signature;
}

/* Behind the call are our variables; in front of it a client may have written what it likes. */
static void read_webhook(eg_span line, eg_span sid, const char *at, eg_log_line *out)
{
    eg_span before = span_between(line.p, at);
    eg_span behind = span_between(at + sid.n, line.p + line.n);

    out->result = named_value(behind, "result");
    if (out->result.n) {
        out->step = named_value(behind, "step");
        out->signature = named_value(behind, "signature");
        (void)word_from_right(&before); /* "call=" */
    } else {
        read_unnamed(behind, out);
    }
    if (!out->result.n)
        return;
    out->kind = EG_LINE_WEBHOOK;
    out->status = named_value(line, "status");
    out->microseconds = named_value(line, "microseconds");
    if (!is_status(out->status))
        read_numbers(line, before, out);
    if (!has_only_digits(out->microseconds))
        out->microseconds = none;
}

/* --- error logs -------------------------------------------------------------------------------- */

/* The text behind all "[...] " at its beginning; brackets gets the second of them. */
static eg_span behind_brackets(eg_span line, eg_span *second)
{
    *second = none;
    for (int n = 1; line.n && line.p[0] == '['; n++) {
        const char *end = memmem(line.p, line.n, "] ", 2);

        if (!end)
            break;
        if (n == 2)
            *second = span_between(line.p + 1, end);
        line = span_between(end + 2, line.p + line.n);
    }
    return line;
}

/* "EG0501: call SID: why": what stands before the tag (an error of the system, the client) is left
 * out, and so is what one knows already. */
static void read_tag(eg_span sid, const char *at, eg_log_line *out)
{
    const eg_span between_them = EG_LIT(": call ");
    const apr_size_t tag = 6, front = tag + between_them.n;
    const char *end = out->text.p + out->text.n;

    if (at < out->text.p || (apr_size_t)(at - out->text.p) < front ||
        (apr_size_t)(end - at) < sid.n + 2)
        return;
    if (memcmp(at - front, "EG", 2) == 0 &&
        memcmp(at - between_them.n, between_them.p, between_them.n) == 0 &&
        memcmp(at + sid.n, ": ", 2) == 0) {
        out->tag = (eg_span){at - front, tag};
        out->text = span_between(at + sid.n + 2, end);
    }
}

static void read_error(eg_span line, eg_span sid, const char *at, eg_log_line *out)
{
    eg_span module, text = behind_brackets(line, &module);
    const char *colon = module.n ? memchr(module.p, ':', module.n) : NULL;

    if (!colon)
        return;
    out->kind = EG_LINE_ERROR;
    out->level = span_between(colon + 1, module.p + module.n);
    out->text = text;
    read_tag(sid, at, out);
}

void eg_log_read(eg_span line, eg_span sid, const char *at, eg_log_line *out)
{
    *out = (eg_log_line){EG_LINE_OTHER, none, none, none, none, none, none, none, line};
    read_error(line, sid, at, out);
    if (out->kind == EG_LINE_OTHER)
        read_webhook(line, sid, at, out);
}
