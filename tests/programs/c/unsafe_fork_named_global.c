/* A lock in a global or static variable has the variable's name, with its distance from the beginning, in parent and child alike.
 * expect: unsafe_fork ERROR locks=1 threads=1
 * with: lock=mutex name=$1 owner=keeper
 * expect: orphaned_lock FATAL lock=mutex name=$1 owner=keeper same_fork=yes
 * runs: {door,vault+0x18,shelves+0x30,hatch}
 */
#include "../program.h"

pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;
static struct {
    long gold[3];
    pthread_mutex_t door;
} vault = {{0}, PTHREAD_MUTEX_INITIALIZER};
/* As large as on every processor. */
static union { pthread_mutex_t mutex; char room[48]; } shelves[2] = {{PTHREAD_MUTEX_INITIALIZER}, {PTHREAD_MUTEX_INITIALIZER}};
static struct gate held;
static const char *which;

static pthread_mutex_t *the_lock(void) {
    static pthread_mutex_t hatch = PTHREAD_MUTEX_INITIALIZER;
    if (is(which, "vault+0x18")) return &vault.door;
    if (is(which, "shelves+0x30")) return &shelves[1].mutex;
    return is(which, "hatch") ? &hatch : &door;
}

static void *keeper(void *unused) {
    (void)unused;
    MUST(pthread_mutex_lock(the_lock()));
    gate_open(&held);
    idle_for_ever();
}

int main(int count, char **words) {
    which = count > 1 ? words[1] : "door";
    gate_make(&held);
    start("keeper", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(the_lock());
        _exit(FINE);
    }
    return verdict(child);
}
