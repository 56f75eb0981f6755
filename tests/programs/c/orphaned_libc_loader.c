/* H10: a thread is inside `dl_iterate_phdr` at the fork, whose callback takes its time; libc holds the loader's lock for writing
 * meanwhile, and its fork does not put that one right. The child opens or closes a library, and can never go on. Those
 * two look at who calls them, so that no hook may stand in between: the hang is real, and not reported in the child. A known limit.
 * expect: unsafe_fork ERROR function=fork fork=main locks=1 threads=1
 * with: lock=libc name=libc:loader owner=keeper acquired=in_loader
 * allow: orphaned_lock FATAL
 * allow: stuck_child FATAL
 * suppress: unsafe_fork:in_loader
 * suppress: orphaned_lock:*
 * suppress: stuck_child:*
 * end: abrupt
 * runs: {dlopen,dlclose}
 */
#include "../program.h"
#include <dlfcn.h>
#include <link.h>

static struct gate held;
static void *library;

static int takes_its_time(struct dl_phdr_info *info, size_t size, void *unused) {
    (void)info, (void)size, (void)unused;
    gate_open(&held);
    idle_for_ever();
}

static void in_loader(void) { dl_iterate_phdr(takes_its_time, NULL); }

static void *keeper(void *unused) {
    in_loader();
    return unused;
}

static void ask(const char *how) {
    if (is(how, "dlopen")) dlopen("libutil.so.1", RTLD_NOW);
    if (is(how, "dlclose")) dlclose(library);
}

int main(int count, char **words) {
    const char *how = count > 1 ? words[1] : "dlopen";
    if (is(how, "dlclose") && !(library = dlopen("libanl.so.1", RTLD_NOW))) broken("dlopen");
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        ask(how);
        _exit(FINE);
    }
    _exit(verdict(child));
}
