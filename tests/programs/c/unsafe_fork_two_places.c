/* H3: two places fork, three times each: two bugs, reported once each or, on demand, every time.
 * bare: 0
 * expect: unsafe_fork WARN fork=first_place locks=0 threads=1
 * expect: unsafe_fork WARN fork=second_place locks=0 threads=1
 */
#include "../program.h"

static struct gate ready;
/* Read again each time: a loop that the compiler unrolls would be six places. */
static volatile int rounds = 3;

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
    int worst = FINE;
    gate_make(&ready);
    start("idler", idler, NULL);
    gate_pass(&ready);
    for (int round = 0; round < rounds; round++) worst |= first_place();
    for (int round = 0; round < rounds; round++) worst |= second_place();
    return worst;
}
