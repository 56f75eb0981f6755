/* A plugin with local statics, which brings the C++ runtime along. Used by robust_local_runtime. Optimised, the guard's release
 * is a tail call: it returns past this library. */
extern "C" int plugin_work(void);

static int made;

struct Part {
    Part() { made++; }
};

__attribute__((noinline, optimize("O2"))) static void first() { static Part part; }

__attribute__((noinline, optimize("O2"))) static void second() {
    first();
    static Part part;
}

extern "C" int plugin_work(void) {
    first();
    second();
    first();
    return made;
}
