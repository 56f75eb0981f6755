//! The call of a forked child that a finding is about: its function, and its native and Python stacks.

use forkwatch_process::resolver::Resolver;
use forkwatch_schema::record::{Frame, PythonFrame, WaitObject};
use forkwatch_schema::signals::Wait;

use crate::config;
use crate::snapshot::names::frames;
use crate::snapshot::python;
use crate::state::depot::{self, StackId};

/// One call.
#[derive(Debug)]
pub struct ChildCall {
    /// The function.
    pub function: &'static str,
    /// Where it was called.
    pub stack: Vec<Frame>,
    /// Where this thread's Python code is.
    pub python_stack: Option<Vec<PythonFrame>>,
}

impl ChildCall {
    /// The call of this function that is under way in this thread, with its stack.
    pub fn read(function: &'static str, stack: StackId, resolver: &mut Resolver) -> Self {
        Self {
            function,
            stack: frames(resolver, depot::frames(stack), false),
            python_stack: if config::get().python {
                python::current_stack(config::get().depth)
            } else {
                None
            },
        }
    }

    /// The call as a wait for this object.
    pub fn as_wait(&self, object: WaitObject, has_python: bool) -> Wait<'_> {
        Wait {
            object,
            stack: &self.stack,
            python_stack: self.python_stack.as_deref(),
            has_python,
        }
    }
}
