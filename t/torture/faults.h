/* SPDX-License-Identifier: Apache-2.0
 * Makes the n-th call of one function fail, and keeps count of what calls take and give back. */
#ifndef FAULTS_H
#define FAULTS_H

#define OPENSSL_SUPPRESS_DEPRECATED /* what core/sha.c calls */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include <apr_pools.h>
#include <apr_thread_proc.h>
#include <apr_xml.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

/* How a call fails; see calls.def. EVER: as BEFORE, and every later call too. */
enum { BEFORE = 1, AFTER = 2, MINUS = 4, INTERRUPTED = 8, SHORT = 16, AT_END = 32, EVER = 64 };

/* What a failure is: decides what the caller has to be told. */
typedef enum {
    BY_CRYPTO,
    BY_POINT, /* nor does it say whether a stranger's point is bad or looking at it failed */
    BY_TAG,   /* OpenSSL says the same for a wrong tag and for a failure of its own */
    BY_MAP,
    BY_MADVISE,
    BY_ADVICE, /* nobody needs it to succeed */
    BY_FILE,
    BY_JSON,
    BY_XML,
    BY_INNER_CRYPTO, /* an allocation inside of OpenSSL: it may do without */
    BY_INNER_JSON,
    BY_ALL, /* one of them, or several */
#ifdef TORTURE_SERVER
    BY_CONFIG, /* while the configuration is read */
    BY_DATABASE,
    BY_QUERY, /* which is repeated */
    BY_BACKEND,
    BY_HANDOVER, /* between the parent and its children */
    BY_CLIENT,   /* the client's connection breaks off while it sends */
    BY_ANSWER,   /* the answer cannot be sent */
#endif
    CAUSES
} fault_cause;

typedef enum {
    A_MAP,
    A_FILE,
    A_TEXT,
    A_BLOCK,
    A_CIPHER,
    A_DIGEST,
    A_CIPHER_CONTEXT,
    A_DIGEST_CONTEXT,
    A_KEY_CONTEXT,
    A_KEY,
    A_CERTIFICATE,
    A_JSON_BLOCK,
    THINGS
} fault_thing;

/* The functions, by number. */
enum {
#define SAYS(type, name, parameters, arguments, failure, cause, ways) F_##name,
#define SETS(name, parameters, arguments, error, cause, ways) F_##name,
#define MAKES(type, name, parameters, arguments, cause, thing) F_##name,
#define TAKES(name, parameters, arguments, thing) F_##name,
#define OWN(name, cause, ways) F_##name,
#include "calls.def"
#undef SAYS
#undef SETS
#undef MAKES
#undef TAKES
#undef OWN
    F_ALL_CRYPTO,   /* whichever call of OpenSSL is the n-th */
    F_EVERYTHING,   /* whichever call is */
    F_INNER_CRYPTO, /* malloc and realloc as OpenSSL calls them */
    F_INNER_JSON,   /* malloc as jansson calls it */
    FUNCTIONS
};

typedef struct {
    const char *name;
    fault_cause cause;
    int ways;        /* 0: it cannot fail */
    bool is_wrapped; /* a call of its own */
} fault_function;

extern const fault_function fault_functions[FUNCTIONS];

/* From now on the n-th call of that function fails in that way. */
void fault_arm(int function, int way, unsigned n);
void fault_disarm(void);

/* Nothing fails in between; takes what the first returned. */
int fault_pause(void);
void fault_go_on(int way);

/* Of the functions by number: what stands in their place; not of what is within a library. */
typedef void (*fault_wrapper)(void);
extern const fault_wrapper fault_wrappers[FUNCTIONS];

/* How many calls failed since the last arming. */
unsigned fault_fired(void);

/* For wrappers: the way in which this call has to fail, or 0. */
int fault_due(int function);

/* What is taken and not given back, from the last call of fault_count_from_here() on. */
void fault_count_from_here(void);
void fault_took(fault_thing thing, const void *what);
void fault_gave(fault_thing thing, const void *what);
/* The name of a kind of thing that is still held, and how many; NULL: none. */
const char *fault_held(int *count);

/* free(3) itself, for what is no thing of the core's. */
void fault_free(void *block);

/* Takes over the allocations of OpenSSL and jansson; before either is used. */
bool fault_watch_libraries(void);

const char *fault_way_name(int way);

#endif
