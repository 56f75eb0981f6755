//! A stack with what was found out about its addresses.

use forkwatch_process::lines::Place;
use forkwatch_schema::record::Frame;

/// A file of machine code: its path, and its build id where the record has one.
pub type Module = (String, Option<String>);

/// What to look up.
#[derive(Debug)]
pub struct Address {
    /// The module.
    pub module: Module,
    /// The virtual address in it.
    pub probe: u64,
}

/// The addresses of frames that lack something.
pub fn missing(stack: &[Frame]) -> impl Iterator<Item = Address> {
    (0..stack.len())
        .filter(|&position| lacks(stack, position))
        .filter_map(|position| address(&stack[position]))
}

/// Adds what is known. Returns whether there was anything.
pub fn complete<'known>(stack: &mut Vec<Frame>, known: impl Fn(&Address) -> Option<&'known Vec<Place>>) -> bool {
    let mut completed = Vec::with_capacity(stack.len());
    let mut has_changed = false;
    for (position, frame) in stack.iter().enumerate() {
        let address = lacks(stack, position).then(|| address(frame)).flatten();
        let places = address
            .and_then(|address| known(&address))
            .map_or(&[][..], Vec::as_slice);
        let Some((outermost, inlined)) = places.split_last() else {
            completed.push(frame.clone());
            continue;
        };
        has_changed = true;
        if frame.file.is_some() {
            completed.push(Frame {
                symbol: outermost.function.clone(),
                ..frame.clone()
            });
            continue;
        }
        completed.extend(inlined.iter().map(|place| Frame {
            symbol: place.function.clone(),
            file: place.file.clone(),
            line: place.line,
            ..frame.clone()
        }));
        completed.push(Frame {
            // The library's names are those of fingerprints and suppressions.
            symbol: frame.symbol.clone().or_else(|| outermost.function.clone()),
            file: outermost.file.clone(),
            line: outermost.line,
            ..frame.clone()
        });
    }
    if has_changed {
        *stack = completed;
    }
    has_changed
}

/// Whether a frame has no name or no line, and is not one of several that the library found at one address: there it knew the
/// debug information.
fn lacks(stack: &[Frame], position: usize) -> bool {
    let frame = &stack[position];
    let neighbours = [position.checked_sub(1), position.checked_add(1)].into_iter().flatten();
    let is_of_several = neighbours.filter_map(|place| stack.get(place)).any(|neighbour| {
        // A recursive function calls itself from one address, too, but then none of its frames has a line.
        neighbour.ip == frame.ip && neighbour.file.is_some()
    });
    (frame.symbol.is_none() || frame.file.is_none()) && !is_of_several
}

/// The place of a frame; `None` outside any file.
fn address(frame: &Frame) -> Option<Address> {
    let module = frame.module.as_ref().filter(|path| path.starts_with('/'))?;
    let offset = u64::from_str_radix(frame.offset.as_deref()?.strip_prefix("0x")?, 16).ok()?;
    Some(Address {
        module: (module.clone(), frame.build_id.clone()),
        // A return address is after its call. The innermost frame of another thread is where the thread is, which is recorded
        // only while it waits in the kernel: the byte before it then belongs to the system call.
        probe: offset.checked_sub(1)?,
    })
}
