/* fork never returns: an at-fork handler asks for a mutex that its own thread holds. It is told before it blocks.
 * expect: slow_handler FATAL phase=prepare library=*handler_hangs_on_itself
 * suppress: slow_handler:handler_hangs_on_itself
 * runs: own_mutex
 * end: abrupt
 */
#include "handler_hangs.c"
