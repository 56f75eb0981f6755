//! What an object has through its class: attributes in slots, and those of the class itself.

use std::rc::Rc;

use super::known::OfClass;
use super::object::{Objects, TYPE_FLAGS};
use super::path::Step;

const TYPE_DICT: usize = 264;
/// The class and those it inherits from, in the order in which attributes are searched for.
const TYPE_ORDER: usize = 344;
/// Set in the flags of a type that was made while running.
const IS_HEAP_TYPE: usize = 1 << 9;
/// Descriptors of slots: their `PyMemberDef`, and in it the slot's type and offset.
const MEMBER: usize = 40;
const MEMBER_KIND: usize = 8;
const MEMBER_PLACE: usize = 16;
/// The kind of what `__slots__` makes: an object, or nothing yet.
const OBJECT_OR_NOTHING: i32 = 16;
/// The most classes that an object has its attributes from, and attributes of each.
const MAX_CLASSES: usize = 16;
const MAX_ATTRIBUTES: usize = 256;

impl Objects {
    /// The names and values of an object's attributes, and of those of its class that are data. Its own come first.
    pub fn all_attributes(&self, object: usize) -> Vec<(usize, usize)> {
        let mut attributes = self.attributes(object);
        let Some(of) = self.type_of(object) else {
            return attributes;
        };
        let of_class = self.known.classes.get(of, || Rc::from(self.of_class(of)));
        attributes.extend(of_class.iter().filter_map(|attribute| match *attribute {
            OfClass::Slot(name, place) => Some((name, self.pages.pointer(object + place)?)),
            OfClass::Shared(name, value) => Some((name, value)),
        }));
        attributes
    }

    /// What all objects of a class share, and may be or lead to a lock.
    pub(super) fn shared_by_class(&self, class: usize) -> Vec<(Step, usize)> {
        let of_class = self.known.classes.get(class, || Rc::from(self.of_class(class)));
        let shared = of_class.iter().filter_map(|attribute| match *attribute {
            OfClass::Shared(name, value) => Some((Step::Attribute(name), value)),
            OfClass::Slot(..) => None,
        });
        shared.collect()
    }

    /// The names of an object's class and of its module; `None` for objects of a built-in type.
    pub(super) fn class_of(&self, object: usize) -> Option<(String, String)> {
        let of = self.type_of(object).filter(|&of| self.is_made(of))?;
        let attributes = self.entries(self.dict_of_class(of)?, MAX_ATTRIBUTES);
        let module = self.text(self.value(&attributes, "__module__")?)?;
        let name = self.type_name(of)?;
        Some((name.rsplit('.').next().unwrap_or_default().to_owned(), module))
    }

    /// The classes of an object that were made while running, in the order in which attributes are searched for.
    pub(super) fn classes_of(&self, object: usize) -> Vec<usize> {
        self.type_of(object).map_or_else(Vec::new, |of| self.made_classes(of))
    }

    /// The dictionary of a class.
    pub(super) fn dict_of_class(&self, class: usize) -> Option<usize> {
        self.pointer_in(class, TYPE_DICT)
    }

    fn made_classes(&self, of: usize) -> Vec<usize> {
        let Some(order) = self.pointer_in(of, TYPE_ORDER) else {
            return Vec::new();
        };
        let made = |of: &usize| self.is_made(*of);
        self.elements(order, MAX_CLASSES).into_iter().filter(made).collect()
    }

    fn of_class(&self, of: usize) -> Vec<OfClass> {
        let dicts = self
            .made_classes(of)
            .into_iter()
            .filter_map(|class| self.dict_of_class(class));
        let entries = dicts.flat_map(|dict| self.entries(dict, MAX_ATTRIBUTES));
        entries
            .filter_map(|(name, value)| match self.type_of(value)? {
                of if of == self.interpreter.types.member => Some(OfClass::Slot(name, self.slot(value)?)),
                of if self.holds_data(value, of) => Some(OfClass::Shared(name, value)),
                _ => None,
            })
            .collect()
    }

    /// Whether a value of this type may be, or lead to, a lock: methods and texts, which most attributes of a class are, may not.
    pub(super) fn holds_data(&self, value: usize, of: usize) -> bool {
        let types = &self.interpreter.types;
        of == types.dict || of == types.list || self.lock_in(value).is_some() || self.is_made(of)
    }

    /// Whether the type was made while running, by a `class` statement for one.
    fn is_made(&self, of: usize) -> bool {
        self.word_in(of, TYPE_FLAGS)
            .is_some_and(|flags| flags & IS_HEAP_TYPE != 0)
    }

    /// The offset of this descriptor's slot.
    fn slot(&self, descriptor: usize) -> Option<usize> {
        let member = self.pointer_in(descriptor, MEMBER)?;
        let is_object = self.pages.int(member + MEMBER_KIND)? == OBJECT_OR_NOTHING;
        let place = self.pages.word(member + MEMBER_PLACE)?;
        (is_object && (16..1 << 16).contains(&place)).then_some(place)
    }
}
