/* Each system call that the library or this program may make, in turn, is refused by a seccomp filter: to a process of its own,
 * from its beginning on, which locks, creates threads and forks. Whatever the library cannot do then, it ends as without.
 * Its reports go nowhere: not all of them can be whole.
 * expect: silent
 * runs: {EPERM,ENOSYS}
 */
#include "../program.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#define CALL(name) {#name, SYS_##name}
/* What `strace -f` shows, and the neighbours that do the same work. Without execve and exit_group no process begins or ends, and
 * without futex it is a matter of luck. */
static const struct { const char *name; int number; } calls[] = {
#ifdef __x86_64__
    CALL(access), CALL(arch_prctl), CALL(dup2), CALL(open), CALL(poll), CALL(readlink), CALL(time),
#else
    CALL(ppoll),
#endif
    CALL(brk), CALL(clock_gettime), CALL(clock_nanosleep), CALL(clone), CALL(clone3),
    CALL(close), CALL(dup), CALL(dup3), CALL(faccessat), CALL(faccessat2), CALL(fcntl), CALL(fstat),
     CALL(getcpu), CALL(getcwd), CALL(getdents64), CALL(getpid), CALL(getppid), CALL(getrandom),
    CALL(gettid), CALL(gettimeofday), CALL(getuid), CALL(ioctl), CALL(kill), CALL(lseek), CALL(madvise),
    CALL(membarrier), CALL(mincore), CALL(mmap), CALL(mprotect), CALL(mremap), CALL(munmap), CALL(nanosleep),
    CALL(newfstatat), CALL(openat), CALL(pipe2), CALL(prctl), CALL(pread64), CALL(prlimit64),
    CALL(process_vm_readv), CALL(process_vm_writev), CALL(read), CALL(readlinkat), CALL(rseq),
    CALL(rt_sigaction), CALL(rt_sigpending), CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(rt_sigtimedwait),
    CALL(sched_getaffinity), CALL(sched_yield), CALL(set_robust_list), CALL(set_tid_address), CALL(sigaltstack),
    CALL(statx), CALL(sysinfo), CALL(tgkill), CALL(uname), CALL(wait4), CALL(write), CALL(writev),
};

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static sem_t semaphore;
static struct gate held, done;

static void *keeper(void *unused) {
    (void)unused;
    pthread_mutex_lock(&vault);
    gate_open(&held);
    gate_pass(&done);
    pthread_mutex_unlock(&vault);
    return NULL;
}

/* The process that lacks a call. Its own failures are said by its status; what is refused may well be something it needs. */
static int lacking(void) {
    pthread_t thread;
    int status = 0;
    if (pipe2(held.ends, O_CLOEXEC) != 0 || pipe2(done.ends, O_CLOEXEC) != 0) return 10;
    if (sem_init(&semaphore, 0, 1) != 0 || sem_wait(&semaphore) != 0) return 11;
    if (pthread_create(&thread, NULL, keeper, NULL) != 0) return 12;
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) _exit(pthread_mutex_trylock(&vault) == EBUSY ? 0 : 1);
    if (child < 0) return 13;
    if (waitpid(child, &status, 0) != child) return 14;
    if (status != 0) return 15;
    gate_open(&done);
    if (pthread_join(thread, NULL) != 0) return 16;
    return sem_post(&semaphore) != 0 || pthread_mutex_lock(&vault) != 0 ? 17 : 0;
}

static void refuse(int number, int error) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

int main(int count, char **words) {
    if (count > 1 && is(words[1], "lacking")) return lacking();
    int error = count > 1 && is(words[1], "ENOSYS") ? ENOSYS : EPERM;
    for (size_t index = 0; index < sizeof calls / sizeof *calls; index++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            /* A process that hangs for want of the call ends so, watched or not. */
            alarm(20);
            /* What the loader says, and the library where it cannot open its own files, is no difference. */
            MUST(dup2(open("/dev/null", O_WRONLY), STDERR_FILENO) != STDERR_FILENO);
            MUST(setenv("FORKWATCH_LOG", "/dev/null", 1) || setenv("FORKWATCH_TEXT", "/dev/null", 1));
            refuse(calls[index].number, error);
            execl("/proc/self/exe", words[0], "lacking", NULL);
            _exit(BROKEN);
        }
        if (child < 0 || waitpid(child, &status, 0) != child) broken("a process that lacks a call");
        if (status != 0) say("without %s: status %#x", calls[index].name, (unsigned)status);
    }
    return FINE;
}
