/* What libcuda.c offers. */
extern int cuda_version;
int cuInit(unsigned flags);
int cuDeviceGetCount(int *count);
int cu_reinit(void);
