#include <pthread.h>
#include <unistd.h>
static void prepare(void) {
    sleep(2); /* as if it flushed a cache or waited for a busy lock */
}
int main(void) {
    pthread_atfork(prepare, NULL, NULL);
    fork(); /* every fork of the process now takes two seconds */
}
