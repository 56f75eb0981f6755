//! The stacks of a record as Sentry has them: outermost frame first, and the images that native addresses lie in.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::export::item::{Item, frame_text, frames};

/// The finding as an exception, where it happened.
pub fn exception(item: &Item) -> Value {
    let mut exception = json!({
        "type": item.text("kind"),
        "value": item.text("message"),
        "mechanism": {"type": "forkwatch", "handled": false},
    });
    if let Some(thread) = item.number("tid") {
        exception["thread_id"] = thread.into();
    }
    let frames = if item.python_stack().is_empty() {
        native(item.stack())
    } else {
        python(item.python_stack())
    };
    put_stack(&mut exception, frames);
    exception
}

/// The thread that writes the record, and the others that it names.
pub fn threads(item: &Item) -> Vec<Value> {
    let mut all = Vec::new();
    if let Some(id) = item.number("tid") {
        let mut own = json!({"id": id, "name": item.text("thread"), "current": true, "crashed": false});
        // The exception has Python's.
        put_stack(&mut own, native(item.stack()));
        all.push(own);
    }
    for thread in frames(item.fields.get("threads")) {
        let mut other = json!({
            "id": thread["tid"],
            "name": thread["name"],
            "current": false,
            "crashed": false,
        });
        let its_python = frames(thread.get("python_stack"));
        let found = if its_python.is_empty() {
            native(frames(thread.get("stack")))
        } else {
            python(its_python)
        };
        put_stack(&mut other, found);
        all.push(other);
    }
    all
}

/// The line that the finding is about, in a few words.
pub fn culprit(item: &Item) -> Option<String> {
    let named = |frame: &&Value| !frame_text(frame, "symbol").is_empty();
    let (frame, name) = match item.python_stack().first() {
        Some(frame) => (frame, "function"),
        None => (item.stack().iter().find(named)?, "symbol"),
    };
    let place = ["file", "module"]
        .iter()
        .map(|name| frame_text(frame, name))
        .find(|place| !place.is_empty());
    Some(format!("{} ({})", frame_text(frame, name), place.unwrap_or("?")))
}

/// The programs and libraries of all native frames, by which a server with debug files finds functions and lines.
pub fn images(item: &Item) -> Vec<Value> {
    let threads = frames(item.fields.get("threads")).iter();
    let of_threads = threads.flat_map(|thread| frames(thread.get("stack")));
    let known: BTreeSet<(String, String, String)> = item.stack().iter().chain(of_threads).filter_map(place).collect();
    let image = |(module, build_id, base): (String, String, String)| {
        json!({
            "type": "elf",
            "code_file": module,
            "code_id": build_id,
            "debug_id": debug_id(&build_id),
            "image_addr": base,
        })
    };
    known.into_iter().map(image).collect()
}

/// Module, build id and load base of a frame, if all are known.
fn place(frame: &Value) -> Option<(String, String, String)> {
    let hex = |name: &str| u64::from_str_radix(frame_text(frame, name).strip_prefix("0x")?, 16).ok();
    let base = hex("ip")?.checked_sub(hex("offset")?)?;
    let build_id = frame_text(frame, "build_id");
    debug_id(build_id)?;
    Some((
        frame_text(frame, "module").to_owned(),
        build_id.to_owned(),
        format!("{base:#x}"),
    ))
}

/// The id by which Sentry knows a debug file: the first bytes of the build id as a UUID, whose first three numbers are
/// little-endian.
fn debug_id(build_id: &str) -> Option<String> {
    let byte = |position: usize| u8::from_str_radix(build_id.get(2 * position..2 * position + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..16).map(byte).collect::<Option<_>>()?;
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut id = String::new();
    for (count, position) in order.into_iter().enumerate() {
        if [4, 6, 8, 10].contains(&count) {
            id.push('-');
        }
        id += &format!("{:02x}", bytes[position]);
    }
    Some(id)
}

fn put_stack(of: &mut Value, frames: Vec<Value>) {
    if !frames.is_empty() {
        of["stacktrace"] = json!({"frames": frames});
    }
}

fn python(stack: &[Value]) -> Vec<Value> {
    let frame = |frame: &Value| {
        let file = frame_text(frame, "file");
        let is_own = !file.contains("/site-packages/") && !file.contains("/lib/python") && !file.starts_with('<');
        json!({
            "function": frame["function"],
            "filename": file,
            "abs_path": file,
            "lineno": frame["line"],
            "in_app": is_own,
        })
    };
    stack.iter().rev().map(frame).collect()
}

fn native(stack: &[Value]) -> Vec<Value> {
    let frame = |frame: &Value| {
        let known = [
            ("function", "symbol"),
            ("package", "module"),
            ("instruction_addr", "ip"),
            ("filename", "file"),
            ("abs_path", "file"),
            ("lineno", "line"),
        ];
        let known = known.into_iter().filter_map(|(name, field)| {
            let value = frame.get(field).filter(|value| !value.is_null())?;
            Some((name.to_owned(), value.clone()))
        });
        let mut shown: Map<_, _> = known.collect();
        shown.insert("platform".to_owned(), "native".into());
        let module = frame_text(frame, "module");
        // Without more, libraries are those of the system.
        shown.insert("in_app".to_owned(), (!module.contains(".so")).into());
        Value::from(shown)
    };
    stack.iter().rev().map(frame).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{debug_id, exception, images, threads};
    use crate::export::item::tests::fork;

    #[test]
    fn the_innermost_frame_comes_last() {
        let item = fork(42);
        let exception = exception(&item);
        assert_eq!(exception["stacktrace"]["frames"][0]["function"], "start");
        let threads = threads(&item);
        let native = threads[0]["stacktrace"]["frames"].as_array().unwrap();
        assert_eq!((native.len(), &native[1]["function"]), (2, &json!("spawn")));
        assert_eq!(
            (&native[1]["in_app"], &native[0]["in_app"]),
            (&json!(true), &json!(false))
        );
        assert_eq!((threads.len(), &threads[1]["name"]), (2, &json!("keeper")));
        assert!(threads[1].get("stacktrace").is_none());
    }

    #[test]
    fn images_are_those_with_a_build_id() {
        let images = images(&fork(42));
        assert_eq!(images.len(), 1);
        assert_eq!(
            (&images[0]["image_addr"], &images[0]["code_file"]),
            (&json!("0x400000"), &json!("/srv/shop/bin/shop"))
        );
        assert_eq!(images[0]["debug_id"], "67452301-ab89-efcd-0123-456789abcdef");
        assert_eq!(debug_id("beef"), None);
    }
}
