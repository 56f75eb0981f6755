/* A stand-in for NVIDIA's driver: `cuInit` starts a thread, and answers in a process that was forked afterwards with CUDA's
 * "initialisation error". Used by guarded_call_known and others. */
#include <pthread.h>
#include <unistd.h>

enum { CUDA_SUCCESS = 0, CUDA_ERROR_NOT_INITIALIZED = 3 };

/* A variable, which programs import as they do functions. */
int cuda_version = 12;
static pid_t owner;

static void *events(void *unused) {
    (void)unused;
    for (;;) pause();
}

int cuInit(unsigned flags) {
    pthread_t thread;
    (void)flags;
    if (owner != 0) return owner == getpid() ? CUDA_SUCCESS : CUDA_ERROR_NOT_INITIALIZED;
    owner = getpid();
    return pthread_create(&thread, NULL, events, NULL);
}

int cuDeviceGetCount(int *count) {
    *count = cuda_version;
    return cuInit(0);
}

/* Such a function CUDA does not have. */
int cu_reinit(void) {
    owner = 0;
    return cuInit(0);
}
