//! Finds definitions in the loaded libraries as `dlsym` and `dlvsym` do, but without calling the loader: those take its lock,
//! which another thread may hold while its constructor waits for a lock of the caller's; they allocate from the program's heap;
//! and another library may replace them. This reads the loader's list of objects and their own symbol tables instead.
#![expect(unsafe_code, reason = "the loader's own record")]

use core::ffi::{CStr, c_void};
use core::ops::Range;
use core::ptr::null_mut;

use forkwatch_process::memory::ProcessMemory;

pub use super::loaded_object::Access;
use super::loaded_object::{LinkMap, Object};
use super::loader_variables;
use super::program_headers::ProgramHeaders;

/// Which objects are searched, in the loader's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those after this library: what the program would call without us.
    Next,
    /// Only libc, even if another library comes first.
    Libc,
    /// All of them.
    All,
}

/// The definition of this name, in this version if one is given; null where there is none.
pub fn find(scope: Scope, access: Access, name: &CStr, version: Option<&CStr>) -> *mut c_void {
    extent(scope, access, name, version).map_or(null_mut(), |extent| extent.start as *mut c_void)
}

/// The addresses that this definition takes, as far as its symbol table gives its size.
pub fn extent(scope: Scope, access: Access, name: &CStr, version: Option<&CStr>) -> Option<Range<usize>> {
    let mut objects = Objects::all(access);
    match scope {
        Scope::Next => {
            // After our own object.
            let _own = objects.find(|object| object.dynamic == own_dynamic());
            objects.find_map(|object| object.extent(name, version))
        }
        Scope::Libc => objects
            .filter(Object::is_libc)
            .find_map(|object| object.extent(name, version)),
        Scope::All => objects
            .filter(|object| object.dynamic != own_dynamic())
            .find_map(|object| object.extent(name, version)),
    }
}

/// The definition that is visible to the object around one of these places, which may have been opened with `RTLD_LOCAL`: its
/// own, or that of a library that it needs. Must not be kept: library and object may be unloaded together.
pub fn find_visible_to(places: [usize; 2], name: &CStr) -> *mut c_void {
    let all = || Objects::all(Access::Guarded).filter(|object| object.dynamic != own_dynamic());
    let found = places.into_iter().find_map(|place| {
        let caller = all().find(|object| object.contains(place))?;
        let needed = |object: &Object| caller.needs(object);
        caller
            .definition(name, None)
            .or_else(|| all().filter(needed).find_map(|object| object.definition(name, None)))
    });
    found.map_or(null_mut(), |address| address as *mut c_void)
}

/// Every object but ours, in the loader's order.
pub fn others(access: Access) -> impl Iterator<Item = Object> {
    Objects::all(access).filter(|object| object.dynamic != own_dynamic())
}

/// The objects whose path fits, with it, in the loader's order. The path of the program itself is empty.
pub fn of_paths(access: Access, fits: impl Fn(&[u8]) -> bool) -> Vec<(Object, Vec<u8>)> {
    /// Most paths are shorter; a longer one fits nothing.
    const MAX: usize = 512;
    let mut objects = Objects::all(access);
    let mut found = Vec::new();
    let mut path = [0; MAX];
    while let Some(map) = objects.next_map() {
        let Some(map) = access.read::<LinkMap>(map) else { break };
        let length = ProcessMemory::own().read_some(map.path, &mut path);
        let text = path
            .get(..length)
            .and_then(|path| CStr::from_bytes_until_nul(path).ok());
        let text = text.map(CStr::to_bytes).filter(|text| fits(text));
        found.extend(text.and_then(|text| Some((Object::of(access, &map)?, text.to_vec()))));
    }
    found
}

/// Where this library itself defines the name; `None` where it does not.
pub fn own(name: &CStr) -> Option<usize> {
    let own = Objects::all(Access::Direct).find(|object| object.dynamic == own_dynamic())?;
    own.definition(name, None)
}

/// The definition behind ours that the program's calls of this name reach; `None` where another object comes first, or where libc
/// has no such function. Looks no further than libc: the objects up to there were loaded at the start and stay.
pub fn behind_own(name: &CStr) -> Option<usize> {
    let mut is_behind = false;
    for object in Objects::all(Access::Direct) {
        if object.dynamic == own_dynamic() {
            is_behind = true;
        } else if let Some(address) = object.definition(name, None) {
            return is_behind.then_some(address);
        } else if object.is_called(c"libc.so.6") {
            break;
        }
    }
    None
}

/// The dynamic sections that identify libc and, where there is one before it, its library of threads (up to glibc 2.33); 0 for
/// what is not found. Looks no further than libc, as [`behind_own`].
pub fn libc() -> [usize; 2] {
    let mut threads = 0;
    for object in Objects::all(Access::Direct) {
        if object.is_called(c"libc.so.6") {
            return [object.dynamic, threads];
        }
        if object.is_libc() {
            threads = object.dynamic;
        }
    }
    [0, threads]
}

/// The newest object: the address of the loader's record of it.
pub fn newest() -> usize {
    let mut objects = Objects::all(Access::Guarded);
    let mut newest = objects.next;
    while let Some(map) = objects.next_map() {
        newest = map;
    }
    newest
}

/// A loaded object, by what the loader has mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// The loader's record of it.
    pub map: usize,
    /// Its dynamic section.
    pub dynamic: usize,
    /// The page with its first byte.
    pub start: usize,
    /// Behind its last byte.
    pub end: usize,
    /// Its `.eh_frame_hdr`; 0 where it has none.
    pub index: usize,
}

/// The object around this address; `None` where there is none, or where its headers do not lie at its start.
pub fn mapped_around(address: usize) -> Option<Mapped> {
    let mut objects = Objects::all(Access::Guarded);
    let program = objects.next_map()?;
    let map: LinkMap = Access::Guarded.read(program)?;
    let headers = ProgramHeaders::of_program(map.base)?;
    if let Some(found) = mapped(program, &map, headers, address) {
        return Some(found);
    }
    // The nearest one that begins before: objects do not lie within each other.
    let mut nearest = (0, map);
    while let Some(at) = objects.next_map() {
        let map: LinkMap = Access::Guarded.read(at)?;
        if map.base <= address && (nearest.0 == 0 || map.base > nearest.1.base) {
            nearest = (at, map);
        }
    }
    let (at, map) = nearest;
    mapped(at, &map, ProgramHeaders::at_start(map.base)?, address)
}

fn mapped(at: usize, map: &LinkMap, headers: ProgramHeaders, address: usize) -> Option<Mapped> {
    let Range { start, end } = headers.extent();
    (start..end).contains(&address).then(|| Mapped {
        map: at,
        dynamic: map.dynamic,
        start,
        end,
        index: headers.unwind_index(),
    })
}

/// Whether the loader's record of this object still says the same.
pub fn is_still(mapped: &Mapped) -> bool {
    let map = Access::Guarded.read::<LinkMap>(mapped.map);
    map.is_some_and(|map| map.dynamic == mapped.dynamic)
}

/// Whether libc's functions for threads may be loaded later: before glibc 2.34 they had a library of their own, which a program without
/// threads does not load, but a plugin of it may.
pub fn threads_may_come_later(access: Access) -> bool {
    find(Scope::Libc, access, c"pthread_create", None).is_null()
}

/// Whether this is still the newest object.
pub fn is_newest(map: usize) -> bool {
    map != 0 && Access::Guarded.read::<LinkMap>(map).is_some_and(|map| map.next == 0)
}

unsafe extern "C" {
    /// Our own dynamic section, which identifies us in the list.
    static _DYNAMIC: u8;
}

fn own_dynamic() -> usize {
    (&raw const _DYNAMIC) as usize
}

/// The loader's list.
struct Objects {
    access: Access,
    next: usize,
    /// Bounds the walk, because a list that another thread changes meanwhile may lead in a circle.
    left: u32,
}

impl Objects {
    fn all(access: Access) -> Self {
        const MAX: u32 = 1 << 16;
        Self {
            access,
            next: loader_variables::first_object(),
            left: MAX,
        }
    }
}

impl Objects {
    /// Steps over one object, and returns the address of the loader's record of it.
    fn next_map(&mut self) -> Option<usize> {
        let at = self.next;
        if at == 0 || self.left == 0 {
            return None;
        }
        self.next = self.access.read::<LinkMap>(at)?.next;
        self.left -= 1;
        Some(at)
    }
}

impl Iterator for Objects {
    type Item = Object;

    fn next(&mut self) -> Option<Object> {
        while self.next != 0 && self.left != 0 {
            let map: LinkMap = self.access.read(self.next)?;
            self.next = map.next;
            self.left -= 1;
            if let Some(object) = Object::of(self.access, &map) {
                return Some(object);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Scope, find, find_visible_to};
    use core::ffi::CStr;

    fn loader_says(name: &CStr, version: Option<&CStr>) -> *mut libc::c_void {
        // SAFETY: both strings end with NUL.
        unsafe {
            match version {
                Some(version) => libc::dlvsym(libc::RTLD_NEXT, name.as_ptr(), version.as_ptr()),
                None => libc::dlsym(libc::RTLD_NEXT, name.as_ptr()),
            }
        }
    }

    #[test]
    fn it_finds_what_the_loader_finds() {
        let names = [
            (c"pthread_mutex_lock", None),
            (c"pthread_cond_wait", Some(c"GLIBC_2.3.2")),
            (c"pthread_cond_wait", Some(c"GLIBC_2.2.5")),
            (c"__pthread_mutex_lock", Some(c"GLIBC_2.2.5")),
            (c"fork", None),
            (c"time", None),
            (c"strlen", None),
            (c"no_such_function", None),
            (c"fork", Some(c"GLIBC_9.9")),
        ];
        for (name, version) in names {
            let wanted = loader_says(name, version);
            for access in [Access::Direct, Access::Guarded] {
                assert_eq!(find(Scope::Next, access, name, version), wanted, "{name:?} {version:?}");
                assert_eq!(find(Scope::Libc, access, name, version), wanted, "{name:?} {version:?}");
            }
        }
    }

    #[test]
    fn what_a_library_needs_is_visible_to_it() {
        let place = libc::getppid as *const () as usize;
        let found = find_visible_to([0, place], c"getpid");
        assert_eq!(found, loader_says(c"getpid", None));
        assert!(find_visible_to([place, 0], c"no_such_function").is_null());
    }
}
