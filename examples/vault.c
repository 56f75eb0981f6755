/* A keeper thread holds the vault's door; the main thread forks, and the child needs the same door.
 *
 *     cc -g -pthread -o target/vault examples/vault.c && target/release/forkwatch run -- target/vault
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;
static int opened[2];

static void open_vault(void) {
    pthread_mutex_lock(&door);
    if (write(opened[1], "!", 1) != 1) _exit(1);
    pause(); /* Counting the gold. */
}

static void *keeper(void *unused) {
    pthread_setname_np(pthread_self(), "keeper");
    open_vault();
    return unused;
}

static pid_t send_auditor(void) {
    pid_t auditor = fork();
    if (auditor == 0) {
        alarm(2); /* Otherwise it would wait for ever. */
        pthread_mutex_lock(&door);
        _exit(0);
    }
    return auditor;
}

int main(void) {
    pthread_t thread;
    char byte;
    int status;
    if (pipe(opened) != 0 || pthread_create(&thread, NULL, keeper, NULL) != 0) return 1;
    if (read(opened[0], &byte, 1) != 1) return 1;
    waitpid(send_auditor(), &status, 0);
    puts(WIFSIGNALED(status) ? "the auditor hung at the door" : "the auditor came back");
    return 0;
}
