//! The stack of another thread of this process that is blocked in a system call, without stopping or signalling it.
//!
//! `moment` and `record` may call this, in the parent or in a forked child. The kernel shows a blocked thread's program
//! counter and stack pointer (`/proc/self/task/TID/syscall`) and no other register; the compiler's tables say the rest.
//! Everything is read guarded: the thread may run on meanwhile, and then the answer is worthless, so ask the kernel again
//! afterwards whether it still blocks in the same place.

use std::collections::BTreeMap;
use std::rc::Rc;

use gimli::X86_64;

use super::call_site::{Call, call_before, is_signal_return};
use super::modules::Modules;
use super::unwind_rules::{NoCaller, Registers, Rules, StackMemory};
use super::unwind_tables::UnwindTables;

/// How far a walk goes to find out whether it ends where threads begin.
const MAX_WALK: usize = 512;

/// The most bytes of local variables that are searched for a frame pointer.
const MAX_LOCALS: usize = 64 << 10;

/// The most places that are tried as a frame pointer.
const MAX_CANDIDATES: usize = 16;

/// Unwinds blocked threads; keeps the tables and rules that it has read for the next one.
#[derive(Debug)]
pub struct Unwinder {
    modules: Rc<Modules>,
    stack: StackMemory,
    /// By the module's place: its tables; `None` where it has none.
    tables: BTreeMap<usize, Option<UnwindTables>>,
    /// By address: many threads block in the same place.
    rules: BTreeMap<usize, Option<Rc<Rules>>>,
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Where the thread begins, or after as many frames as were asked for.
    Complete,
    /// Where no rule leads on.
    Lost,
}

impl Unwinder {
    /// An unwinder for threads of the process that `modules` belong to.
    pub fn new(modules: Rc<Modules>) -> Self {
        let stack = StackMemory::new(modules.memory());
        Self {
            modules,
            stack,
            tables: BTreeMap::new(),
            rules: BTreeMap::new(),
        }
    }

    /// The stack of the thread that blocks with program counter `counter` and stack pointer `stack_pointer`, innermost first
    /// and at most `limit` addresses: `counter` itself, which is exact, then return addresses. It ends early where a register
    /// would be needed that nothing tells.
    pub fn stack(&mut self, counter: usize, stack_pointer: usize, limit: usize) -> Vec<usize> {
        let mut addresses = vec![counter];
        if cfg!(target_arch = "x86_64") {
            self.stack.forget();
            self.walk(
                Registers::new(counter, stack_pointer),
                true,
                limit.min(MAX_WALK),
                true,
                &mut addresses,
            );
        }
        addresses.truncate(limit);
        addresses
    }

    /// Adds the callers of the frame with `registers` to `addresses` until those are `limit`. `exact`: the frame's program
    /// counter is no return address.
    fn walk(
        &mut self,
        mut registers: Registers,
        mut exact: bool,
        limit: usize,
        may_search: bool,
        addresses: &mut Vec<usize>,
    ) -> End {
        while addresses.len() < limit {
            let Some(counter) = registers.get(X86_64::RA) else {
                return End::Lost;
            };
            // A call that never returns may be a function's last instruction.
            let Some(rules) = self.rules(if exact { counter } else { counter.wrapping_sub(1) }) else {
                return End::Lost;
            };
            registers = match rules.caller(&registers, &mut self.stack) {
                Err(NoCaller::Outermost) => return End::Complete,
                // A stack grows downwards: whatever does not lead upwards leads in circles. Only a handler may have a stack
                // of its own.
                Ok(caller) if rules.is_signal_frame() || caller.get(X86_64::RSP) > registers.get(X86_64::RSP) => caller,
                Err(NoCaller::Unknown)
                    if may_search && rules.has_frame_pointer() && registers.get(X86_64::RBP).is_none() =>
                {
                    return self.search(&registers, &rules, limit, addresses);
                }
                Ok(_) | Err(NoCaller::Unknown) => return End::Lost,
            };
            addresses.extend(registers.get(X86_64::RA));
            exact = rules.is_signal_frame();
        }
        End::Complete
    }

    /// Goes on from a frame that needs `rbp` before anything told it, as in code compiled with frame pointers that calls a
    /// leaf without. The frame's saved `rbp` and return address lie somewhere above the stack pointer, and the return address
    /// follows a call of this very function. The nearest place that fits *and* leads to where threads begin is taken; failing
    /// that, the nearest with a direct call.
    fn search(&mut self, registers: &Registers, rules: &Rules, limit: usize, addresses: &mut Vec<usize>) -> End {
        let Some(start) = registers.get(X86_64::RSP) else {
            return End::Lost;
        };
        let kept = addresses.len();
        let (mut tried, mut jumped, mut direct) = (0, false, None);
        for place in (start..start.saturating_add(MAX_LOCALS)).step_by(size_of::<usize>()) {
            let above = place.saturating_add(size_of::<usize>());
            let Some(address) = self.stack.word(above) else {
                break;
            };
            let Some(call) = self.call_before(address, rules.function_start()) else {
                continue;
            };
            // A call of another function may be old data, or the true caller of one that jumped here; in doubt, what lies
            // beyond and could be any call is not believed.
            jumped |= call == Call::Other;
            if call == Call::Other || call == Call::Indirect && jumped {
                continue;
            }
            if self.walk_with(registers, rules, place, MAX_WALK, addresses) == End::Complete {
                addresses.truncate(limit);
                return End::Complete;
            }
            addresses.truncate(kept);
            direct = direct.or((call == Call::Direct).then_some(place));
            tried += 1;
            if tried == MAX_CANDIDATES {
                break;
            }
        }
        direct.map_or(End::Lost, |place| {
            self.walk_with(registers, rules, place, limit, addresses)
        })
    }

    /// Walks on from the frame with `registers` as if its `rbp` were `place`.
    fn walk_with(
        &mut self,
        registers: &Registers,
        rules: &Rules,
        place: usize,
        limit: usize,
        addresses: &mut Vec<usize>,
    ) -> End {
        let mut registers = registers.clone();
        registers.set(X86_64::RBP, Some(place));
        match rules.caller(&registers, &mut self.stack) {
            Ok(caller) => {
                addresses.extend(caller.get(X86_64::RA));
                self.walk(caller, false, limit, false, addresses)
            }
            Err(NoCaller::Outermost) => End::Complete,
            Err(NoCaller::Unknown) => End::Lost,
        }
    }

    /// The call that returns to `address`, as seen from `function`; `None` where that is no return address.
    fn call_before(&self, address: usize, function: usize) -> Option<Call> {
        let memory = self.modules.memory();
        if !self.modules.is_executable(address) {
            return None;
        }
        // The kernel calls handlers, by no instruction.
        let handler = || is_signal_return(memory, address).then_some(Call::Direct);
        call_before(memory, address, function).or_else(handler)
    }

    fn rules(&mut self, address: usize) -> Option<Rc<Rules>> {
        if let Some(known) = self.rules.get(&address) {
            return known.clone();
        }
        let rules = self.read_rules(address).map(Rc::new);
        self.rules.insert(address, rules.clone());
        rules
    }

    fn read_rules(&mut self, address: usize) -> Option<Rules> {
        let index = self.modules.index_of(address)?;
        let module = self.modules.all().get(index)?;
        let memory = self.modules.memory();
        let tables = self
            .tables
            .entry(index)
            .or_insert_with(|| UnwindTables::of(module, memory));
        Rules::of(tables.as_ref()?, address)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::path::PathBuf;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::super::memory::ProcessMemory;
    use super::super::resolver::{Naming, Resolver};
    use super::*;

    /// Threads that each block in another call, below functions that say so, and a thread in a signal handler.
    const PROGRAM: &str = r#"
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#define CALLED __attribute__((noinline, noclone))
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER, door = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bell = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t ready;
static sem_t empty;
static int pipe_ends[2];
static volatile int sink;
CALLED static void in_read(void) { char c[100]; if (read(pipe_ends[0], c, 1)) sink = c[0]; }
CALLED static void in_mutex(void) { pthread_mutex_lock(&held); sink++; }
CALLED static void in_cond(void) { pthread_mutex_lock(&door); pthread_cond_wait(&bell, &door); sink++; }
CALLED static void in_sem(void) { sem_wait(&empty); sink++; }
CALLED static void in_sleep(void) { struct timespec t = {1000, 0}; nanosleep(&t, 0); sink++; }
CALLED static void in_poll(void) { struct pollfd p = {pipe_ends[0], POLLIN, 0}; poll(&p, 1, -1); sink++; }
CALLED static void handler(int s) { pause(); sink = s; }
CALLED static void in_signal(void) { raise(SIGUSR1); sink++; }
typedef void (*blocker)(void);
static blocker blockers[] = {in_read, in_mutex, in_cond, in_sem, in_sleep, in_poll, in_signal};
static const char *names[] = {"read", "mutex", "cond", "sem", "sleep", "poll", "signal"};
static __thread blocker mine;
CALLED static int compare(const void *a, const void *b) { mine(); return *(char *)a - *(char *)b; }
CALLED static void sorting(int n) { char v[2] = {2, 1}; qsort(v, 2, 1, compare); sink += n; }
CALLED static void deep(int n) {
    char *room = alloca(16 * (n + 1)); memset(room, n, 16 * (n + 1));
    if (n) deep(n - 1); else sorting(n);
    sink += room[n];
}
static void *start(void *number) {
    size_t n = (size_t)number;
    mine = blockers[n];
    printf("%ld %s\n", syscall(SYS_gettid), names[n]);
    fflush(stdout);
    pthread_barrier_wait(&ready);
    deep(5);
    return 0;
}
int main(void) {
    const size_t count = sizeof blockers / sizeof *blockers;
    pthread_t thread;
    sem_init(&empty, 0, 0);
    pthread_mutex_lock(&held);
    signal(SIGUSR1, handler);
    if (pipe(pipe_ends)) return 1;
    pthread_barrier_init(&ready, 0, count + 1);
    for (size_t n = 0; n < count; n++) pthread_create(&thread, 0, start, (void *)n);
    pthread_barrier_wait(&ready);
    pause();
}
"#;

    struct Running {
        child: Child,
        folder: PathBuf,
        threads: Vec<(i32, String)>,
    }

    impl Drop for Running {
        fn drop(&mut self) {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
            std::fs::remove_dir_all(&self.folder).unwrap();
        }
    }

    /// The program built with `options`, all its threads blocked.
    fn start(options: &str) -> Running {
        let folder =
            std::env::temp_dir().join(format!("forkwatch-stack-{}{options}", std::process::id()).replace(' ', ""));
        std::fs::create_dir_all(&folder).unwrap();
        let (source, program) = (folder.join("blocked.c"), folder.join("blocked"));
        std::fs::write(&source, PROGRAM).unwrap();
        let mut compiler = Command::new("cc");
        let built = compiler
            .args(options.split(' '))
            .arg("-pthread")
            .arg("-o")
            .arg(&program)
            .arg(&source)
            .status();
        assert!(built.unwrap().success());
        let mut child = Command::new(&program).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let threads: Vec<_> = lines
            .take(7)
            .map(|line| {
                let line = line.unwrap();
                let (tid, name) = line.split_once(' ').unwrap();
                (tid.parse().unwrap(), name.to_owned())
            })
            .collect();
        Running { child, folder, threads }
    }

    /// Program counter and stack pointer of a blocked thread.
    fn blocked_at(pid: u32, tid: i32) -> Option<(usize, usize)> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")).unwrap();
        let mut numbers = text.split_whitespace().rev();
        let mut number = || usize::from_str_radix(numbers.next()?.strip_prefix("0x")?, 16).ok();
        let (counter, stack_pointer) = (number()?, number()?);
        Some((counter, stack_pointer))
    }

    fn check(options: &str) {
        let running = start(options);
        let pid = running.child.id();
        let memory = ProcessMemory::of(pid.try_into().unwrap()).unwrap();
        let text = std::fs::read(format!("/proc/{pid}/maps")).unwrap();
        let mut resolver = Resolver::with_modules(Naming::Names, Modules::from_text(&text, memory));
        let mut unwinder = Unwinder::new(Rc::clone(resolver.modules()));
        for (tid, name) in &running.threads {
            let mut expected = vec![format!("in_{name}"), "compare".into(), "sorting".into()];
            expected.extend(vec!["deep".to_owned(); 6]);
            expected.push("start".into());
            let deadline = Instant::now() + Duration::from_secs(10);
            // A thread may not have come to its call yet.
            let named = loop {
                let Some((counter, stack_pointer)) = blocked_at(pid, *tid) else {
                    continue;
                };
                let begun = Instant::now();
                let ips = unwinder.stack(counter, stack_pointer, 64);
                let cost = begun.elapsed();
                let frames = resolver.frames(&ips, true);
                let named: Vec<_> = frames
                    .into_iter()
                    .map(|frame| frame.symbol.unwrap_or_default())
                    .collect();
                let ours: Vec<_> = named.iter().filter(|name| expected.contains(name)).cloned().collect();
                if ours == expected {
                    eprintln!("{options} {name}: {cost:?} {}", named.len());
                    break named;
                }
                assert!(Instant::now() < deadline, "{options} {name}: {named:?}");
            };
            assert!(named.last().unwrap().contains("clone"), "{options} {name}: {named:?}");
            assert_eq!(named.contains(&"handler".to_owned()), name == "signal");
        }
        let begun = Instant::now();
        for _ in 0..100 {
            for (tid, _) in &running.threads {
                let (counter, stack_pointer) = blocked_at(pid, *tid).unwrap();
                assert!(unwinder.stack(counter, stack_pointer, 16).len() > 10);
            }
        }
        eprintln!("{options}: {:?} a thread", begun.elapsed() / 700);
    }

    #[test]
    fn blocked_threads_are_unwound_in_optimised_code() {
        check("-O2");
    }

    #[test]
    fn blocked_threads_are_unwound_in_code_with_frame_pointers() {
        check("-O2 -fno-omit-frame-pointer");
    }

    #[test]
    fn blocked_threads_are_unwound_in_plain_code() {
        check("-O0 -no-pie");
    }
}
