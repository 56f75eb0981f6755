/* Locks that another thread takes, too, and that are no danger to the child all the same: at no moment could the fork have come while
 * that thread held the lock.
 * expect: at-most WARN
 * expect: unsafe_fork WARN fork=main locks=0
 * runs: {at_fork,in_place,made_anew,readers,told_by_semaphore,told_by_condition,told_by_barrier,told_by_pipe,told_by_eventfd,told_by_counter,told_by_sockets,told_by_message,told_by_vector,told_by_datagram,told_by_parts,told_by_dup,told_by_dup2,told_by_dup3,told_by_fcntl,gate,ended,shared,try,bounded,signal,once,remade,remade_by_child}
 */
#include "../program.h"
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

static const char *how;
static pthread_mutex_t *vault, door = PTHREAD_MUTEX_INITIALIZER, told_door = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t books = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t told = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t told_semaphore, pulse;
static int is_told, told_ends[2];
static struct gate ready;

static void take(void) {
    if (is(how, "readers")) {
        MUST(pthread_rwlock_rdlock(&books));
    } else if (is(how, "signal")) {
        MUST(sem_wait(&pulse));
    } else {
        MUST(pthread_mutex_lock(vault));
    }
}

static void give_back(void) {
    if (is(how, "readers")) {
        MUST(pthread_rwlock_unlock(&books));
    } else if (is(how, "signal")) {
        MUST(sem_post(&pulse));
    } else {
        MUST(pthread_mutex_unlock(vault));
    }
}

/* Often enough, and at times that lie apart. */
static void use(void) {
    for (int times = 0; times < (is(how, "once") ? 1 : 5); times++) {
        if (is(how, "gate")) MUST(pthread_mutex_lock(&door));
        take();
        give_back();
        if (is(how, "gate")) MUST(pthread_mutex_unlock(&door));
        pause_milliseconds(1);
    }
}

static int is_told_by_pipe(void) {
    return is(how, "told_by_pipe") || is(how, "told_by_vector") || strncmp(how, "told_by_dup", 11) == 0 || is(how, "told_by_fcntl");
}

static void tell(void) {
    if (is(how, "told_by_semaphore")) MUST(sem_post(&told_semaphore));
    if (is(how, "told_by_barrier")) pthread_barrier_wait(&barrier);
    if (is(how, "told_by_condition")) {
        MUST(pthread_mutex_lock(&told_door));
        is_told = 1;
        MUST(pthread_cond_signal(&told));
        MUST(pthread_mutex_unlock(&told_door));
    }
    uint64_t one = 1;
    struct iovec part = {.iov_base = &one, .iov_len = sizeof one};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if ((is_told_by_pipe() && !is(how, "told_by_vector")) || is(how, "told_by_sockets") || is(how, "told_by_counter")) {
        if (write(told_ends[1], &one, sizeof one) != sizeof one) broken("write");
    }
    if (is(how, "told_by_message") && send(told_ends[1], &one, sizeof one, 0) != sizeof one) broken("send");
    if (is(how, "told_by_vector") && writev(told_ends[1], &part, 1) != sizeof one) broken("writev");
    if (is(how, "told_by_datagram") && sendto(told_ends[1], &one, sizeof one, 0, NULL, 0) != sizeof one) broken("sendto");
    if (is(how, "told_by_parts") && sendmsg(told_ends[1], &message, 0) != sizeof one) broken("sendmsg");
    if (is(how, "told_by_eventfd")) MUST(eventfd_write(told_ends[1], one));
    gate_open(&ready);
}

static void hear(void) {
    if (is(how, "told_by_semaphore")) MUST(sem_wait(&told_semaphore));
    if (is(how, "told_by_barrier")) pthread_barrier_wait(&barrier);
    if (is(how, "told_by_condition")) {
        MUST(pthread_mutex_lock(&told_door));
        while (!is_told) MUST(pthread_cond_wait(&told, &told_door));
        MUST(pthread_mutex_unlock(&told_door));
    }
    uint64_t got;
    if (told_ends[0] != 0 && read(told_ends[0], &got, sizeof got) != sizeof got) broken("read");
    gate_pass(&ready);
}

static void *keeper(void *unused) {
    use();
    tell();
    if (is(how, "ended")) return unused;
    idle_for_ever();
}

static void *idler(void *unused) {
    (void)unused;
    idle_for_ever();
}

static void before(void) { MUST(pthread_mutex_lock(vault)); }
static void after(void) { MUST(pthread_mutex_unlock(vault)); }
/* As a C++ mutex is constructed over the old one: no call shows it. */
static void in_place(void) { *vault = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER; }
static void anew(void) { MUST(pthread_mutex_init(vault, NULL)); }

int main(int count, char **words) {
    how = count > 1 ? words[1] : "at_fork";
    vault = mmap(NULL, 4096, PROT_READ | PROT_WRITE, (is(how, "shared") ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
    if (vault == MAP_FAILED) broken("mmap");
    pthread_mutexattr_t attributes;
    MUST(pthread_mutexattr_init(&attributes));
    if (is(how, "shared")) MUST(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    MUST(pthread_mutex_init(vault, &attributes));
    MUST(sem_init(&told_semaphore, 0, 0));
    MUST(sem_init(&pulse, 0, 2));
    MUST(pthread_barrier_init(&barrier, NULL, 2));
    if (is(how, "at_fork")) MUST(pthread_atfork(before, after, after));
    if (is(how, "in_place")) MUST(pthread_atfork(before, after, in_place));
    if (is(how, "made_anew")) MUST(pthread_atfork(NULL, NULL, anew));
    gate_make(&ready);
    if (is_told_by_pipe()) MUST(pipe(told_ends));
    if (is(how, "told_by_dup")) told_ends[1] = dup(told_ends[1]);
    if (is(how, "told_by_dup2")) told_ends[1] = dup2(told_ends[1], 100);
    if (is(how, "told_by_dup3")) told_ends[1] = dup3(told_ends[1], 100, O_CLOEXEC);
    if (is(how, "told_by_fcntl")) told_ends[1] = fcntl(told_ends[1], F_DUPFD_CLOEXEC, 100);
    if (is(how, "told_by_sockets") || is(how, "told_by_message") || is(how, "told_by_datagram") || is(how, "told_by_parts")) {
        MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, told_ends));
    }
    if (is(how, "told_by_eventfd") || is(how, "told_by_counter")) told_ends[0] = told_ends[1] = eventfd(0, EFD_CLOEXEC);
    pthread_t thread = start("keeper", keeper, NULL);
    hear();
    if (is(how, "ended")) {
        MUST(pthread_join(thread, NULL));
        start("idler", idler, NULL);
    }
    if (is(how, "remade")) {
        MUST(pthread_mutex_destroy(vault));
        MUST(pthread_mutex_init(vault, NULL));
    }
    if (is(how, "gate")) MUST(pthread_mutex_lock(&door));
    pid_t child = fork();
    if (child == 0) {
        if (is(how, "gate")) MUST(pthread_mutex_unlock(&door));
        if (is(how, "remade_by_child")) {
            MUST(pthread_mutex_init(vault, NULL));
            /* Many more than the library remembers. */
            static pthread_mutex_t others[50000];
            for (size_t number = 0; number < sizeof others / sizeof *others; number++) {
                MUST(pthread_mutex_init(&others[number], NULL));
            }
        }
        if (is(how, "try")) {
            MUST(pthread_mutex_trylock(vault));
        } else if (is(how, "bounded")) {
            struct timespec later = in_an_hour();
            MUST(pthread_mutex_timedlock(vault, &later));
        } else {
            take();
        }
        give_back();
        _exit(FINE);
    }
    if (is(how, "gate")) MUST(pthread_mutex_unlock(&door));
    return verdict(child);
}
