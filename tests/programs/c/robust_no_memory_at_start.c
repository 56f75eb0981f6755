/* A program is started with hardly any memory for data, less than the library wants at its start: it runs unwatched.
 * expect: at-most WARN
 * allow: unsafe_fork WARN
 * records: maybe
 */
#include "../program.h"
#include <sys/resource.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *locks(void *argument) {
    MUST(pthread_mutex_lock(&mutex));
    MUST(pthread_mutex_unlock(&mutex));
    return argument;
}

/* What the process does that has so little. */
static int limited(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    void *result;
    int status, own = 0;
    MUST(pthread_attr_init(&attributes) || pthread_attr_setstacksize(&attributes, SMALL_STACK));
    MUST(pthread_create(&thread, &attributes, locks, &own));
    MUST(pthread_mutex_lock(&mutex));
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    MUST(child < 0 || waitpid(child, &status, 0) != child || status != 0);
    MUST(pthread_mutex_unlock(&mutex));
    MUST(pthread_join(thread, &result));
    return result == &own ? FINE : BROKEN;
}

int main(int count, char **words) {
    static const rlim_t kibibytes[] = {300, 500, 1000, 1024, 1500, 2000, 2500, 3000, 4000, 6000, 8000};
    if (count > 1 && is(words[1], "limited")) return limited();
    for (size_t index = 0; index < sizeof kibibytes / sizeof *kibibytes; index++) {
        rlim_t bytes = kibibytes[index] << 10;
        int status;
        pid_t child = fork();
        if (child == 0) {
            MUST(setrlimit(RLIMIT_DATA, &(struct rlimit){bytes, bytes}));
            execl("/proc/self/exe", words[0], "limited", NULL);
            _exit(BROKEN);
        }
        if (child < 0 || waitpid(child, &status, 0) != child) broken("a process with little memory");
        say("with %d KiB: status %#x", (int)kibibytes[index], (unsigned)status);
    }
    return FINE;
}
