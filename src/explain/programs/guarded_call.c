#include <stdio.h> /* build with cc -fopenmp */
#include <sys/wait.h>
#include <unistd.h>
static void count(void) {
#pragma omp parallel
    puts("one more");
}
int main(void) {
    count();           /* its threads stay, to wait for the next region */
    if (fork() == 0) { /* the child has none of them */
        count();       /* and waits for them for ever */
        _exit(0);
    }
    wait(NULL);
}
