/* Two threads are busy with malloc at the fork: glibc's fork waits for its arenas, so the child may allocate.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=0 threads=2
 */
#include "../program.h"

static struct gate ready;

static void *busy(void *unused) {
    gate_open(&ready);
    for (size_t size = 1;; size = size * 7 % 100003 + 1) {
        char *volatile memory = malloc(size);
        memory[0] = 1;
        free(memory);
    }
    return unused;
}

int main(void) {
    int worst = FINE;
    gate_make(&ready);
    start("busy-1", busy, NULL);
    start("busy-2", busy, NULL);
    gate_pass(&ready);
    gate_pass(&ready);
    for (int round = 0; round < 50; round++) {
        pid_t child = fork();
        if (child == 0) {
            for (size_t size = 1; size < 100000; size *= 3) {
                char *volatile memory = malloc(size);
                memory[0] = 1;
                free(memory);
            }
            _exit(FINE);
        }
        worst |= verdict(child);
    }
    return worst;
}
