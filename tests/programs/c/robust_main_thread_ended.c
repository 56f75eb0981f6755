/* H3: the main thread has ended by pthread_exit, which the kernel shows as a dead leader; the others go on, and one forks.
 * The dead one is no danger and is not listed.
 * expect: unsafe_fork WARN fork=forker locks=0 threads=1
 * with: thread=idler start=idler created=main
 */
#include "../program.h"

static struct gate ready;

static void *idler(void *unused) {
    (void)unused;
    gate_open(&ready);
    idle_for_ever();
}

/* The leader is dead when the kernel says so. */
static int leader_is_dead(void) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)getpid());
    if (read_text(path, text, sizeof text) != 0) broken("stat");
    const char *state = strrchr(text, ')');
    return state && state[2] == 'Z';
}

static void *forker(void *unused) {
    (void)unused;
    while (!leader_is_dead()) pause_milliseconds(1);
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    exit(verdict(child));
}

int main(void) {
    gate_make(&ready);
    start("idler", idler, NULL);
    gate_pass(&ready);
    start("forker", forker, NULL);
    pthread_exit(NULL);
}
