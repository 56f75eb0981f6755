/* Preloaded: from before `main` until the process exits, another thread is in `dlopen`, in the constructor of `TEST_PLUGIN`
 * (lib_waits_in_loader), so that whoever wants the loader's lock waits for ever. It calls libc directly: each hooked function is
 * called for the first time by the program. */
#include "../program.h"
#include <dlfcn.h>

typedef int main_function(int, char **, char **);
struct gate loader_taken, loader_released;
static main_function *program_main;
static pid_t holder;

static void *of_libc(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    return found ? found : (broken(name), NULL);
}

static void *open_plugin(void *path) {
    if (!dlopen(path, RTLD_NOW)) broken(dlerror());
    return NULL;
}

/* The first question for a name loads libraries that give names. */
static void load_name_services(void) {
    void *(*user)(const char *) = of_libc("getpwnam"), *(*group)(const char *) = of_libc("getgrnam");
    void *(*service)(const char *, const char *) = of_libc("getservbyname");
    const char *none = "no such name";
    if (user(none) || group(none) || service(none, none)) broken("a name that nobody has");
}

/* A forked child has nothing to release: libc makes the loader's lock anew there. */
static void release(void *unused) {
    (void)unused;
    if (getpid() == holder) gate_open(&loader_released);
}

static int main_beside_loader(int count, char **words, char **variables) {
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = of_libc("pthread_create");
    int (*at_exit)(void (*)(void *), void *, void *) = of_libc("__cxa_atexit");
    pthread_t thread;
    load_name_services();
    holder = getpid();
    gate_make(&loader_taken);
    gate_make(&loader_released);
    MUST(at_exit(release, NULL, NULL));
    MUST(create(&thread, NULL, open_plugin, getenv("TEST_PLUGIN")));
    gate_pass(&loader_taken);
    return program_main(count, words, variables);
}

int __libc_start_main(main_function *main, int count, char **words, void *init, void *fini, void *rtld_fini, void *stack_end) {
    int (*start)(main_function *, int, char **, void *, void *, void *, void *) = of_libc("__libc_start_main");
    program_main = main;
    return start(main_beside_loader, count, words, init, fini, rtld_fini, stack_end);
}
