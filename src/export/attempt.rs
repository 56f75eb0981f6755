//! What came of an attempt to hand over a batch.

use std::time::Duration;

/// What came of sending a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Attempt {
    /// The receiver has dealt with it.
    Answered(Answer),
    /// It is to be sent again, after this time if the receiver says so.
    Later(String, Option<Duration>),
    /// The receiver does not want this content: a smaller part of it may do.
    Unfit(String),
    /// The receiver wants nothing like this.
    Refused(String),
}

/// What the receiver did with the records of a batch. It has taken all that are not named here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// How many it had already.
    pub known: u64,
    /// How many it will not take, and why, with the position of the record where that is known.
    pub rejected: Vec<(u64, Option<usize>, String)>,
    /// The positions of those that are to be sent again.
    pub again: Vec<usize>,
    /// Why.
    pub why: String,
}
