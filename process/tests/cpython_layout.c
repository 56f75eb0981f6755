/* Prints where things lie in the structures of the CPython whose headers it is compiled with: a line for each fact of
   `process/src/cpython/layout.rs` and `build.rs`, in the words of `cpython_versions.rs`. */
#define Py_BUILD_CORE 1
#include <Python.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#if PY_VERSION_HEX < 0x030b0000
#include <code.h>
#include <frameobject.h>
#else
#include <internal/pycore_frame.h>
#endif
#if PY_VERSION_HEX >= 0x030d0000
#include <internal/pycore_genobject.h>
#include <internal/pycore_object.h>
#endif
#if PY_VERSION_HEX >= 0x03090000
#include <internal/pycore_interp.h>
#include <internal/pycore_runtime.h>
#elif PY_VERSION_HEX >= 0x03080000
#include <internal/pycore_pystate.h>
#elif PY_VERSION_HEX >= 0x03070000
#include <internal/pystate.h>
#endif

#define AT(type, field) (int)offsetof(type, field)

#if PY_VERSION_HEX >= 0x030c0000
#define MODULES imports.modules
#else
#define MODULES modules
#endif

/* Where strings have their form: the byte, and the lowest bit of it. */
static void print_form(void)
{
    PyASCIIObject text;
    unsigned char bytes[sizeof text];
    memset(&text, 0, sizeof text);
    text.state.kind = 1;
    memcpy(bytes, &text, sizeof text);
    for (int bit = 0; bit < (int)sizeof text * 8; bit++)
        if (bytes[bit / 8] >> bit % 8 & 1)
            printf("form %d %d\n", bit / 8, bit % 8);
}

int main(void)
{
    print_form();
    printf("type %d\n", AT(PyObject, ob_type));
#if PY_VERSION_HEX >= 0x030d0000
    printf("dict_before %d\n", -(int)MANAGED_DICT_OFFSET);
    printf("stop %d %d %d %d\n", AT(struct _stoptheworld_state, world_stopped),
           AT(struct _stoptheworld_state, is_global), AT(struct _stoptheworld_state, thread_countdown),
           AT(struct _stoptheworld_state, requester));
#endif
#if PY_VERSION_HEX >= 0x030e0000 && defined(Py_GIL_DISABLED)
    printf("copies %d %d\n", AT(_PyInterpreterFrame, tlbc_index), AT(PyCodeObject, co_tlbc));
    _Static_assert(AT(_PyCodeArray, entries) == 8, "a table of copies: their number, the copies");
#endif
    printf("thread_id %d\n", AT(PyThreadState, thread_id));
    printf("links %d %d %d\n", AT(PyThreadState, prev), AT(PyThreadState, next), AT(PyThreadState, interp));
    printf("file %d\n", AT(PyCodeObject, co_filename));
    printf("names %d\n", AT(PyCodeObject, co_names));
    printf("first_line %d\n", AT(PyCodeObject, co_firstlineno));
    printf("function_name %d\n", AT(PyFunctionObject, func_name));
    printf("function %d %d %d\n", AT(PyFunctionObject, func_code), AT(PyFunctionObject, func_globals),
           AT(PyFunctionObject, func_closure));
#if PY_VERSION_HEX >= 0x03070000
    printf("child_handlers %d\n", AT(PyInterpreterState, after_forkers_child));
    _Static_assert(AT(PyInterpreterState, after_forkers_child) - AT(PyInterpreterState, before_forkers) == 16,
                   "the list of functions before a fork, the parent's, the child's");
#endif
    printf("elements %d\n", AT(PyTupleObject, ob_item));
    printf("ascii %d\n", (int)sizeof(PyASCIIObject));
    printf("compact %d\n", (int)sizeof(PyCompactUnicodeObject));
#if PY_VERSION_HEX >= 0x030a0000
    printf("lines %d\n", AT(PyCodeObject, co_linetable));
#else
    printf("lines %d\n", AT(PyCodeObject, co_lnotab));
#endif
#if PY_VERSION_HEX >= 0x030b0000
    printf("runtime %d %d %d %d\n", AT(_PyRuntimeState, interpreters.head), AT(PyInterpreterState, next),
           AT(PyInterpreterState, threads.head), AT(PyInterpreterState, MODULES));
#elif PY_VERSION_HEX >= 0x03070000
    printf("runtime %d %d %d %d\n", AT(_PyRuntimeState, interpreters.head), AT(PyInterpreterState, next),
           AT(PyInterpreterState, tstate_head), AT(PyInterpreterState, MODULES));
#endif
#if PY_VERSION_HEX >= 0x030b0000
    printf("shared_keys %d\n", AT(PyHeapTypeObject, ht_cached_keys));
    printf("back %d\n", AT(_PyInterpreterFrame, previous));
    printf("globals %d\n", AT(_PyInterpreterFrame, f_globals));
    printf("locals %d\n", AT(_PyInterpreterFrame, localsplus));
    printf("name %d\n", AT(PyCodeObject, co_qualname));
    printf("variables %d\n", AT(PyCodeObject, co_localsplusnames));
    printf("first_traceable %d\n", AT(PyCodeObject, _co_firsttraceable));
    printf("blocks %d %d %d %d %d\n", AT(PyCodeObject, co_exceptiontable), AT(PyCodeObject, co_nlocalsplus),
           AT(PyCodeObject, co_stacksize), AT(PyGenObject, gi_frame_state), AT(PyGenObject, gi_iframe));
    printf("suspended %d %d\n", FRAME_SUSPENDED, FRAME_EXECUTING - 1);
#if PY_VERSION_HEX >= 0x030c0000
    printf("owner %d\n", AT(_PyInterpreterFrame, owner));
#endif
#if PY_VERSION_HEX >= 0x030d0000
    printf("innermost %d\n", AT(PyThreadState, current_frame));
    printf("code %d\n", AT(_PyInterpreterFrame, f_executable));
    printf("instruction %d %d\n", AT(_PyInterpreterFrame, instr_ptr), AT(PyCodeObject, co_code_adaptive));
#else
    printf("innermost %d %d\n", AT(PyThreadState, cframe), AT(_PyCFrame, current_frame));
    printf("code %d\n", AT(_PyInterpreterFrame, f_code));
    printf("instruction %d %d\n", AT(_PyInterpreterFrame, prev_instr), AT(PyCodeObject, co_code_adaptive));
#endif
#else
    printf("innermost %d\n", AT(PyThreadState, frame));
    printf("back %d\n", AT(PyFrameObject, f_back));
    printf("code %d\n", AT(PyFrameObject, f_code));
    printf("globals %d\n", AT(PyFrameObject, f_globals));
    printf("locals %d\n", AT(PyFrameObject, f_localsplus));
    printf("name %d\n", AT(PyCodeObject, co_name));
    printf("blocks %d %d %d\n", AT(PyFrameObject, f_iblock), AT(PyFrameObject, f_blockstack),
           AT(PyFrameObject, f_valuestack));
    printf("variables %d %d %d\n", AT(PyCodeObject, co_varnames), AT(PyCodeObject, co_cellvars),
           AT(PyCodeObject, co_freevars));
    /* Since 3.10 in units of two bytes. */
    printf("instruction %d in %d\n", AT(PyFrameObject, f_lasti), PY_VERSION_HEX >= 0x030a0000 ? 2 : 1);
#endif
    return 0;
}
