/* H10: another thread is inside a function of libc that holds a lock for its whole call, or for most of it, and stays there: it
 * allocates memory from this program's own allocator. The child calls the same function and can never go on.
 * expect: unsafe_fork ERROR locks=1 threads=1
 * with: lock=libc owner=keeper name=$1 acquired=call
 * expect: orphaned_lock call=$2 lock=libc owner=keeper name=$1 acquired=call in=call blocking=true same_fork=yes
 * suppress: *:$1
 * suppress: *:call
 * runs: libc:nss {getpwent,getgrent,getspent,getservent,getprotoent,getnetent,getrpcent}
 * runs: libc:nss {setpwent,setgrent,setspent,setservent,setprotoent,setnetent,setrpcent}
 * runs: libc:nss {getspnam,getprotobyname,getprotobynumber,getnetbyname,getnetbyaddr,getrpcbyname,getrpcbynumber}
 * runs: libc:nss {fgetpwent,fgetgrent,fgetspent}
 * runs: libc:resolver {gethostent,sethostent}
 * runs: libc:gettext {textdomain,bindtextdomain}
 * runs: libc:aio aio_read
 * runs: libc:sem_open sem_open
 * runs: libc:iconv iconv_open
 */
#include "../program.h"
#include <aio.h>
#include <grp.h>
#include <iconv.h>
#include <libintl.h>
#include <netdb.h>
#include <pwd.h>
#include <rpc/netdb.h>
#include <shadow.h>
#include <sys/socket.h>

static struct gate inside;
static const char *function;
static FILE *file;
/* The keeper stays at the allocation of this number; 0: at none. */
static __thread int stays_at;

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

static void allocates(void) {
    if (stays_at && --stays_at == 0) {
        gate_open(&inside);
        idle_for_ever();
    }
}

void *malloc(size_t size) { return allocates(), __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return allocates(), __libc_calloc(count, size); }
void *realloc(void *place, size_t size) { return allocates(), __libc_realloc(place, size); }

static void call(void) {
    static char byte;
    static struct aiocb request = {.aio_buf = &byte};
    static const struct { const char *name; void (*call)(); } without_arguments[] = {
        {"getpwent", (void (*)())getpwent}, {"getgrent", (void (*)())getgrent}, {"getspent", (void (*)())getspent},
        {"getservent", (void (*)())getservent}, {"getprotoent", (void (*)())getprotoent}, {"getnetent", (void (*)())getnetent},
        {"getrpcent", (void (*)())getrpcent}, {"gethostent", (void (*)())gethostent}, {"setpwent", setpwent},
        {"setgrent", setgrent}, {"setspent", setspent},
    };
    static const struct { const char *name; void (*call)(int); } with_number[] = {
        {"setservent", setservent}, {"setprotoent", setprotoent}, {"setnetent", setnetent}, {"setrpcent", setrpcent},
        {"sethostent", sethostent},
    };
    for (size_t i = 0; i < sizeof without_arguments / sizeof *without_arguments; i++)
        if (is(function, without_arguments[i].name)) without_arguments[i].call();
    for (size_t i = 0; i < sizeof with_number / sizeof *with_number; i++)
        if (is(function, with_number[i].name)) with_number[i].call(1);
    if (is(function, "getspnam")) getspnam("forkwatch");
    if (is(function, "getprotobyname")) getprotobyname("forkwatch");
    if (is(function, "getprotobynumber")) getprotobynumber(250);
    if (is(function, "getnetbyname")) getnetbyname("forkwatch");
    if (is(function, "getnetbyaddr")) getnetbyaddr(0x7f, AF_INET);
    if (is(function, "getrpcbyname")) getrpcbyname("forkwatch");
    if (is(function, "getrpcbynumber")) getrpcbynumber(1);
    if (is(function, "fgetpwent")) fgetpwent(file);
    if (is(function, "fgetgrent")) fgetgrent(file);
    if (is(function, "fgetspent")) fgetspent(file);
    if (is(function, "textdomain")) textdomain("forkwatch");
    if (is(function, "bindtextdomain")) bindtextdomain("forkwatch", "/tmp");
    if (is(function, "aio_read")) aio_read(&request);
    if (is(function, "sem_open")) sem_open("/forkwatch-test-never", O_CREAT, 0600, 1);
    if (is(function, "iconv_open")) iconv_open("UTF-16", "LATIN1");
}

static void *keeper(void *number) {
    stays_at = (int)(long)number;
    call();
    broken("nothing was allocated");
}

/* The first allocation that the function makes under its lock. */
static long under_lock(void) { return is(function, "iconv_open") ? 6 : 1; }

int main(int count, char **words) {
    function = count > 2 ? words[2] : "getpwent";
    gate_make(&inside);
    file = fopen("/dev/null", "r");
    start("keeper", keeper, (void *)under_lock());
    gate_pass(&inside);
    pid_t child = fork();
    if (child == 0) {
        call();
        _exit(FINE);
    }
    return verdict(child);
}
