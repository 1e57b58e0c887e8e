/* SPDX-License-Identifier: Apache-2.0
 * Looks for secrets in the memory of this process. They are kept so that they do not find themselves. */
#include "memory.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define NEEDLES_MAX 1024
#define COVER UINT64_C(0x9d3b71e5c82f46a7) /* what is kept is the piece xor this */

typedef struct {
    struct {
        uint64_t piece;
        const char *name;
    } needles[NEEDLES_MAX];
    unsigned count;
    bool begins[65536]; /* by the first two bytes of a piece as it is kept */
} haystack;

static haystack *wanted;

bool memory_begin(void)
{
    void *room =
        mmap(NULL, sizeof *wanted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    wanted = room == MAP_FAILED ? NULL : room;
    return wanted != NULL;
}

static uint64_t covered(const unsigned char *at)
{
    uint64_t piece;

    memcpy(&piece, at, sizeof piece);
    return piece ^ COVER;
}

void memory_look_for(const char *name, const void *secret, size_t n)
{
    for (size_t i = 0; i + sizeof(uint64_t) <= n; i += sizeof(uint64_t)) {
        const uint64_t piece = covered((const unsigned char *)secret + i);

        if (wanted->count == NEEDLES_MAX)
            abort();
        wanted->needles[wanted->count].piece = piece;
        wanted->needles[wanted->count].name = name;
        wanted->begins[piece & 0xffff] = true;
        wanted->count++;
    }
}

static const char *name_of(uint64_t piece)
{
    for (unsigned i = 0; i < wanted->count; i++)
        if (wanted->needles[i].piece == piece)
            return wanted->needles[i].name;
    return NULL;
}

static const char *find_between(const unsigned char *from, const unsigned char *to,
                                const unsigned char **at)
{
    for (*at = from; *at + sizeof(uint64_t) <= to; ++*at) {
        const uint64_t piece = covered(*at);
        const char *name = wanted->begins[piece & 0xffff] ? name_of(piece) : NULL;

        if (name)
            return name;
    }
    return NULL;
}

const char *memory_find(char *where, size_t size)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    const char *name = NULL;
    char line[512];

    while (maps && !name && fgets(line, sizeof line, maps)) {
        uintptr_t from, to;
        char mode[5];
        const unsigned char *at;

        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &from, &to, mode) != 3 || mode[1] != 'w')
            continue;
        name = find_between((const unsigned char *)from, (const unsigned char *)to, &at);
        if (name)
            (void)snprintf(where, size, "at %p, in %.*s", (const void *)at,
                           (int)strcspn(line, "\n"), line);
    }
    if (maps)
        (void)fclose(maps);
    return name;
}

bool memory_is_searchable(void)
{
#ifdef __SANITIZE_ADDRESS__
    return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return false;
#endif
#endif
    return true;
}
