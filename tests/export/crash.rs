//! An export that is killed: nothing is lost, and only the batch that was on its way comes again.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;

use super::receiver::{Receiver, Reply};
use super::{Place, append, ended_by, id, log_records, numbers, output, said};

const BATCH: usize = 7;
const RECORDS: usize = 120;

/// The ids of all records, in the order in which they arrived, request by request.
fn arrived(receiver: &Receiver) -> Vec<Vec<String>> {
    let requests = receiver.requests();
    let ids = |body: &[u8]| log_records(body).iter().map(id).collect();
    requests.iter().map(|request| ids(&request.body)).collect()
}

/// Nothing is lost; and what came again was in the last request of a run that was killed, the batch that was on its way.
fn check(requests: &[Vec<String>], killed_after: &[usize]) {
    let mut seen: BTreeMap<&String, usize> = BTreeMap::new();
    for (number, request) in requests.iter().enumerate() {
        for id in request {
            if let Some(before) = seen.insert(id, number) {
                assert!(
                    killed_after.contains(&before),
                    "request {number} repeats {before} without need: {killed_after:?}"
                );
            }
        }
    }
    assert_eq!(seen.len(), RECORDS, "records are lost");
}

/// Killed at each request in turn, before and after it is answered.
#[test]
fn killed_at_every_request() {
    for is_answered in [false, true] {
        let place = Place::new();
        fs::write(place.log("a.jsonl"), numbers(0..50)).unwrap();
        fs::write(place.log("b.jsonl"), numbers(50..RECORDS)).unwrap();
        let (tell, told) = channel();
        let tell: Mutex<Sender<()>> = Mutex::new(tell);
        let attempts = AtomicUsize::new(0);
        // The sender has its answer when it is killed, or waits for one that never comes: the request is lost.
        let receiver = Receiver::new(move |_, _| {
            let is_lost = !is_answered && attempts.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
            tell.lock().unwrap().send(()).unwrap();
            if is_lost { Reply::Lose } else { Reply::status(200) }
        });
        let batch = BATCH.to_string();
        let mut killed_after = Vec::new();
        for number in 0.. {
            assert!(number < 100, "it does not get on");
            let mut child = place
                .send("otlp", &receiver.url, &["--batch", &batch])
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // At this request, or at one before it that has no answer.
            let (last, mut sent) = (number % 4 + 1, 0);
            while sent < last {
                match told.recv_timeout(Duration::from_millis(100)) {
                    Ok(()) => sent += 1,
                    Err(_) if sent > 0 || child.try_wait().unwrap().is_some() => break,
                    Err(_) => {}
                }
            }
            if sent == 0 {
                break;
            }
            // The odd ones go on for a while, to any point of the next request.
            if number % 2 == 1 {
                sleep(Duration::from_micros(150 * number));
            }
            let _gone = child.kill();
            let _status = child.wait().unwrap();
            receiver.settle();
            // What was told meanwhile is not told to the next run.
            while told.try_recv().is_ok() {}
            killed_after.push(receiver.requests().len().wrapping_sub(1));
        }
        let rest = said(&output(&mut place.send("otlp", &receiver.url, &["--batch", &batch])), 0);
        assert!(rest.contains("exported"), "{rest}");
        assert!(killed_after.len() >= RECORDS / BATCH / 4, "{killed_after:?}");
        check(&arrived(&receiver), &killed_after);
    }
}

/// Killed at any moment, while logs grow and are rotated.
#[test]
fn killed_at_any_moment_while_following() {
    let place = Place::new();
    let receiver = Receiver::willing();
    fs::write(place.log("app.jsonl"), numbers(0..40)).unwrap();
    let mut killed_after = Vec::new();
    let batch = BATCH.to_string();
    for round in 0..40 {
        match round {
            5 => append(&place.log("app.jsonl"), &numbers(40..60)),
            10 => fs::rename(place.log("app.jsonl"), place.log("app.jsonl.1")).unwrap(),
            12 => append(&place.log("app.jsonl"), &numbers(60..100)),
            20 => {
                // copytruncate
                fs::copy(place.log("app.jsonl"), place.log("app.jsonl.2")).unwrap();
                fs::File::options()
                    .write(true)
                    .open(place.log("app.jsonl"))
                    .unwrap()
                    .set_len(0)
                    .unwrap();
            }
            25 => append(&place.log("app.jsonl"), &numbers(100..RECORDS)),
            _ => {}
        }
        let child = place
            .send("otlp", &receiver.url, &["--batch", &batch, "--follow"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sleep(Duration::from_micros(2000 + 700 * round));
        ended_by(child, Signal::KILL);
        receiver.settle();
        killed_after.push(receiver.requests().len().wrapping_sub(1));
    }
    said(&output(&mut place.send("otlp", &receiver.url, &[])), 0);
    check(&arrived(&receiver), &killed_after);
}
