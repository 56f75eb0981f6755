//! Names and lines of this very test program, and what they cost.

use super::*;
use crate::symbols::{Table, addresses_of};

#[inline(never)]
fn marked_function() -> usize {
    core::hint::black_box(marked_function as fn() -> usize as usize)
}

#[test]
fn functions_of_program_and_libraries_are_named() {
    let mut resolver = Resolver::new(Naming::Names).unwrap();
    let getppid = libc::getppid as *const () as usize;
    let frames = resolver.frames(&[marked_function(), marked_function() + 1, getppid + 1, 16], true);
    let own = "::resolver::tests::marked_function";
    for frame in &frames[..2] {
        assert!(frame.symbol.as_deref().unwrap().ends_with(own), "{frame:?}");
    }
    assert_eq!(frames[2].symbol.as_deref(), Some("getppid"));
    assert_eq!(frames[2].build_id.as_deref().unwrap().len(), 40);
    let module = resolver.modules().find(getppid).unwrap();
    assert_eq!(frames[2].offset, Some(format!("{:#x}", getppid + 1 - module.base())));
    assert_eq!(
        frames[3],
        Frame {
            ip: "0x10".to_owned(),
            ..Frame::default()
        }
    );
    assert_eq!(resolver.name_of_function(getppid).as_deref(), Some("getppid"));
    assert!(resolver.name_of_function(marked_function()).unwrap().ends_with(own));
}

#[test]
fn of_several_names_the_one_that_programs_use_is_given() {
    let mut resolver = Resolver::new(Naming::Names).unwrap();
    let functions = [
        (libc::fork as *const () as usize, "fork"),
        (libc::popen as *const () as usize, "popen"),
        (libc::pthread_mutex_lock as *const () as usize, "pthread_mutex_lock"),
        (libc::sem_wait as *const () as usize, "sem_wait"),
    ];
    for (address, name) in functions {
        assert_eq!(resolver.name_of_function(address).as_deref(), Some(name));
    }
}

#[test]
fn nothing_is_named_when_names_are_off() {
    let mut resolver = Resolver::new(Naming::Off).unwrap();
    let frames = resolver.frames(&[marked_function()], true);
    assert_eq!(frames[0].symbol, None);
    assert!(frames[0].module.is_some());
}

#[test]
fn the_vdso_names_its_functions() {
    let resolver = Resolver::new(Naming::Names).unwrap();
    let vdso = resolver
        .modules()
        .all()
        .iter()
        .find(|module| module.path() == b"[vdso]")
        .unwrap();
    let image = vdso.open(resolver.modules().memory()).unwrap();
    let names = [&b"__vdso_clock_gettime"[..], b"__kernel_clock_gettime"];
    let mut places = names
        .iter()
        .filter_map(|name| addresses_of(&image, Table::Exported, name));
    let place = places.next().unwrap();
    let address = vdso.base() + usize::try_from(place.start).unwrap();
    let mut resolver = resolver;
    let name = resolver.name_of_function(address);
    assert!(
        name.as_deref().is_some_and(|name| name.ends_with("clock_gettime")),
        "{name:?}"
    );
}

#[inline(always)]
fn inlined_function(resolver: &mut Resolver) -> (Vec<Frame>, u32) {
    let mut ips = Vec::new();
    backtrace::trace(|frame| {
        ips.push(frame.ip().addr());
        true
    });
    let line = line!() - 4;
    (resolver.frames(&ips, false), line)
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "release builds carry no lines")]
fn lines_are_given_and_inlined_functions_expanded() {
    let mut resolver = Resolver::new(Naming::Full).unwrap();
    let ((frames, line), call) = (inlined_function(&mut resolver), line!());
    let place = frames
        .iter()
        .position(|frame| frame.symbol.as_deref().unwrap().ends_with("::inlined_function"));
    let [inlined, outer] = frames.get(place.unwrap()..).unwrap().first_chunk().unwrap();
    assert!(
        inlined.file.as_deref().unwrap().ends_with("src/resolver/tests.rs"),
        "{inlined:?}"
    );
    assert_eq!(inlined.line, Some(line));
    assert!(
        outer.symbol.as_deref().unwrap().ends_with("inlined_functions_expanded"),
        "{outer:?}"
    );
    assert_eq!(
        (outer.line, &outer.ip, &outer.offset),
        (Some(call), &inlined.ip, &inlined.offset)
    );
    assert_eq!(outer.file, inlined.file);
}

#[test]
#[ignore = "a measurement, not a check"]
fn cost() {
    use std::time::Instant;
    let start = Instant::now();
    let mut resolver = Resolver::new(Naming::Names).unwrap();
    let read = start.elapsed();
    let ips = [marked_function() + 1, libc::getppid as *const () as usize + 1];
    let start = Instant::now();
    resolver.frames(&ips, false);
    let first = start.elapsed();
    let start = Instant::now();
    resolver.frames(&ips, false);
    eprintln!("modules {read:?}, first frames {first:?}, again {:?}", start.elapsed());
    let mut resolver = Resolver::new(Naming::Full).unwrap();
    for ip in ips {
        let start = Instant::now();
        let frame = resolver.frames(&[ip], false).pop();
        eprintln!("first line {:?}: {frame:?}", start.elapsed());
    }
    let start = Instant::now();
    for _ in 0..100 {
        resolver.frames(&ips, false);
    }
    eprintln!("200 lines {:?}", start.elapsed());
}
