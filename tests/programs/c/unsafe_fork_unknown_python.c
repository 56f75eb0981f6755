/* A program with an interpreter that is newer than all that are known: it has the names by which an interpreter is found, and nothing behind
 * them. Native facts are reported, and one sentence says what is missing.
 * expect: unsafe_fork ERROR function=fork fork=main locks=1 threads=1
 * with: lock=mutex owner=keeper acquired=keep
 * expect: unsafe_fork
 * expect: orphaned_lock FATAL call=pthread_mutex_lock lock=mutex owner=keeper
 * suppress: unsafe_fork:*
 * suppress: orphaned_lock:*
 * flags: -rdynamic
 */
#include "../program.h"

const char *Py_GetVersion(void) { return "3.99.0rc1 (main, Nov 30 2026) [GCC 16.2.0]"; }
int PyGILState_Check(void) { return 0; }
void *PyGILState_GetThisThreadState(void) { return NULL; }

/* The types by which objects are recognised, as large as any version has them. */
#define TYPE(name) char name[512]
TYPE(PyCode_Type);
TYPE(PyUnicode_Type);
TYPE(PyDict_Type);
TYPE(PyTuple_Type);
TYPE(PyList_Type);
TYPE(PyCell_Type);
TYPE(PyType_Type);
TYPE(PyMemberDescr_Type);
TYPE(PyGen_Type);
TYPE(PyCoro_Type);
char _PyRuntime[4096];

static pthread_mutex_t vault = PTHREAD_MUTEX_INITIALIZER;
static struct gate held;

static void *keep(void *unused) {
    MUST(pthread_setname_np(pthread_self(), "keeper"));
    MUST(pthread_mutex_lock(&vault));
    gate_open(&held);
    idle_for_ever();
    return unused;
}

int main(void) {
    pthread_t thread;
    gate_make(&held);
    MUST(pthread_create(&thread, NULL, keep, NULL));
    gate_pass(&held);
    pid_t child = fork();
    if (child == 0) _exit(FINE);
    if (verdict(child) != FINE) return BROKEN;
    child = fork();
    if (child == 0) {
        pthread_mutex_lock(&vault);
        _exit(FINE);
    }
    return verdict(child);
}
