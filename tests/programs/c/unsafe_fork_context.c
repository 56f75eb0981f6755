/* H3: a program that tells the library, if it is loaded, what it is doing. Bare, it finds no such function.
 * bare: 0
 * expect: unsafe_fork WARN fork=first_place locks=0
 * expect: unsafe_fork WARN fork=second_place locks=0
 */
#include "../program.h"
#include <dlfcn.h>

static struct gate ready;

static void *idler(void *unused) {
    (void)unused;
    gate_open(&ready);
    idle_for_ever();
}

static int first_place(void) {
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}

static int second_place(void) {
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}

int main(void) {
    void (*set_context)(const char *) = (void (*)(const char *))dlsym(RTLD_DEFAULT, "forkwatch_set_context");
    gate_make(&ready);
    start("idler", idler, NULL);
    gate_pass(&ready);
    int worst = first_place();
    char text[] = "test \"two\"\n\xff";
    if (set_context) set_context(text);
    memset(text, 'x', sizeof text - 1);
    return worst | second_place();
}
