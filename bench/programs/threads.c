/* Times what threads do with each other.  usage: threads create|condition MILLISECONDS
 *
 * `create`: a thread created and joined. `condition`: two threads that wake each other, there and back. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "samples.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static enum { OURS, THEIRS, NOBODYS } turn = OURS;

static void *end(void *unused) { return unused; }

static void create_and_join(long times) {
    pthread_t thread;
    for (long time = 0; time < times; time++) {
        if (pthread_create(&thread, NULL, end, NULL) != 0) abort();
        pthread_join(thread, NULL);
    }
}

static void *answer(void *unused) {
    pthread_mutex_lock(&mutex);
    for (;;) {
        while (turn == OURS) pthread_cond_wait(&changed, &mutex);
        if (turn == NOBODYS) break;
        turn = OURS;
        pthread_cond_signal(&changed);
    }
    pthread_mutex_unlock(&mutex);
    return unused;
}

static void there_and_back(long times) {
    pthread_mutex_lock(&mutex);
    for (long time = 0; time < times; time++) {
        turn = THEIRS;
        pthread_cond_signal(&changed);
        while (turn == THEIRS) pthread_cond_wait(&changed, &mutex);
    }
    pthread_mutex_unlock(&mutex);
}

int main(int count, char **words) {
    if (count != 3) return 2;
    if (strcmp(words[1], "create") == 0) {
        sample("each", create_and_join, atof(words[2]));
        return 0;
    }
    pthread_t partner;
    if (pthread_create(&partner, NULL, answer, NULL) != 0) abort();
    sample("each", there_and_back, atof(words[2]));
    pthread_mutex_lock(&mutex);
    turn = NOBODYS;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
    pthread_join(partner, NULL);
    return 0;
}
