/* SPDX-License-Identifier: Apache-2.0
 * The protected header of a jwe token, written in one order and read strictly (RFC 7516, 4). */
#include "jweheader.h"

#include "base64url.h"
#include "json.h"

/* --- writing --------------------------------------------------------------------------------------- */

/* Counts, and writes unless there is nothing to write to. */
typedef struct {
    char *out;
    apr_size_t n;
} text_writer;

static void put_text(text_writer *to, eg_span text)
{
    if (to->out && text.n)
        memcpy(to->out + to->n, text.p, text.n);
    to->n += text.n;
}

/* Of RFC 8259, 7: a quotation mark, a backslash and what is below the blank. */
static bool is_special(char c)
{
    return c == '"' || c == '\\' || (unsigned char)c < ' ';
}

static void put_special(text_writer *to, char c)
{
    static const char digits[] = "0123456789abcdef";
    const char escape[] = {'\\', 'u', '0', '0', digits[(unsigned char)c >> 4], digits[c & 15]};

    put_text(to, (eg_span){escape, sizeof escape});
}

static void put_json_string(text_writer *to, eg_span text)
{
    apr_size_t plain = 0;

    put_text(to, EG_LIT("\""));
    for (apr_size_t i = 0; i < text.n; i++, plain++)
        if (is_special(text.p[i])) {
            put_text(to, (eg_span){text.p + i - plain, plain});
            put_special(to, text.p[i]);
            plain = (apr_size_t)-1;
        }
    put_text(to, (eg_span){text.p + text.n - plain, plain});
    put_text(to, EG_LIT("\""));
}

static void put_seconds(text_writer *to, apr_int64_t number)
{
    char digits[20], *at = digits + sizeof digits;

    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    put_text(to, (eg_span){at, (apr_size_t)(digits + sizeof digits - at)});
}

static void put_coordinate(text_writer *to, const unsigned char *bytes)
{
    if (to->out)
        (void)eg_base64url_encode(to->out + to->n, (eg_span){(const char *)bytes, EG_COORDINATE});
    to->n += EG_BASE64URL_LENGTH(EG_COORDINATE);
}

static void put_point(text_writer *to, eg_key_kind kind, const eg_envelope *envelope)
{
    static const unsigned char nothing[EG_POINT_MAX];
    const unsigned char *point = envelope ? envelope->point : nothing;

    if (kind == EG_X25519) {
        put_text(to, EG_LIT(",\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\""));
        put_coordinate(to, point);
    } else {
        put_text(to, EG_LIT(",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\""));
        put_coordinate(to, point + 1);
        put_text(to, EG_LIT("\",\"y\":\""));
        put_coordinate(to, point + 1 + EG_COORDINATE);
    }
    put_text(to, EG_LIT("\"}"));
}

eg_span eg_jwe_kid(const eg_sealing *with)
{
    return eg_span_of(with->recipient ? with->recipient->kid : with->ring->keys[0].id);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): what writes has it in its hands */
apr_size_t eg_jwe_header_write(const eg_sealing *with, const eg_envelope *envelope, char *out)
{
    const eg_envelope_key *recipient = with->recipient;
    const eg_span kid = eg_jwe_kid(with);
    text_writer to = {out, 0};

    put_text(&to, EG_LIT("{\"alg\":\""));
    put_text(&to, eg_span_of(recipient ? eg_envelope_alg(recipient->kind) : "dir"));
    put_text(&to, EG_LIT("\",\"enc\":\"A256GCM\""));
    if (kid.n) {
        put_text(&to, EG_LIT(",\"kid\":\""));
        put_text(&to, kid);
        put_text(&to, EG_LIT("\""));
    }
    if (recipient && recipient->kind != EG_RSA)
        put_point(&to, recipient->kind, envelope);
    put_text(&to, EG_LIT(",\"iat\":"));
    put_seconds(&to, with->iat);
    put_text(&to, EG_LIT(",\"sid\":"));
    put_json_string(&to, with->sid);
    put_text(&to, EG_LIT(",\"fld\":"));
    put_json_string(&to, with->fld);
    put_text(&to, EG_LIT("}"));
    return to.n;
}

/* --- reading --------------------------------------------------------------------------------------- */

/* Spans are cut out of the parsed object, which lives as long. */
static bool read_name(const eg_json *header, const char *name, eg_span *value)
{
    return eg_json_string(header, name, value) == EG_OK;
}

static bool has_name(const eg_json *object, const char *name, const char *value)
{
    eg_span is;

    return read_name(object, name, &is) && eg_span_eq(is, eg_span_of(value));
}

static bool has_forbidden(const eg_json *header)
{
    static const char *const names[] = {"crit", "zip", "apu", "apv"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (eg_json_has(header, eg_span_of(names[i])))
            return true;
    return false;
}

static bool read_claims(const eg_json *header, eg_claims *claims)
{
    *claims = (eg_claims){.iat = -1};
    if (eg_json_has(header, EG_LIT("kid")) && !read_name(header, "kid", &claims->kid))
        return false;
    return read_name(header, "alg", &claims->alg) && has_name(header, "enc", "A256GCM") &&
           read_name(header, "sid", &claims->sid) && read_name(header, "fld", &claims->fld) &&
           eg_json_integer(header, "iat", &claims->iat) == EG_OK && claims->iat >= 0;
}

static bool read_epk_number(const eg_json *epk, const char *name, unsigned char *out)
{
    eg_span text;

    return read_name(epk, name, &text) &&
           eg_base64url_decode_exactly(out, EG_COORDINATE, text) == EG_OK;
}

/* Exactly its own members: whatever else there was, somebody would take it for more than it is. */
static bool read_epk(const eg_json *epk, eg_jwe_header *header)
{
    if (has_name(epk, "kty", "EC") && has_name(epk, "crv", "P-256") && eg_json_size(epk) == 4) {
        header->kind = EG_P256;
        header->point_n = EG_POINT_MAX;
        header->point[0] = 4;
        return read_epk_number(epk, "x", header->point + 1) &&
               read_epk_number(epk, "y", header->point + 1 + EG_COORDINATE);
    }
    header->kind = EG_X25519;
    header->point_n = EG_COORDINATE;
    return has_name(epk, "kty", "OKP") && has_name(epk, "crv", "X25519") &&
           eg_json_size(epk) == 3 && read_epk_number(epk, "x", header->point);
}

static bool read_envelope(const eg_json *json, apr_pool_t *pool, eg_jwe_header *header)
{
    const eg_span alg = header->claims.alg;

    header->is_direct = eg_span_eq(alg, EG_LIT("dir"));
    header->kind = EG_RSA;
    header->point_n = 0;
    if (eg_span_eq(alg, EG_LIT("ECDH-ES")))
        return read_epk(eg_json_inner(json, "epk", pool), header);
    return (header->is_direct || eg_span_eq(alg, EG_LIT("RSA-OAEP-256"))) &&
           !eg_json_has(json, EG_LIT("epk"));
}

/* --- reading what we wrote ------------------------------------------------------------------------- */

/* Nearly every token that is read is one that was written here, with members in our order and nothing
 * to be unescaped: those need no parser of JSON, which costs more than all the rest. Whatever is not
 * exactly so is none of these, and is read as JSON. */

static bool take_text(eg_span *rest, eg_span text)
{
    if (rest->n < text.n || memcmp(rest->p, text.p, text.n) != 0)
        return false;
    *rest = (eg_span){rest->p + text.n, rest->n - text.n};
    return true;
}

/* Up to the quotation mark, which is taken as well: printable ASCII without a backslash. */
static bool take_plain(eg_span *rest, eg_span *value)
{
    apr_size_t n = 0;

    while (n < rest->n && rest->p[n] != '"') {
        unsigned char c = (unsigned char)rest->p[n];

        if (c < ' ' || c == '\\' || c >= 0x7f)
            return false;
        n++;
    }
    *value = (eg_span){rest->p, n};
    *rest = (eg_span){rest->p + n, rest->n - n};
    return take_text(rest, EG_LIT("\""));
}

/* No zero in front of others, no more digits than fit for certain. */
static bool take_seconds(eg_span *rest, apr_int64_t *number)
{
    apr_size_t n = 0;

    for (*number = 0; n < rest->n && n < 18 && eg_is_digit(rest->p[n]); n++)
        *number = *number * 10 + (rest->p[n] - '0');
    if (n == 0 || (n > 1 && rest->p[0] == '0'))
        return false;
    *rest = (eg_span){rest->p + n, rest->n - n};
    return true;
}

static bool take_coordinate(eg_span *rest, unsigned char *out)
{
    eg_span text;

    return take_plain(rest, &text) &&
           eg_base64url_decode_exactly(out, EG_COORDINATE, text) == EG_OK;
}

static bool take_epk(eg_span *rest, eg_jwe_header *header)
{
    if (take_text(rest, EG_LIT(",\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\""))) {
        header->kind = EG_X25519;
        header->point_n = EG_COORDINATE;
        return take_coordinate(rest, header->point) && take_text(rest, EG_LIT("}"));
    }
    header->kind = EG_P256;
    header->point_n = EG_POINT_MAX;
    header->point[0] = 4;
    return take_text(rest, EG_LIT(",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"")) &&
           take_coordinate(rest, header->point + 1) && take_text(rest, EG_LIT(",\"y\":\"")) &&
           take_coordinate(rest, header->point + 1 + EG_COORDINATE) && take_text(rest, EG_LIT("}"));
}

static bool take_envelope(eg_span *rest, eg_jwe_header *header)
{
    if (eg_span_eq(header->claims.alg, EG_LIT("ECDH-ES")))
        return take_epk(rest, header);
    return header->is_direct || eg_span_eq(header->claims.alg, EG_LIT("RSA-OAEP-256"));
}

static bool take_alg(eg_span *rest, eg_jwe_header *header)
{
    header->claims = (eg_claims){.iat = -1};
    if (!take_text(rest, EG_LIT("{\"alg\":\"")) || !take_plain(rest, &header->claims.alg))
        return false;
    header->is_direct = eg_span_eq(header->claims.alg, EG_LIT("dir"));
    header->kind = EG_RSA;
    header->point_n = 0;
    return take_text(rest, EG_LIT(",\"enc\":\"A256GCM\""));
}

static bool read_our_own(eg_span rest, eg_jwe_header *header)
{
    eg_claims *claims = &header->claims;

    if (!take_alg(&rest, header))
        return false;
    if (take_text(&rest, EG_LIT(",\"kid\":\"")) && !take_plain(&rest, &claims->kid))
        return false;
    if (!take_envelope(&rest, header))
        return false;
    return take_text(&rest, EG_LIT(",\"iat\":")) && take_seconds(&rest, &claims->iat) &&
           take_text(&rest, EG_LIT(",\"sid\":\"")) && take_plain(&rest, &claims->sid) &&
           take_text(&rest, EG_LIT(",\"fld\":\"")) && take_plain(&rest, &claims->fld) &&
           take_text(&rest, EG_LIT("}")) && rest.n == 0;
}

static bool read_as_json(apr_pool_t *pool, eg_span text, eg_jwe_header *header)
{
    const eg_json *json = eg_json_parse(pool, text);

    return json && !has_forbidden(json) && read_claims(json, &header->claims) &&
           read_envelope(json, pool, header);
}

bool eg_jwe_header_read(apr_pool_t *pool, eg_span text, eg_jwe_header *header)
{
    return read_our_own(text, header) || read_as_json(pool, text, header);
}
