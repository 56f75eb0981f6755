/* H5: the same where the user names the library, in a program without lazy binding and without stubs.
 * options: FORKWATCH_GUARD=libno*,libcud*
 * flags: -fno-plt -Wl,-z,relro,-z,now
 * library: libcuda.c
 * plugin: libcuda.c
 * expect: unsafe_fork WARN start=events
 * expect: guarded_call ERROR in=call library=*libcuda.so same_fork=yes
 * count: any
 * suppress: unsafe_fork:main
 * suppress: guarded_call:libcuda.so
 * runs: {direct,other,pointer,dlsym,bound}
 */
#include "../program.h"
#include "libcuda.h"
#include <dlfcn.h>

static void *library;

static void *worker(void *unused) {
    (void)unused;
    idle_for_ever();
}

static int call(const char *way) {
    int count;
    if (is(way, "other") || is(way, "bound")) return cuDeviceGetCount(&count);
    if (is(way, "dlsym")) {
        int *version = dlsym(library, "cuda_version");
        int (*init)(unsigned) = (int (*)(unsigned))dlsym(library, "cuInit");
        return *version != 12 ? BROKEN : init(0);
    }
    int (*volatile pointer)(unsigned) = cuInit;
    return is(way, "pointer") ? pointer(0) : cuInit(0);
}

int main(int words_count, char **words) {
    const char *way = words_count > 1 ? words[1] : "direct";
    library = dlopen(getenv("TEST_PLUGIN"), RTLD_NOW);
    if (!library) broken("dlopen");
    if (is(way, "bound")) {
        /* The first call binds the function: a fork comes before. */
        start("worker", worker, NULL);
        pid_t child = fork();
        if (child == 0) _exit(FINE);
        int count;
        MUST(waitpid(child, NULL, 0) != child);
        MUST(cuDeviceGetCount(&count));
    }
    MUST(cuInit(0));
    for (int times = 0; times < 2; times++) {
        pid_t child = fork();
        if (child == 0) _exit(call(way) == 3 && call(way) == 3 ? REALISED : FINE);
        int status;
        MUST(waitpid(child, &status, 0) != child);
        if (status != REALISED << 8) return FINE;
    }
    say("child: initialisation error");
    _exit(REALISED);
}
