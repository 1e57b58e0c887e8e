/* SPDX-License-Identifier: Apache-2.0
 * For tests only: makes one call of mod_encgather fail while a server serves one request, or while it starts. Only the
 * calls of mod_encgather.so are redirected, in its own table of imported functions; everybody else's stay as they are.
 *
 *     LoadModule torture_module .../mod_torture.so     after encgather_module
 *
 *     X-Torture: FUNCTION/WAY/N             in a request: WAY as fault_way_name() says it
 *     X-Torture-Pid, X-Torture-Fired        in an answer: who answers, and how many calls failed in the request before
 *     ENCGATHER_TORTURE_ORDER=FILE          in the environment; it holds a line PHASE/FUNCTION/WAY/N, read anew each time;
 *                                           PHASE: configuration (with each restart), or child (its start) */
#define TORTURE_SERVER 1

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <ap_expr.h>
#include <apr_dbd.h>
#include <apr_portable.h>
#include <apr_shm.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include <link.h>
#include <poll.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <time.h>

/* What the C library makes of pthread_atfork() in a library; no header has it. */
int __register_atfork(void (*before)(void), void (*parent)(void), void (*child)(void),
                      void *library);

#include "../faults.c"
#include "../wraps.c"

module AP_MODULE_DECLARE_DATA __attribute__((visibility("default"))) torture_module;

#define TARGET "/mod_encgather.so"
#define VARIABLE "ENCGATHER_TORTURE_ORDER"

/* --- redirecting the calls of one library ------------------------------------------------------ */

/* What the dynamic section of a library says about the functions that it imports. */
typedef struct {
    const ElfW(Sym) * symbols;
    const char *strings;
    const ElfW(Rela) * tables[2];
    size_t sizes[2]; /* bytes */
} imports;

static imports read_imports(const ElfW(Dyn) * entry)
{
    imports of = {0};

    for (; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_SYMTAB)
            of.symbols = (const void *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_STRTAB)
            of.strings = (const void *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_RELA)
            of.tables[0] = (const void *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_RELASZ)
            of.sizes[0] = entry->d_un.d_val;
        else if (entry->d_tag == DT_JMPREL)
            of.tables[1] = (const void *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_PLTRELSZ)
            of.sizes[1] = entry->d_un.d_val;
    }
    return of;
}

static int function_named(const char *name)
{
    for (int i = 0; i < FUNCTIONS; i++)
        if (strcmp(fault_functions[i].name, name) == 0)
            return i;
    return -1;
}

/* The table is read-only once the library is loaded. */
static bool write_slot(void *slot, fault_wrapper wrapper)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    void *start = (void *)((uintptr_t)slot & ~(page - 1));

    if (mprotect(start, page, PROT_READ | PROT_WRITE) != 0)
        return false;
    memcpy(slot, &wrapper, sizeof wrapper);
    return true;
}

static unsigned redirect_table(ElfW(Addr) base, const imports *of, unsigned number)
{
    unsigned redirected = 0;

    for (size_t i = 0; i < of->sizes[number] / sizeof(ElfW(Rela)); i++) {
        const ElfW(Rela) *entry = &of->tables[number][i];
        const size_t symbol = entry->r_info >> 32; /* 64-bit machines alone */
        const int function = function_named(of->strings + of->symbols[symbol].st_name);

        if (symbol && function >= 0)
            redirected += write_slot((void *)(base + entry->r_offset), fault_wrappers[function]);
    }
    return redirected;
}

static int redirect_library(struct dl_phdr_info *library, size_t size, void *redirected)
{
    const size_t n = strlen(library->dlpi_name), tail = sizeof TARGET - 1;

    (void)size;
    if (n < tail || strcmp(library->dlpi_name + n - tail, TARGET) != 0)
        return 0;
    for (unsigned i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &library->dlpi_phdr[i];
        imports of;

        if (part->p_type != PT_DYNAMIC)
            continue;
        of = read_imports((const void *)(library->dlpi_addr + part->p_vaddr));
        *(unsigned *)redirected += redirect_table(library->dlpi_addr, &of, 0);
        *(unsigned *)redirected += redirect_table(library->dlpi_addr, &of, 1);
    }
    return 1;
}

/* --- orders ------------------------------------------------------------------------------------ */

static int way_named(const char *name)
{
    for (int way = BEFORE; way <= EVER; way *= 2)
        if (strcmp(fault_way_name(way), name) == 0)
            return way;
    return 0;
}

/* "FUNCTION/WAY/N"; false for what is no order. */
static bool obey(apr_pool_t *pool, const char *order)
{
    char *rest, *words = apr_pstrdup(pool, order);
    const char *name = apr_strtok(words, "/", &rest), *way = apr_strtok(NULL, "/", &rest);
    const char *n = apr_strtok(NULL, "/", &rest);

    if (!name || !way || !n || function_named(name) < 0 || !way_named(way))
        return false;
    fault_arm(function_named(name), way_named(way), (unsigned)apr_atoi64(n));
    return true;
}

/* What is ordered for a phase of the server's life, or NULL. */
static const char *order_for(apr_pool_t *pool, const char *phase)
{
    const char *path = getenv(VARIABLE);
    const size_t n = strlen(phase);
    char line[200];
    apr_file_t *file;
    apr_status_t rv;

    if (!path || apr_file_open(&file, path, APR_FOPEN_READ, 0, pool) != APR_SUCCESS)
        return NULL;
    rv = apr_file_gets(line, sizeof line, file);
    (void)apr_file_close(file);
    if (rv != APR_SUCCESS || strncmp(line, phase, n) != 0 || line[n] != '/')
        return NULL;
    return apr_pstrmemdup(pool, line + n + 1, strcspn(line + n + 1, "\n"));
}

static void begin_phase(apr_pool_t *pool, const char *phase)
{
    const char *order = order_for(pool, phase);

    if (order)
        (void)obey(pool, order);
}

static void end_phase(apr_pool_t *pool, server_rec *s, const char *phase)
{
    const char *order = order_for(pool, phase);

    if (order)
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "torture: %s: %s: %u fired", phase, order,
                     fault_fired());
    fault_disarm();
}

/* --- hooks ------------------------------------------------------------------------------------- */

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    unsigned redirected = 0;

    (void)pconf;
    (void)plog;
    (void)dl_iterate_phdr(redirect_library, &redirected);
    begin_phase(ptemp, "configuration");
    return redirected ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

/* For "httpd -t", which ends here; a configuration that is refused does not come so far. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    (void)pconf;
    (void)plog;
    if (order_for(ptemp, "configuration"))
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "torture: %u fired", fault_fired());
    return OK;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    (void)pconf;
    (void)plog;
    end_phase(ptemp, s, "configuration");
    return OK;
}

static void child_begins(apr_pool_t *pchild, server_rec *s)
{
    (void)s;
    begin_phase(pchild, "child");
}

static void child_began(apr_pool_t *pchild, server_rec *s)
{
    end_phase(pchild, s, "child");
}

/* The answer tells of the request before: its own order has not been carried out yet. */
static int post_read_request(request_rec *r)
{
    const char *order = apr_table_get(r->headers_in, "X-Torture");

    if (r->main || r->prev)
        return DECLINED;
    apr_table_setn(r->err_headers_out, "X-Torture-Pid",
                   apr_psprintf(r->pool, "%ld", (long)getpid()));
    apr_table_setn(r->err_headers_out, "X-Torture-Fired",
                   apr_psprintf(r->pool, "%u", fault_fired()));
    if (order && !obey(r->pool, order))
        return HTTP_NOT_IMPLEMENTED;
    return DECLINED;
}

static int log_transaction(request_rec *r)
{
    (void)r;
    fault_disarm();
    return DECLINED;
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_REALLY_LAST + 2);
    ap_hook_child_init(child_begins, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_child_init(child_began, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_post_read_request(post_read_request, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_log_transaction(log_transaction, NULL, NULL, APR_HOOK_REALLY_LAST);
}

module AP_MODULE_DECLARE_DATA torture_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, 0 /* flags */
};
