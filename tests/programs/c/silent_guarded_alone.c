/* A named library in the child of a process without threads, and in a child that makes it anew.
 * options: FORKWATCH_GUARD=libcuda*
 * library: libcuda.c
 * expect: silent
 */
#include "../program.h"
#include "libcuda.h"

int main(void) {
    int count = 0;
    pid_t child = fork();
    if (child == 0) {
        MUST(cuInit(0) || cuDeviceGetCount(&count));
        _exit(count == cuda_version ? FINE : BROKEN);
    }
    return verdict(child);
}
