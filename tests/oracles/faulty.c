/* A library that is preloaded in place of ours and has a fault on purpose, in one of the functions that ours hooks. A program
 * that is to hold that hook must end otherwise beside it. `FAULT` names function and fault:
 *
 * - `argumentN`: it is called with the Nth argument of the call before, as two calls that share one record are;
 * - `result`: it says 0 where it would not, and 1 where it would;
 * - `call`: it says 0 and does nothing;
 * - `errno`: it leaves an errno of its own.
 *
 * `HOOKS` is `HOOK(function)` for each of them. No header is included, as their prototypes would contradict. */
typedef long word;
/* Six words in registers, and more from the stack than any of them has there. */
typedef word function(word, word, word, word, word, word, word, word, word, word);
typedef enum { NONE, ARGUMENT, RESULT, CALL, ERRNO } kind;

extern void *dlsym(void *where, const char *name);
extern char *getenv(const char *name);
extern int *__errno_location(void);
extern int strcmp(const char *one, const char *other);
extern char *strchr(const char *text, int character);
extern int strncmp(const char *one, const char *other, unsigned long length);

static char fault_function[64];
static kind fault;
static int position;

__attribute__((constructor)) static void read_fault(void) {
    const char *wanted = getenv("FAULT"), *colon = wanted ? strchr(wanted, ':') : 0;
    if (!colon) return;
    for (int i = 0; wanted + i < colon && i < 63; i++) fault_function[i] = wanted[i];
    if (strcmp(colon, ":result") == 0) fault = RESULT;
    if (strcmp(colon, ":call") == 0) fault = CALL;
    if (strcmp(colon, ":errno") == 0) fault = ERRNO;
    if (strncmp(colon, ":argument", 9) == 0) {
        fault = ARGUMENT;
        position = colon[9] - '1';
    }
}

static word with_fault(const char *name, function **known, word arguments[10]) {
    static word before;
    int *error = __errno_location(), kept = *error;
    kind own = strcmp(name, fault_function) == 0 ? fault : NONE;
    /* The next definition, RTLD_NEXT. */
    if (!*known) *known = (function *)dlsym((void *)-1, name);
    /* Newer libcs have these under the one name only. */
    if (!*known && strncmp(name, "__pthread", 9) == 0) *known = (function *)dlsym((void *)-1, name + 2);
    *error = kept;
    if (own == CALL) return 0;
    if (own == ARGUMENT) arguments[position] = __atomic_exchange_n(&before, arguments[position], __ATOMIC_SEQ_CST);
    word *a = arguments;
    word result = (*known)(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9]);
    if (own == ERRNO) *error = 84;
    return own == RESULT ? (int)result == 0 : result;
}

#define HOOK(name) \
    word name(word a, word b, word c, word d, word e, word f, word g, word h, word i, word j) { \
        static function *real; \
        return with_fault(#name, &real, (word[10]){a, b, c, d, e, f, g, h, i, j}); \
    }

HOOKS
