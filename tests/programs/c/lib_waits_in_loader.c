/* A plugin whose constructor waits until lib_holds_loader lets it go on. Meanwhile its thread holds the loader's lock. */
#include "../program.h"

extern struct gate loader_taken, loader_released;

__attribute__((constructor)) static void wait_in_loader(void) {
    gate_open(&loader_taken);
    gate_pass(&loader_released);
}
