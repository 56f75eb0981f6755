/* A genuine exception: a child with one thread waits without a time-out on a private object, and yet the wait ends, for the
 * child's own signal handler posts the semaphore, or wakes the futex, or leaves by a long jump. The child has set a timer for
 * it. Whoever handles signals may be woken: such a wait must not be called endless.
 * expect: at-most WARN
 * expect: unsafe_fork WARN function=fork fork=main locks=0 threads=1
 * runs: {semaphore,futex,jump}
 */
#include "../program.h"
#include <linux/futex.h>
#include <setjmp.h>
#include <sys/time.h>

static sem_t semaphore;
static int word;
static sigjmp_buf away;
static struct gate ready;
static const char *how;

static void *idler(void *unused) {
    (void)unused;
    gate_open(&ready);
    idle_for_ever();
}

static void on_alarm(int number) {
    (void)number;
    if (is(how, "semaphore")) sem_post(&semaphore);
    if (is(how, "futex")) __atomic_store_n(&word, 1, __ATOMIC_RELEASE);
    if (is(how, "jump")) siglongjmp(away, 1);
}

static void wait_for_the_alarm(void) {
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct itimerval timer = {.it_value = {.tv_usec = 50000}};
    MUST(sigaction(SIGALRM, &action, NULL));
    if (is(how, "jump") && sigsetjmp(away, 1) != 0) return;
    MUST(setitimer(ITIMER_REAL, &timer, NULL));
    if (is(how, "futex")) {
        /* The kernel restarts the call after the handler, finds another word, and gives up. */
        while (__atomic_load_n(&word, __ATOMIC_ACQUIRE) == 0) syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL);
    } else {
        while (sem_wait(&semaphore) != 0 && errno == EINTR) {}
    }
}

int main(int count, char **words) {
    int status;
    how = count > 1 ? words[1] : "semaphore";
    MUST(sem_init(&semaphore, 0, 0));
    gate_make(&ready);
    start("idler", idler, NULL);
    gate_pass(&ready);
    pid_t child = fork();
    if (child == 0) {
        wait_for_the_alarm();
        _exit(FINE);
    }
    /* While it waits the child looks stuck: only its end counts here. */
    if (waitpid(child, &status, 0) != child || status != 0) broken("child");
    say("the child was woken");
    return FINE;
}
