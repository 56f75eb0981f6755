/* H1: the report is lost where the program has moved its standard error, as test runners do; `forkwatch run` shows it at its end.
 * expect: unsafe_fork ERROR function=fork fork=fork_beside_writer locks=1 threads=1
 * with: lock=mutex owner=writer acquired=writer
 * runs: kept
 * bare: 0
 */
#include "../program.h"

static struct gate ready, done;
static pthread_mutex_t ledger = PTHREAD_MUTEX_INITIALIZER;

static void *writer(void *unused) {
    (void)unused;
    pthread_mutex_lock(&ledger);
    gate_open(&ready);
    gate_pass(&done);
    pthread_mutex_unlock(&ledger);
    return NULL;
}

static int executes;

static int fork_beside_writer(void) {
    pid_t child = fork();
    if (child == 0 && executes) execl("/bin/true", "true", (char *)NULL);
    if (child == 0) _exit(FINE);
    return verdict(child);
}

int main(int count, char **arguments) {
    pthread_t thread;
    int result;
    executes = count > 1 && strcmp(arguments[1], "exec") == 0;
    gate_make(&ready);
    gate_make(&done);
    if (count > 1 && strcmp(arguments[1], "moved") == 0) {
        int captured = open("/dev/null", O_WRONLY);
        dup2(captured, 2);
        close(captured);
    }
    thread = start("writer", writer, NULL);
    gate_pass(&ready);
    result = fork_beside_writer();
    gate_open(&done);
    pthread_join(thread, NULL);
    return result;
}
