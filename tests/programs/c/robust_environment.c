/* A program that changes what the library might look at: the environment is cleared, names in /proc look like states, and
 * the working folder is gone.
 * expect: unsafe_fork ERROR fork=main locks=1 threads=1
 * with: lock=mutex owner="keeper) Z 1 (" acquired=vault_open
 */
#include "../program.h"
#include <sys/prctl.h>
#include <sys/stat.h>

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void vault_open(void) { MUST(pthread_mutex_lock(&vault)); }

static void *keeper(void *unused) {
    (void)unused;
    vault_open();
    gate_open(&held);
    idle_for_ever();
}

int main(void) {
    char folder[] = "/tmp/robust_environment.XXXXXX";
    if (!mkdtemp(folder)) broken("mkdtemp");
    MUST(chdir(folder) || rmdir(folder));
    MUST(clearenv());
    MUST(prctl(PR_SET_NAME, ") Z 0 0 0 ("));
    gate_make(&held);
    start("keeper) Z 1 (", keeper, NULL);
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    return verdict(child);
}
