/* SPDX-License-Identifier: Apache-2.0
 * What a count of instructions depends on besides the code that is counted: the libraries, the compiler,
 * and the processor as whoever runs this program sees it. One "name value" a line. */
#include <gnu/libc-version.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/auxv.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

/* Features alone: which of the processors this runs on, and its caches, differ from moment to moment. */
static void print_processor(void)
{
    unsigned a = 0, b = 0, c = 0, d = 0;

    if (__get_cpuid(1, &a, &b, &c, &d))
        printf("cpu %08x.%08x.%08x", a, c, d);
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
        printf(".%08x.%08x.%08x", b, c, d);
    printf("\n");
}
#else
static void print_processor(void)
{
    printf("cpu %lx.%lx\n", getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
}
#endif

int main(void)
{
    printf("openssl %s\n", OpenSSL_version(OPENSSL_VERSION_STRING));
    printf("glibc %s\n", gnu_get_libc_version());
    printf("jansson %s\n", JANSSON_VERSION);
#ifdef __clang__
    printf("clang %s\n", __clang_version__);
#else
    printf("gcc %s\n", __VERSION__);
#endif
    print_processor();
    return 0;
}
