/* H12: a thread ends, in each way in which one can, while it holds a mutex: nobody can ever take it again.
 * expect: leaked_lock WARN lock=mutex owner=keeper acquired=vault_open
 * suppress: leaked_lock:vault_open
 * runs: {return,exit,cancel}
 */
#include "../program.h"

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held, never;
static const char *how;

static void vault_open(void) { MUST(pthread_mutex_lock(&vault)); }

static void *keeper(void *unused) {
    gate_pass(&held);
    vault_open();
    if (is(how, "exit")) pthread_exit(NULL);
    if (is(how, "cancel")) gate_pass(&never);
    return unused;
}

int main(int count, char **words) {
    how = count > 1 ? words[1] : "return";
    gate_make(&held);
    gate_make(&never);
    pthread_t thread = start("keeper", keeper, NULL);
    gate_open(&held);
    if (is(how, "cancel")) {
        while (pthread_mutex_trylock(&vault) == 0) MUST(pthread_mutex_unlock(&vault));
        MUST(pthread_cancel(thread));
    }
    MUST(pthread_join(thread, NULL));
    if (pthread_mutex_trylock(&vault) != EBUSY) return FINE;
    say("the vault is locked, and nobody is in it");
    return REALISED;
}
