/* An auditor (rtld-audit(7)) that takes note of every call between libraries, and changes nothing. */
#define _GNU_SOURCE
#include <link.h>

unsigned la_version(unsigned version) { return version < LAV_CURRENT ? version : LAV_CURRENT; }

unsigned la_objopen(struct link_map *map, Lmid_t namespace, uintptr_t *cookie) {
    (void)map, (void)namespace, (void)cookie;
    return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

uintptr_t la_symbind64(ElfW(Sym) *symbol, unsigned index, uintptr_t *from, uintptr_t *to, unsigned *flags, const char *name) {
    (void)index, (void)from, (void)to, (void)flags, (void)name;
    return symbol->st_value;
}

#ifdef __x86_64__
#define LA_PLTENTER la_x86_64_gnu_pltenter
#define LA_REGS La_x86_64_regs
#else
#define LA_PLTENTER la_aarch64_gnu_pltenter
#define LA_REGS La_aarch64_regs
#endif

ElfW(Addr) LA_PLTENTER(ElfW(Sym) *symbol, unsigned index, uintptr_t *from, uintptr_t *to, LA_REGS *registers,
                                  unsigned *flags, const char *name, long *frame) {
    (void)index, (void)from, (void)to, (void)registers, (void)flags, (void)name;
    /* So much of the caller's stack is copied: the exit of each call is seen, too. */
    *frame = 64;
    return symbol->st_value;
}
