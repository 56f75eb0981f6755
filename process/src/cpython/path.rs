//! The way from a variable to an object, step by step.

use super::object::Objects;

/// The most elements of a container, and attributes of an object, that are examined.
const MAX_PARTS: usize = 64;

/// What is reached from a variable, and how: the way is only put into words if it leads to a lock.
#[derive(Clone, Copy)]
pub(super) struct Reached {
    pub object: usize,
    /// The place in the list of what it was reached from; `None` for a variable.
    pub from: Option<usize>,
    pub step: Step,
    /// How many steps lead here.
    pub depth: usize,
}

/// One step of the way, with its `str` name or its number.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Variable(usize),
    Attribute(usize),
    Element(usize),
    Key(usize),
}

impl Reached {
    pub(super) fn variable(name: usize, object: usize, depth: usize) -> Self {
        Self {
            object,
            from: None,
            step: Step::Variable(name),
            depth,
        }
    }
}

impl Objects {
    /// What is one step away from an object: attributes, elements.
    pub(super) fn parts(&self, object: usize) -> Vec<(Step, usize)> {
        let attributes = self.all_attributes(object).into_iter().take(MAX_PARTS);
        let mut parts: Vec<_> = attributes.map(|(name, part)| (Step::Attribute(name), part)).collect();
        let elements = self.elements(object, MAX_PARTS).into_iter().enumerate();
        parts.extend(elements.map(|(index, part)| (Step::Element(index), part)));
        let entries = self.entries(object, MAX_PARTS).into_iter();
        parts.extend(entries.map(|(key, part)| (Step::Key(key), part)));
        parts
    }

    /// A part of the object at the place `from`.
    pub(super) fn further(reached: &[Reached], from: usize, (step, object): (Step, usize)) -> Reached {
        Reached {
            object,
            from: Some(from),
            step,
            depth: reached.get(from).map_or(0, |before| before.depth) + 1,
        }
    }

    /// The places on the way to this entry, which is the last of them; the first is that of a variable.
    pub(super) fn places(reached: &[Reached], number: usize) -> Vec<usize> {
        let mut places = vec![number];
        let mut last = number;
        // An entry comes after the one it was reached from, so this ends.
        while let Some(from) = reached
            .get(last)
            .and_then(|entry| entry.from)
            .filter(|&from| from < last)
        {
            places.push(from);
            last = from;
        }
        places.reverse();
        places
    }

    /// These steps, as the program would write them.
    pub(super) fn in_words(&self, reached: &[Reached], places: &[usize]) -> String {
        let word = |object| self.text(object).unwrap_or_else(|| "?".to_owned());
        let steps = places.iter().filter_map(|&place| reached.get(place));
        let words = steps.map(|entry| match entry.step {
            Step::Variable(name) => word(name),
            Step::Attribute(name) => format!(".{}", word(name)),
            Step::Element(index) => format!("[{index}]"),
            Step::Key(key) => match self.text(key) {
                Some(key) => format!("[{key:?}]"),
                None => "[...]".to_owned(),
            },
        });
        words.collect()
    }

    /// How many attributes of attributes the way ends with.
    pub(super) fn attributes_at_end(reached: &[Reached], places: &[usize]) -> usize {
        let is_attribute = |place: &&usize| {
            let entry = reached.get(**place);
            entry.is_some_and(|entry| matches!(entry.step, Step::Attribute(_)))
        };
        places.iter().rev().take_while(is_attribute).count()
    }
}
