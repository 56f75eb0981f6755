/* H1: 400 threads hold a lock each at the fork. The record has an upper bound, and says what was cut.
 * expect: unsafe_fork ERROR fork=main
 * with: lock=mutex acquired=vault_open
 * expect: orphaned_lock FATAL call=pthread_mutex_lock lock=mutex owner=keeper-399 acquired=vault_open in=main same_fork=yes
 */
#include "../program.h"

enum { KEEPERS = 400 };
static pthread_mutex_t vaults[KEEPERS];
static struct gate held;

static void vault_open(pthread_mutex_t *vault) { MUST(pthread_mutex_lock(vault)); }

static void *keeper(void *vault) {
    vault_open((pthread_mutex_t *)vault);
    gate_open(&held);
    idle_for_ever();
}

int main(void) {
    pthread_attr_t small;
    gate_make(&held);
    MUST(pthread_attr_init(&small));
    MUST(pthread_attr_setstacksize(&small, SMALL_STACK));
    for (int number = 0; number < KEEPERS; number++) {
        pthread_t thread;
        char name[16];
        snprintf(name, sizeof name, "keeper-%03d", number);
        MUST(pthread_mutex_init(&vaults[number], NULL));
        MUST(pthread_create(&thread, &small, keeper, &vaults[number]));
        MUST(pthread_setname_np(thread, name));
    }
    for (int number = 0; number < KEEPERS; number++) gate_pass(&held);
    pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(&vaults[KEEPERS - 1]);
        _exit(FINE);
    }
    return verdict(child);
}
