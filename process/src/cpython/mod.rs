//! CPython's structures, read as a debugger reads them: what Python code is doing in a process, every Python thread's name and
//! frames, and which object is the lock at an address.
//!
//! Nothing of the interpreter is called, and nothing of it is changed: all reads are guarded and bounded, in this process or
//! another. What is not as expected (a pointer to another type, an unknown version) gives nothing. The caller ensures that nothing
//! changes meanwhile: it holds the interpreter lock, it has stopped the threads of a build without one, or the process is not running.
//!
//! Each uses only those above it in this list:
//!
//! | file | its part |
//! |---|---|
//! | `debug_offsets` | what an interpreter says of itself since 3.13 |
//! | `interpreter` | an interpreter's version, and where its types are |
//! | `program` | the module with the interpreter, its symbols and its builtin methods |
//! | `layout`, `opcodes` | what must be known of a version |
//! | `build` | what differs in builds without an interpreter lock |
//! | `versions` | that of each version, as data |
//! | `pages` | guarded reads, each page once |
//! | `known` | what has been found out already |
//! | `object` | types, strings, tuples, dictionaries, attributes |
//! | `line_table`, `frame` | the frames of a thread, and their lines |
//! | `marks` | where a thread's code is, in words that can be read later |
//! | `threads` | the threads of an interpreter, and their names |
//! | `lock_object` | which objects are locks, and what they say of themselves |
//! | `builtin` | which C functions are called for builtin functions and methods |
//! | `class` | what objects have by their class |
//! | `with_block`, `called` | what a frame has entered, and what it has called |
//! | `taking` | which locks a frame is in the call to take |
//! | `generator` | the generators that a frame is in the middle of |
//! | `path` | the way from a variable to an object |
//! | `search` | which object is a lock, from a frame |
//! | `lasting` | what a lock is called, from a module |
//! | `made_anew` | which locks a child makes anew |
//! | `held` | which threads hold the locks that no hook sees |
//! | `taken` | where a thread took a lock that it holds |
//! | `view` | all of it together, as a thread of this process sees it |
//! | `foreign` | the same of another process |

pub mod build;
mod builtin;
mod called;
mod class;
mod debug_offsets;
mod foreign;
mod frame;
mod generator;
mod held;
pub mod interpreter;
mod known;
mod lasting;
pub mod layout;
mod line_table;
mod lock_object;
mod made_anew;
mod marks;
mod object;
mod opcodes;
mod pages;
mod path;
mod program;
mod search;
mod taken;
mod taking;
mod threads;
pub mod versions;
mod view;
mod with_block;

pub use self::builtin::Builtin;
pub use self::debug_offsets::DebugOffsets;
pub use self::foreign::{ForeignPython, Holder, SeenThread};
pub use self::frame::Frame;
pub use self::held::Held;
pub use self::interpreter::{Interpreter, Types};
pub use self::object::Objects;
pub use self::opcodes::Opcodes;
pub use self::pages::Pages;
pub use self::program::CPython;
pub use self::search::Named;
pub use self::threads::Thread;
pub use self::view::{PythonThread, Target, View};
