//! A [`Picture`] as SVG. Widths are percentages of the page, heights are pixels: on a narrow screen the lines get shorter, but
//! the text keeps its size.

use forkwatch_text::shorten::ellipsis;
use forkwatch_text::words::count;
use maud::{Markup, html};

use super::picture::{Child, End, Lane, Mark, Picture};
use super::shown::Shown;

/// The position of the line, in percent of the width.
const LINE: &str = "58%";

/// The position of the child's marks.
const MARK: &str = "88%";

/// Letters that fit next to one another.
const LONGEST: usize = 64;

/// Letters that fit next to one another on a telephone, 360 pixels wide.
const LONGEST_NARROW: usize = 44;

/// The longest name of a lock, of a place or of what a child does.
const LONGEST_LOCK: usize = 44;

/// The longest name of a thread.
const LONGEST_NAME: usize = 24;

/// Height of the line's own label.
const TOP: u32 = 22;

/// Height of a line of text.
const TEXT: u32 = 17;

/// Height of a bar or a bare lane, including the space below it.
const BAR: u32 = 18;

/// Between lanes.
const GAP: u32 = 8;

/// Draws it; `id` is the start of the ids in it.
pub fn draw(picture: &Picture, id: &str) -> Markup {
    let mut top = TOP;
    let lanes: Vec<(Markup, u32)> = picture
        .lanes
        .iter()
        .map(|lane| placed(&mut top, |top| self::lane(lane, top)))
        .collect();
    let more = picture.left_out as u64;
    let more_top = top;
    if more > 0 {
        top += TEXT;
    }
    let child_top = top;
    let child = picture
        .child
        .as_ref()
        .map(|child| placed(&mut top, |top| self::child(child, top)).0);
    let bottom = if child.is_some() { top } else { top - GAP };
    let (title, description) = (format!("{id}-title"), format!("{id}-words"));
    html! {
        svg.picture width="100%" height=(bottom) role="img" aria-labelledby={ (title) " " (description) } {
            title id=(title) { "What happens at " (Shown(&picture.line)) }
            desc id=(description) { (Shown(&picture.in_words())) }
            @if child.is_some() {
                rect.child x=(LINE) y=(child_top - 2) width="42%" height=(bottom - child_top + 2) {}
            }
            text.line x=(LINE) y="13" { (Shown(&picture.line)) }
            line.fork x1=(LINE) x2=(LINE) y1="18" y2=(bottom) {}
            @for (lane, _) in &lanes { (lane) }
            @if more > 0 {
                text.note x="0" y=(more_top + 12) { "and " (count(more, "more thread", "more threads")) }
            }
            @if let Some(child) = child { (child) }
        }
    }
}

/// Draws something at `top`, and moves `top` below it.
fn placed(top: &mut u32, draw: impl FnOnce(u32) -> (Markup, u32)) -> (Markup, u32) {
    let drawn = draw(*top);
    *top = drawn.1 + GAP;
    drawn
}

fn lane(lane: &Lane, top: u32) -> (Markup, u32) {
    let name = ellipsis(&lane.name, LONGEST_NAME);
    let note_in = |longest: usize| ellipsis(&lane.note, longest.saturating_sub(name.chars().count()));
    let (wide, narrow) = (note_in(LONGEST), note_in(LONGEST_NARROW));
    let mut bottom = top + TEXT;
    let middle = bottom + if lane.bars.is_empty() { 7 } else { TEXT + 7 };
    let mut bars = Vec::new();
    for (number, bar) in lane.bars.iter().enumerate() {
        bars.push((format!("{}%", 8 + number * 6), bar, bottom));
        bottom += TEXT + BAR;
    }
    if bars.is_empty() {
        bottom += BAR;
    }
    let more_top = bottom;
    if lane.left_out > 0 {
        bottom += TEXT;
    }
    let drawn = html! {
        line.thread x1="0" x2=(if lane.ends { LINE } else { "100%" }) y1=(middle) y2=(middle) {}
        @for (start, _, top) in &bars {
            // A held lock does not end with the picture: nobody knows when it is released.
            svg x=(start) y=(top + TEXT) width="100%" height="14" {
                rect.held x="0" y="0" width="100%" height="14" rx="3" {}
            }
        }
        // Everything to the right of the line is what the child has a copy of.
        line.fork.across x1=(LINE) x2=(LINE) y1=(top + TEXT) y2=(bottom) {}
        @if lane.forks {
            circle.fork cx=(LINE) cy=(middle) r="5" {}
        }
        text x="0" y=(top + 12) {
            title { (Shown(&lane.name)) ": " (Shown(&lane.note)) }
            tspan.name { (Shown(&name)) }
            @if wide == narrow {
                tspan.note { "  " (Shown(&wide)) }
            } @else {
                tspan.note.wide { "  " (Shown(&wide)) }
                tspan.note.narrow { "  " (Shown(&narrow)) }
            }
        }
        @for (start, bar, top) in &bars {
            text.lock x=(start) y=(top + 12) {
                title { (Shown(&bar.lock)) " taken at " (Shown(&bar.place)) }
                (Shown(&ellipsis(&bar.lock, LONGEST_LOCK)))
                @if !bar.place.is_empty() {
                    tspan.note.wide { ", taken at " (Shown(&ellipsis(&bar.place, LONGEST_LOCK))) }
                }
            }
        }
        @if lane.left_out > 0 {
            text.note x="8%" y=(more_top + 12) {
                "and " (count(lane.left_out as u64, "more lock", "more locks"))
            }
        }
    };
    (drawn, bottom)
}

fn child(child: &Child, top: u32) -> (Markup, u32) {
    let mut bottom = top + TEXT;
    let ghosts: Vec<(u32, &String)> = child
        .ghosts
        .iter()
        .map(|ghost| {
            bottom += TEXT + BAR;
            (bottom - TEXT - BAR, ghost)
        })
        .collect();
    let ends: Vec<(u32, &End)> = child
        .ends
        .iter()
        .map(|end| {
            let top = bottom;
            bottom += BAR + TEXT + if end.place.is_empty() { 4 } else { TEXT + 2 };
            (top, end)
        })
        .collect();
    let last = ends.last().map_or(bottom, |(top, _)| *top + 10);
    let drawn = html! {
        svg x=(LINE) y=(top) {
            text.name x="8" y="13" {
                "child"
                @if let Some(pid) = child.pid { tspan.note { "  pid " (pid) } }
            }
        }
        line.thread.forked x1=(LINE) x2=(LINE) y1=(top) y2=(last) {}
        @for (top, _) in &ghosts {
            rect.ghost x=(LINE) y=(top + TEXT) width="42%" height="14" rx="3" {}
        }
        @for (top, ghost) in &ghosts {
            text.lock.end x="99%" y=(top + 12) {
                title { (Shown(ghost)) " stays locked: nobody in the child can release it" }
                (Shown(&ellipsis(ghost, LONGEST_LOCK - 12))) " stays locked"
            }
        }
        @for (top, end) in &ends {
            line.thread.forked.unknown[end.mark == Mark::Unknown] x1=(LINE) x2=(MARK) y1=(top + 10) y2=(top + 10) {}
            svg x=(MARK) y=(top + 10) { (mark(end.mark)) }
            text.end.(class(end.mark)) x="99%" y=(top + BAR + 13) {
                (Shown(&ellipsis(&end.words, LONGEST_LOCK)))
            }
            @if !end.place.is_empty() {
                text.note.end x="99%" y=(top + BAR + TEXT + 12) {
                    title { (Shown(&end.place)) }
                    "at " (Shown(&ellipsis(&end.place, LONGEST_LOCK)))
                }
            }
        }
    };
    (drawn, bottom)
}

fn mark(mark: Mark) -> Markup {
    let path = match mark {
        Mark::Hangs => "M-7 -7L7 7M-7 7L7 -7",
        Mark::Risks => "M0 -8L8 7L-8 7Z",
        Mark::Execs => "M-2 -7L7 0L-2 7",
        Mark::Exits => "M0 -7L0 7",
        Mark::Unknown => "M-8 0L-7 0M-1 0L0 0M6 0L7 0",
    };
    html! { path.mark.(class(mark)) d=(path) {} }
}

const fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Hangs => "hangs",
        Mark::Risks => "risks",
        Mark::Execs | Mark::Exits => "goes-on",
        Mark::Unknown => "not-known",
    }
}
