/* Java's "VM Thread" ends with a lock of the virtual machine's, just before the process ends.
 * library: libjvm.c
 * expect: silent
 */
#include "../program.h"

void destroy_vm(void);

int main(void) {
    destroy_vm();
    return FINE;
}
