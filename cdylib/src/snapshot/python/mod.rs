//! What the program's Python code was doing at the fork: every Python thread's name and frames, and which object is the lock at
//! an address.
//!
//! Nothing of the interpreter is called that could run code, lock or allocate, nothing of it is changed, and the program
//! cannot notice: the structures are read like a debugger does, by guarded reads, with the layout of each version in
//! `layout`. What does not look as it should (a pointer to another type, an unknown version) gives nothing; the verdict then
//! has the native facts alone.
//!
//! Other threads' frames and objects are only looked at while the forking thread holds the interpreter lock: `os.fork` does,
//! from before the copy until after it, so nothing moves.
//!
//! | file | its part |
//! |---|---|
//! | `layout` | where things lie, by version |
//! | `pages` | guarded reads, each page once |
//! | `object` | types, strings, tuples, dictionaries, attributes |
//! | `frame` | the frames of a thread |
//! | `lock_object` | which objects are locks, and what they say of themselves |
//! | `class` | what objects have by their class |
//! | `with_block`, `called` | what a frame has entered, and what it has called |
//! | `generator` | the generators that a frame is in the middle of |
//! | `held` | who holds the locks that pass no hook |
//! | `search` | which object is a lock |
//! | `view` | all of it together |

mod called;
mod class;
mod frame;
mod generator;
mod held;
mod layout;
mod lock_object;
mod object;
mod pages;
mod search;
mod view;
mod with_block;

pub use self::held::Held;
pub use self::search::Named;
pub use self::view::{
    Target, View, current_stack, held_in_blocks, holder_of_inherited, look, name_from_here, place, waited_for,
};
