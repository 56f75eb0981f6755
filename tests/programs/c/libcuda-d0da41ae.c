/* The same under a name as Python's wheels have: with a hash. */
#include "libcuda.c"
