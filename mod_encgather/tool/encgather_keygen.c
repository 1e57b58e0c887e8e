/* SPDX-License-Identifier: Apache-2.0
 * encgather keygen: a new key, alone or as a line of a key ring. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <apr_strings.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include "core/secret.h"
#include "encgather_io.h"

#define LINE_SIZE (EG_KEY_ID_MAX + 1 + 2 * EG_KEY_SIZE + 2) /* id, blank, digits, line end, NUL */

/* Never interrupted: getrandom(2) gives up to 256 bytes at once when it has begun. */
static bool draw_key(unsigned char key[EG_KEY_SIZE])
{
    ssize_t got;

    do
        got = getrandom(key, EG_KEY_SIZE, 0);
    while (got < 0 && errno == EINTR);
    return got == EG_KEY_SIZE;
}

static apr_size_t make_line(const char *id, const unsigned char key[EG_KEY_SIZE], char *line)
{
    apr_size_t n = id ? strlen(id) : 0;

    if (id) {
        /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a line with a length, no string */
        memcpy(line, id, n);
        line[n++] = ' ';
    }
    eg_hex_encode(line + n, key, EG_KEY_SIZE);
    n += 2 * EG_KEY_SIZE;
    line[n++] = '\n';
    return n;
}

static eg_exit write_key(const eg_tool *tool, const char *path, const char *line, apr_size_t n)
{
    const eg_new_file file = {path, S_IRUSR | S_IWUSR, {line, n}};

    if (path && strcmp(path, "-") != 0)
        return eg_write_new(tool, &file, 1);
    if (eg_write(STDOUT_FILENO, line, n))
        return EG_EXIT_GOOD;
    eg_tool_complain(tool, "standard output: %s", strerror(errno));
    return EG_EXIT_SYSTEM;
}

static eg_exit make_key(const eg_tool *tool, const char *id, const char *path)
{
    unsigned char key[EG_KEY_SIZE];
    char line[LINE_SIZE];
    eg_exit result = EG_EXIT_SYSTEM;

    if (draw_key(key))
        result = write_key(tool, path, line, make_line(id, key, line));
    else
        eg_tool_complain(tool, "no random bytes: %s", strerror(errno));
    eg_wipe(key, sizeof key);
    eg_wipe(line, sizeof line);
    return result;
}

/* --- pairs ----------------------------------------------------------------------------------------- */

#define RSA_BITS 3072

/* NULL: there is no such kind, or OpenSSL failed. */
static EVP_PKEY *make_pair(eg_crypto *crypto, const char *kind)
{
    if (strcmp(kind, "p256") == 0)
        return eg_ephemeral_key(crypto, EG_CURVE_P256);
    if (strcmp(kind, "x25519") == 0)
        return eg_ephemeral_key(crypto, EG_CURVE_X25519);
    return strcmp(kind, "rsa") == 0 ? EVP_RSA_gen(RSA_BITS) : NULL;
}

static bool is_pair_kind(const char *kind)
{
    return strcmp(kind, "p256") == 0 || strcmp(kind, "x25519") == 0 || strcmp(kind, "rsa") == 0;
}

static eg_span content_of(BIO *bio)
{
    char *bytes = NULL;
    long n = bio ? BIO_get_mem_data(bio, &bytes) : 0;

    return (eg_span){bytes, (apr_size_t)(n > 0 ? n : 0)};
}

/* The private half in FILE, the public one beside it: both or none. */
static eg_exit write_pair(const eg_tool *tool, const char *path, EVP_PKEY *pair)
{
    BIO *private = BIO_new(BIO_s_mem()), *public = BIO_new(BIO_s_mem());
    bool good = private && public &&
                PEM_write_bio_PKCS8PrivateKey(private, pair, NULL, NULL, 0, NULL, NULL) == 1 &&
                PEM_write_bio_PUBKEY(public, pair) == 1;
    const eg_new_file files[2] = {{path, S_IRUSR | S_IWUSR, content_of(private)},
                                  {apr_pstrcat(tool->pool, path, ".pub", NULL),
                                   S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH, content_of(public)}};
    eg_exit result = EG_EXIT_SYSTEM;

    if (good)
        result = eg_write_new(tool, files, 2);
    else
        eg_tool_complain(tool, "OpenSSL failed");
    BIO_free(private);
    BIO_free(public);
    return result;
}

static eg_exit make_pair_files(const eg_tool *tool, const char *kind, const char *path)
{
    EVP_PKEY *pair = make_pair(tool->crypto, kind);
    eg_exit result = EG_EXIT_SYSTEM;

    if (pair)
        result = write_pair(tool, path, pair);
    else
        eg_tool_complain(tool, "OpenSSL or the random source failed");
    EVP_PKEY_free(pair);
    return result;
}

static eg_exit refuse_keygen(const eg_tool *tool, const char *what)
{
    eg_tool_complain(tool, "%s; see: encgather keygen --help", what);
    return EG_EXIT_USAGE;
}

static eg_exit run_keygen(eg_tool *tool)
{
    const char *id = NULL, *kind = NULL;
    const eg_option options[] = {
        {"--id", &id, NULL, false}, {"--recipient", &kind, NULL, false}, {NULL, NULL, NULL, false}};
    eg_operands files = {.min = 0, .max = 1};

    if (!eg_tool_options(tool, options, &files))
        return EG_EXIT_USAGE;
    if (id && !eg_is_key_id(eg_span_of(id))) {
        eg_tool_complain(tool, "an id is 1 to %d of A-Z a-z 0-9 _ -", EG_KEY_ID_MAX);
        return EG_EXIT_USAGE;
    }
    if (!kind)
        return make_key(tool, id, files.n ? files.at[0] : NULL);
    if (!is_pair_kind(kind))
        return refuse_keygen(tool, "--recipient is p256, x25519 or rsa");
    if (id || !files.n || strcmp(files.at[0], "-") == 0)
        return refuse_keygen(tool, "a pair has no id yet, and needs a FILE");
    return make_pair_files(tool, kind, files.at[0]);
}

const eg_command eg_command_keygen = {
    "keygen",
    "make a key, or a pair of keys",
    "usage: encgather keygen [--id ID] [FILE]\n"
    "       encgather keygen --recipient p256|x25519|rsa FILE\n"
    "\n"
    "Makes a random AES-256 key of 64 hexadecimal digits and writes it to the new\n"
    "FILE with mode 0600, or to standard output. A file that is there is never\n"
    "overwritten.\n"
    "\n"
    "  --id ID            write a line of a key ring, ID and key; ID is 1 to 32 of\n"
    "                     A-Za-z0-9_-\n"
    "  --recipient KIND   make a pair: the private key (PKCS#8 PEM) in FILE, mode 0600,\n"
    "                     the public one in FILE.pub, mode 0644\n",
    run_keygen,
};
