//! Progress on stderr: a live block on a terminal, plain lines in a log.

pub(crate) mod screen;
pub(crate) mod wrap;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use self::screen::{Screen, cut, fit, width};
pub(crate) use self::screen::{Size, clean};
pub(crate) use self::wrap::wrap;

/// Where progress goes.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    /// The live block; none in a log.
    block: Option<Arc<Mutex<Block>>>,
    colour: bool,
    /// Whether it is a terminal, with a live block or without.
    terminal: bool,
    /// The lines that stay, kept for a test in place of being printed.
    #[cfg(test)]
    said: Option<Arc<Mutex<Vec<String>>>>,
}

/// The live block: what it holds, and what of it stands on the screen.
#[derive(Debug, Default)]
struct Block {
    lines: Vec<Line>,
    screen: Screen,
    /// The size of the screen when it was drawn.
    size: Option<Size>,
}

/// A line of the live block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) tone: Tone,
}

/// The meaning of a piece of text, which its words carry already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Bad,
    Quiet,
}

impl Line {
    pub(crate) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            tone,
        }
    }

    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::new(Tone::Plain, text)
    }
}

impl Progress {
    /// Progress on this process's stderr.
    pub(crate) fn stderr() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let (live, colour) = manners(terminal, |name| std::env::var_os(name));
        Self {
            block: live.then(Arc::default),
            colour,
            terminal,
            #[cfg(test)]
            said: None,
        }
    }

    /// Progress as in a log, kept for a test.
    #[cfg(test)]
    pub(crate) fn kept() -> Self {
        Self {
            block: None,
            colour: false,
            terminal: false,
            said: Some(Arc::default()),
        }
    }

    /// The lines that were said.
    #[cfg(test)]
    pub(crate) fn said(&self) -> String {
        let said = self.said.as_ref().map(|said| said.lock().unwrap().join("\n"));
        said.unwrap_or_default()
    }

    /// Whether there is a live block.
    pub(crate) fn is_live(&self) -> bool {
        self.block.is_some()
    }

    /// The size of the screen that a live block is on; none in a log.
    pub(crate) fn size(&self) -> Option<Size> {
        self.is_live().then(terminal_size)
    }

    /// A text as it is printed: broken between words on a terminal, whole in a log.
    pub(crate) fn wrapped<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match columns_of(std::io::stderr()).filter(|_| self.terminal) {
            Some(columns) => wrap(text, columns).into(),
            None => text.into(),
        }
    }

    /// As [`Self::line`], in its tone.
    pub(crate) fn toned(&self, line: &Line) {
        self.stay(&self.paint(line.tone, &self.wrapped(&line.text)));
    }

    /// Prints lines that stay, above the live block.
    pub(crate) fn line(&self, text: &str) {
        self.stay(&self.wrapped(text));
    }

    fn stay(&self, text: &str) {
        #[cfg(test)]
        if let Some(said) = &self.said {
            said.lock().unwrap().push(text.to_owned());
            return;
        }
        match &self.block {
            Some(block) => self.draw(&mut lock(block), Some(text)),
            None => write(&format!("{text}\n")),
        }
    }

    /// Shows lines that go away again; a log doesn't get them.
    pub(crate) fn block(&self, lines: &[String]) {
        let lines: Vec<Line> = lines.iter().map(Line::plain).collect();
        self.show(lines);
    }

    /// As [`Self::block`], with tones. What stands already isn't drawn again, unless the window has another size.
    pub(crate) fn show(&self, lines: Vec<Line>) {
        let Some(block) = &self.block else { return };
        let mut block = lock(block);
        if block.lines != lines || block.size != Some(terminal_size()) {
            block.lines = lines;
            self.draw(&mut block, None);
        }
    }

    /// Takes the live block away.
    pub(crate) fn clear(&self) {
        let Some(block) = &self.block else { return };
        let mut block = lock(block);
        block.lines.clear();
        if !block.screen.is_empty() {
            self.draw(&mut block, None);
        }
    }

    /// Text in its tone, where colour is wanted.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => 32,
            Tone::Bad => 31,
            Tone::Quiet => 2,
        };
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn draw(&self, block: &mut Block, above: Option<&str>) {
        let size = terminal_size();
        let more = |more| Line::plain(format!("… and {more} more"));
        let drawn: Vec<(String, usize)> = fit(&block.lines, size, more)
            .iter()
            .map(|line| {
                let text = cut(&clean(&line.text), size.columns);
                (self.paint(line.tone, &text), width(&text))
            })
            .collect();
        block.size = Some(size);
        write(&block.screen.redraw(above, &drawn, size));
    }
}

/// Whether stderr takes a live block, and whether it takes colours, by what it is and by the environment.
///
/// <https://no-color.org>: a variable that is there and not empty.
fn manners(terminal: bool, variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> (bool, bool) {
    let dumb = variable("TERM").is_some_and(|term| term == OsStr::new("dumb"));
    let live = terminal && !dumb;
    (live, live && variable("NO_COLOR").is_none_or(|value| value.is_empty()))
}

fn lock(block: &Mutex<Block>) -> std::sync::MutexGuard<'_, Block> {
    // A block that was being drawn is drawn anew.
    block.lock().unwrap_or_else(PoisonError::into_inner)
}

/// In one piece, so that nothing flickers. Without a reader of stderr there is nobody to tell.
fn write(bytes: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(bytes.as_bytes());
    let _ = stderr.flush();
}

/// The terminal's rows and columns, or a small one's where it doesn't say.
fn terminal_size() -> Size {
    size_of(std::io::stderr()).unwrap_or(Size { rows: 24, columns: 80 })
}

/// How wide the terminal is that a stream is; none where it is none, or doesn't say.
pub(crate) fn columns_of(stream: impl AsFd) -> Option<usize> {
    size_of(stream).map(|size| size.columns)
}

fn size_of(stream: impl AsFd) -> Option<Size> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then(|| Size {
        rows: size.ws_row.into(),
        columns: size.ws_col.into(),
    })
}

/// How many there are of something: `1 image`, `3 images`.
pub(crate) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// A number of bytes for people: `2.5 GB`, in powers of ten.
pub(crate) fn human_size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    // In tenths, rounded up: what is there is never told as nothing.
    let tenths = bytes.saturating_mul(10).div_ceil(unit);
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

/// A duration for people: `4.2 s`, `3 min 5 s`.
pub(crate) fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_a_block_and_colours_unless_it_is_told_otherwise() {
        let check = |terminal, term: &str, no_color: &str, expected| {
            let variable = |name: &str| match name {
                "TERM" => Some(term.into()),
                "NO_COLOR" => Some(no_color.into()),
                _ => None,
            };
            assert_eq!(manners(terminal, variable), expected, "{terminal} {term} {no_color}");
        };
        check(true, "xterm", "", (true, true));
        check(true, "xterm", "1", (true, false));
        check(true, "dumb", "", (false, false));
        check(false, "xterm", "", (false, false));
    }

    #[test]
    fn colour_is_only_where_it_is_wanted() {
        let with = |colour| Progress {
            colour,
            ..Progress::kept()
        };
        assert_eq!(with(true).paint(Tone::Bad, "no"), "\u{1b}[31mno\u{1b}[0m");
        assert_eq!(with(true).paint(Tone::Plain, "so"), "so");
        assert_eq!(with(false).paint(Tone::Bad, "no"), "no");
    }

    #[test]
    fn durations_for_people() {
        assert_eq!(human(Duration::from_millis(4230)), "4.2 s");
        assert_eq!(human(Duration::from_secs(185)), "3 min 5 s");
    }
}
