/* H4: the child of a threaded process calls functions of each family that are not async-signal-safe: each is reported once, with
 * the function that calls it.
 * options: FORKWATCH_AUDIT=on
 * expect: unsafe_fork WARN threads=1
 * expect: unsafe_call WARN call=$1 in=calls library=unsafe_call same_fork=yes
 * allow: leaked_lock
 * suppress: unsafe_fork:main
 * suppress: unsafe_call:calls
 * bare: 0
 * runs: {malloc,free,snprintf,puts,fopen,setlocale,strerror,localtime_r,strftime,dlopen,pthread_mutex_lock,pthread_key_create,sem_trywait}
 * runs: {getaddrinfo,getpwuid,openlog,setenv,atexit,random,opendir,mtx_trylock,pthread_atfork}
 */
#include "../program.h"
#include <dirent.h>
#include <dlfcn.h>
#include <locale.h>
#include <netdb.h>
#include <pwd.h>
#include <syslog.h>
#include <threads.h>

static struct gate up;
static char text[64];
static struct tm day;
static time_t now;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static mtx_t c11;
static sem_t semaphore;
static pthread_key_t key;
static void *kept;

static void *worker(void *unused) {
    (void)unused;
    gate_open(&up);
    idle_for_ever();
}

static void nothing(void) {}

static void calls(const char *call) {
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *found;
    /* Each twice: one record. */
    for (int times = 0; times < 2; times++) {
        if (is(call, "malloc")) kept = malloc(10);
        else if (is(call, "free")) free(kept), kept = NULL;
        else if (is(call, "snprintf")) snprintf(text, sizeof text, "%s", call);
        else if (is(call, "puts")) puts("");
        else if (is(call, "fopen")) kept = fopen("/dev/null", "r");
        else if (is(call, "setlocale")) setlocale(LC_ALL, "C");
        else if (is(call, "strerror")) kept = strerror(1);
        else if (is(call, "localtime_r")) localtime_r(&now, &day);
        else if (is(call, "strftime")) strftime(text, sizeof text, "%H", &day);
        else if (is(call, "dlopen")) dlopen("libm.so.6", RTLD_NOW);
        else if (is(call, "pthread_mutex_lock")) { if (times == 0) pthread_mutex_lock(&mutex); }
        else if (is(call, "pthread_key_create")) pthread_key_create(&key, NULL);
        else if (is(call, "sem_trywait")) sem_trywait(&semaphore);
        else if (is(call, "getaddrinfo")) getaddrinfo("127.0.0.1", NULL, &hints, &found);
        else if (is(call, "getpwuid")) getpwuid(0);
        else if (is(call, "openlog")) openlog("x", 0, LOG_USER);
        else if (is(call, "setenv")) setenv("A_NAME", "value", 1);
        else if (is(call, "atexit")) atexit(nothing);
        else if (is(call, "random")) random();
        else if (is(call, "opendir")) opendir("/");
        else if (is(call, "mtx_trylock")) mtx_trylock(&c11);
        else if (is(call, "pthread_atfork")) pthread_atfork(nothing, nothing, nothing);
        else _exit(BROKEN);
    }
    _exit(FINE);
}

int main(int count, char **words) {
    gate_make(&up);
    MUST(sem_init(&semaphore, 0, 2) || mtx_init(&c11, mtx_plain) != thrd_success);
    kept = malloc(10);
    start("worker", worker, NULL);
    gate_pass(&up);
    pid_t child = fork();
    if (child == 0) calls(count > 1 ? words[1] : "malloc");
    return verdict(child);
}
