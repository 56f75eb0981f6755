//! Which calls reach us: one row for each function, in the file of its family. Every row is written in one macro, [`hooks`](row):
//!
//! ```text
//! /// What the function does, in a line.
//! hook NAME(ARGUMENTS) -> TYPE [, version "V"] [, or STAND_IN] = |caller, real| BODY;
//! ```
//!
//! A row produces the exported entry, the place of the real function, which is found when the library starts, and the stand-in
//! where the running libc has none. `caller` says where the call came from, and `real` makes it. Arguments are machine words,
//! passed on unchanged. Other kinds of row have a word before `hook`:
//!
//! | word | for |
//! |---|---|
//! | `child` | what every forked child runs: its code lies with the rest of that (`.text.forkwatch_child`) |
//! | `wide` | five to eight arguments |
//! | `later` | functions of a runtime that may be loaded later, and only be visible to one library |
//! | `jump` | any number of arguments, left where they are: the body runs first, and the entry jumps on |
//! | `redhook` | cold functions through which no thread unwinds, declared with `redhook` |
//! | `entry` | an assembly entry of the family's own, below the rows |
//!
//! A body never keeps a value with a destructor alive across the real call, because a cancelled thread unwinds through it. The
//! `catch_unwind` in `redhook` would turn that unwinding into the end of the program, so no call that may run the program's code
//! or be cancelled goes through `redhook`.

mod at_fork;
mod barrier;
mod condition;
mod descriptor;
mod entries;
mod exec;
mod exit;
mod fork;
mod libc_databases;
mod libc_regions;
mod mutex;
mod python_lock;
mod resolver;
mod row;
mod rwlock;
mod sandbox;
mod semaphore;
mod spinlock;
mod static_guard;
mod syscall;
mod syslog;
mod telling;
mod thread;

use self::entries::{hand_over, hand_over_all, jump_on};
use self::row::{body_and_entry, c_name, c_text, hooks, optional, place_of_real, stand_in, word};
