//! The one test binary: each module runs real programs and looks at what can be seen from outside.

mod command;
