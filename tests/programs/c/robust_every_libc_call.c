/* Each function of libc that takes a lock of libc's own: what it returns, what becomes of errno, and what it did. The exit
 * functions registered here say what they were given.
 * expect: silent
 */
#include "../program.h"
#include <arpa/inet.h>
#include <aio.h>
#include <grp.h>
#include <iconv.h>
#include <libintl.h>
#include <link.h>
#include <langinfo.h>
#include <locale.h>
#include <netdb.h>
#include <pwd.h>
#include <resolv.h>
#include <rpc/netdb.h>
#include <shadow.h>
#include <syslog.h>
#include <threads.h>
#include <utmp.h>
#include <utmpx.h>

extern int __cxa_atexit(void (*function)(void *), void *argument, void *library);
extern int __cxa_at_quick_exit(void (*function)(void), void *library);
extern void __syslog_chk(int priority, int flag, const char *format, ...);
extern void __vsyslog_chk(int priority, int flag, const char *format, va_list arguments);

#define TELL(call) do { errno = 1234; long result = (long)(call); say("%s: %ld, errno %d", #call, result, errno); } while (0)
#define DONE(call) do { errno = 1234; call; say("%s: errno %d", #call, errno); } while (0)
#define TEXT(call) do { errno = 1234; const char *result = (call); say("%s: %s, errno %d", #call, result ? result : "none", errno); } while (0)

static const char *shown(const struct tm *time) {
    static char text[64];
    if (!time) return NULL;
    snprintf(text, sizeof text, "%d-%d-%d %d:%d:%d zone %ld", time->tm_year, time->tm_mon, time->tm_mday, time->tm_hour,
             time->tm_min, time->tm_sec, time->tm_gmtoff);
    return text;
}

static void times(void) {
    const time_t known = 1790000000, far = (time_t)1 << 60;
    struct tm into = {0};
    char text[64];
    TELL(setenv("TZ", "ABC-3DEF", 1));
    DONE(tzset());
    say("zone %s %ld", tzname[0], timezone);
    TEXT(shown(localtime(&known)));
    TEXT(shown(localtime(&far)));
    TEXT(shown(localtime_r(&known, &into)));
    TEXT(shown(gmtime(&known)));
    TEXT(shown(gmtime(&far)));
    TEXT(shown(gmtime_r(&known, &into)));
    TEXT(ctime(&known));
    TEXT(ctime(&far));
    TEXT(ctime_r(&known, text));
    TELL(mktime(&into));
    into.tm_year = INT_MAX;
    TELL(mktime(&into));
    into = *localtime(&known);
    TELL(strftime(text, sizeof text, "%Y %H %Z %z", &into));
    say("%s", text);
    TELL(strftime(text, sizeof text, "%d.%m.", &into));
    say("%s", text);
    TELL(strftime(text, 2, "%Y", &into));
}

static void environments(void) {
    static char put[] = "PUT=by putenv";
    TELL(setenv("SET", "one", 0));
    TELL(setenv("SET", "two", 0));
    TEXT(getenv("SET"));
    TELL(setenv("SET", "three", 1));
    TEXT(getenv("SET"));
    TELL(setenv("A=B", "", 1));
    TELL(putenv(put));
    TEXT(getenv("PUT"));
    TELL(unsetenv("SET"));
    TEXT(getenv("SET"));
    TELL(unsetenv("A=B"));
    TELL(clearenv());
    TEXT(getenv("PUT"));
}

/* What is logged goes to standard error, too, which here is standard output. */
static void logs(const char *format, ...) {
    va_list arguments;
    TELL(dup2(STDOUT_FILENO, STDERR_FILENO));
    DONE(openlog("own", LOG_PERROR, LOG_USER));
    TELL(setlogmask(LOG_UPTO(LOG_INFO)));
    TELL(setlogmask(0));
    DONE(syslog(LOG_INFO, "plain %d %s %d %d %d %d", 1, "two", 3, 4, 5, 6));
    DONE(syslog(LOG_DEBUG, "not to be shown"));
    DONE(__syslog_chk(LOG_INFO, 1, "checked %d %s", 1, "two"));
    DONE(__syslog_chk(LOG_DEBUG, 1, "not to be shown"));
    for (int level = LOG_INFO; level <= LOG_DEBUG; level++) {
        va_start(arguments, format);
        DONE(vsyslog(level, format, arguments));
        va_end(arguments);
        va_start(arguments, format);
        DONE(__vsyslog_chk(level, 1, format, arguments));
        va_end(arguments);
    }
    DONE(closelog());
    syslog(LOG_INFO, "under its own name again");
}

static void locales(void) {
    TEXT(setlocale(LC_ALL, NULL));
    TEXT(setlocale(LC_ALL, "no such locale"));
    TEXT(setlocale(LC_NUMERIC, "C.UTF-8"));
    TEXT(setlocale(LC_ALL, NULL));
    locale_t made = NULL, copy = NULL, changed = NULL;
    TELL(newlocale(LC_ALL_MASK, "no such locale", NULL));
    TELL((made = newlocale(LC_ALL_MASK, "C.UTF-8", NULL)) != NULL);
    TELL((copy = duplocale(made)) != NULL);
    TELL((changed = newlocale(LC_NUMERIC_MASK, "C", copy)) != NULL);
    TEXT(nl_langinfo_l(CODESET, changed));
    DONE(freelocale(changed));
}

static void numbers(void) {
    static char state[64], other[64];
    DONE(srandom(7));
    TELL(random());
    TELL(initstate(9, state, sizeof state) != NULL);
    TELL(random());
    TELL(initstate(9, other, 4) == NULL);
    TELL(initstate(9, other, sizeof other) == state);
    TELL(setstate(state) == other);
    TELL(random());
}

static int counts(struct dl_phdr_info *info, size_t size, void *data) {
    if (size < sizeof(void *) || !info->dlpi_phdr) broken("a module");
    return ++*(int *)data == 2 ? 77 : 0;
}

/* An entry's name does not show of which kind it is. */
static const char *host(const struct hostent *entry) {
    static char text[96];
    char address[64] = "";
    if (!entry) return NULL;
    inet_ntop(entry->h_addrtype, entry->h_addr_list[0], address, sizeof address);
    snprintf(text, sizeof text, "%s of %d bytes", address, entry->h_length);
    return text;
}

static const char *service(const struct servent *entry) {
    static char text[96];
    if (!entry) return NULL;
    snprintf(text, sizeof text, "%s %s", entry->s_name, entry->s_proto);
    return text;
}

static const char *user(const struct passwd *entry) { return entry ? entry->pw_name : NULL; }
static const char *group(const struct group *entry) { return entry ? entry->gr_name : NULL; }

static void addresses(void) {
    int length = 0;
    char name[64], port[16];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *results = NULL;
    address.sin_addr.s_addr = htonl(0x7f000001);
    TELL(getaddrinfo("127.0.0.9", "81", &hints, &results));
    for (struct addrinfo *one = results; one; one = one->ai_next) length++;
    say("%d, port %d", length, results ? ntohs(((struct sockaddr_in *)results->ai_addr)->sin_port) : 0);
    TELL(getaddrinfo("no number", "81", &hints, &results));
    TELL(getnameinfo((struct sockaddr *)&address, sizeof address, name, sizeof name, port, sizeof port,
                     NI_NUMERICHOST | NI_NUMERICSERV));
    say("%s %s", name, port);
    TELL(getnameinfo((struct sockaddr *)&address, 1, name, sizeof name, port, sizeof port, NI_NUMERICHOST));
}

static void names(void) {
    int seen = 0, error[6] = {7, 7, 7, 7, 7, 7};
    char buffer[1024];
    const struct in_addr four = {htonl(0x7f000001)};
    struct hostent entry, *found = NULL;
    TELL(dl_iterate_phdr(counts, &seen));
    say("%d modules", seen);
    TEXT(host(gethostbyname("127.0.0.9")));
    TELL(gethostbyname_r("127.0.0.8", &entry, buffer, sizeof buffer, &found, &error[0]));
    TEXT(host(found));
    TELL(gethostbyname_r("127.0.0.8", &entry, buffer, 1, &found, &error[1]));
    TELL(gethostbyname2_r("::7", AF_INET6, &entry, buffer, sizeof buffer, &found, &error[2]));
    TEXT(host(found));
    TELL(gethostbyname2_r("127.0.0.7", AF_INET, &entry, buffer, 1, &found, &error[3]));
    TEXT(host(gethostbyaddr(&four, sizeof four, AF_INET)));
    TELL(gethostbyaddr_r(&four, sizeof four, AF_INET, &entry, buffer, sizeof buffer, &found, &error[4]));
    TEXT(host(found));
    TELL(gethostbyaddr_r(&four, sizeof four, AF_INET, &entry, buffer, 1, &found, &error[5]));
    for (int number = 0; number < 6; number++) say("error %d: %d", number, error[number]);
    TEXT(user(getpwnam("root")));
    TEXT(user(getpwnam("no such user")));
    TEXT(user(getpwuid(1)));
    TEXT(group(getgrnam("root")));
    TEXT(group(getgrnam("no such group")));
    TEXT(group(getgrgid(1)));
    TEXT(service(getservbyname("domain", "udp")));
    TEXT(service(getservbyname("domain", "tcp")));
    TEXT(service(getservbyport(htons(53), "udp")));
    TEXT(service(getservbyport(htons(53), "tcp")));
}

/* One list: set, read on with libc's buffer and with one's own, end. `rest` is what follows the caller's buffer. */
#define LIST(set, next, next_r, end, entry_type, name, ...) do { \
    struct entry_type into, *entry, *found = NULL; \
    char space[8192]; \
    DONE(set); \
    TEXT((entry = next) ? entry->name : NULL); \
    TELL(next_r(&into, space, sizeof space, &found __VA_OPT__(,) __VA_ARGS__)); \
    TEXT(found ? found->name : NULL); \
    TELL(next_r(&into, space, 1, &found __VA_OPT__(,) __VA_ARGS__)); \
    DONE(end); \
} while (0)

static void lists(void) {
    int error = 0;
    LIST(setpwent(), getpwent(), getpwent_r, endpwent(), passwd, pw_name);
    LIST(setgrent(), getgrent(), getgrent_r, endgrent(), group, gr_name);
    LIST(setspent(), getspent(), getspent_r, endspent(), spwd, sp_namp);
    LIST(setservent(1), getservent(), getservent_r, endservent(), servent, s_name);
    LIST(setprotoent(1), getprotoent(), getprotoent_r, endprotoent(), protoent, p_name);
    LIST(sethostent(1), gethostent(), gethostent_r, endhostent(), hostent, h_name, &error);
    LIST(setnetent(1), getnetent(), getnetent_r, endnetent(), netent, n_name, &error);
    LIST(setrpcent(1), getrpcent(), getrpcent_r, endrpcent(), rpcent, r_name);
    TEXT(getspnam("root") ? "root" : NULL);
    TEXT(getprotobyname("udp") ? "udp" : NULL);
    TELL(getprotobynumber(17) != NULL);
    TELL(getnetbyname("no such network") != NULL);
    TELL(getnetbyaddr(0x7f, AF_INET) != NULL);
    TELL(getrpcbyname("portmapper") != NULL);
    TELL(getrpcbynumber(100000) != NULL);
    TEXT(host(gethostbyname2("127.0.0.9", AF_INET)));
    FILE *file = fopen("/etc/passwd", "r");
    TEXT(user(fgetpwent(file)));
    rewind(file);
    TELL(fgetspent(file) != NULL);
    MUST(fclose(file));
    file = fopen("/etc/group", "r");
    TEXT(group(fgetgrent(file)));
    MUST(fclose(file));
    TELL(lckpwdf());
    TELL(ulckpwdf());
}

static void others(void) {
    char line[64] = "";
    struct utmp login = {.ut_type = USER_PROCESS, .ut_line = "tty9"}, *login_found = NULL, login_into;
    struct utmpx user_login = {.ut_type = USER_PROCESS, .ut_line = "tty9"};
    /* Two of each: a helper thread of libc's writes to a request that is under way. */
    static struct aiocb requests[2] = {{.aio_fildes = -1, .aio_nbytes = 1}, {.aio_fildes = -1, .aio_nbytes = 1}};
    static struct aiocb64 requests64[2] = {{.aio_fildes = -1, .aio_nbytes = 1}, {.aio_fildes = -1, .aio_nbytes = 1}};
    struct __res_state state = {0};
    cnd_t condition;
    FILE *pipe = popen("echo through a pipe", "r");
    if (!pipe || !fgets(line, sizeof line, pipe)) broken("popen");
    say("%s", line);
    TELL(pclose(pipe));
    TELL(popen("true", "no mode") != NULL);
    TELL(sem_open("no/such/name", 0) != SEM_FAILED);
    sprintf(line, "/forkwatch-%d", (int)getpid());
    sem_t *semaphore = sem_open(line, O_CREAT, 0600, 3);
    int value = 0;
    MUST(sem_unlink(line) || sem_getvalue(semaphore, &value));
    say("%d", value);
    TELL(sem_close(semaphore));
    iconv_t conversion = iconv_open("UCS-4", "UTF-8");
    TELL(conversion != (iconv_t)-1);
    TELL(iconv_close(conversion));
    TELL(iconv_open("no such code", "UTF-8") != (iconv_t)-1);
    TEXT(textdomain(NULL));
    TEXT(textdomain("forkwatch"));
    TEXT(bindtextdomain("forkwatch", "/tmp"));
    TEXT(bindtextdomain(NULL, "/tmp"));
    TEXT(bind_textdomain_codeset("forkwatch", "UTF-8"));
    TELL(utmpname("/no such folder/utmp"));
    TELL(utmpxname("/no such folder/utmp"));
    DONE(setutent());
    TELL(getutent() != NULL);
    TELL(getutent_r(&login_into, &login_found));
    TELL(getutid(&login) != NULL);
    TELL(getutid_r(&login, &login_into, &login_found));
    TELL(getutline(&login) != NULL);
    TELL(getutline_r(&login, &login_into, &login_found));
    TELL(pututline(&login) != NULL);
    DONE(endutent());
    DONE(setutxent());
    TELL(getutxent() != NULL);
    TELL(getutxid(&user_login) != NULL);
    TELL(getutxline(&user_login) != NULL);
    TELL(pututxline(&user_login) != NULL);
    DONE(endutxent());
    TELL(__res_init());
    TELL(aio_read(&requests[0]));
    TELL(aio_write(&requests[1]));
    TELL(aio_read64(&requests64[0]));
    TELL(aio_write64(&requests64[1]));
    for (int number = 0; number < 2; number++) {
        while (aio_error(&requests[number]) == EINPROGRESS || aio_error64(&requests64[number]) == EINPROGRESS) usleep(100);
        say("request %d: %d %d", number, aio_error(&requests[number]), aio_error64(&requests64[number]));
    }
    TELL(res_ninit(&state));
    DONE(res_nclose(&state));
    TELL(cnd_init(&condition));
    DONE(cnd_destroy(&condition));
    DONE(srand(7));
    TELL(rand());
    TELL(__cxa_at_quick_exit(others, NULL));
}

static void at_exit(void) { say("atexit"); }
static void with_argument(void *argument) { say("__cxa_atexit %s", (const char *)argument); }
static void on_its_exit(int status, void *argument) { say("on_exit %d %s", status, (const char *)argument); }

int main(void) {
    times();
    environments();
    logs("list %d %s", 7, "eight");
    locales();
    numbers();
    addresses();
    names();
    lists();
    others();
    TELL(atexit(at_exit));
    TELL(__cxa_atexit(with_argument, "own", NULL));
    TELL(on_exit(on_its_exit, "own"));
    exit(FINE);
}
