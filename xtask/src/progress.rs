//! Progress on stderr: a live block on a terminal, plain lines in a log.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Where progress goes.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    /// The live block; none in a log.
    block: Option<ProgressBar>,
    colour: bool,
    /// The lines that stay, kept for a test in place of being printed.
    #[cfg(test)]
    said: Option<std::sync::Arc<std::sync::Mutex<Vec<String>>>>,
}

/// The meaning of a piece of text, which its words carry already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Quiet,
}

impl Progress {
    /// Progress on this process's stderr.
    pub(crate) fn stderr() -> Self {
        let terminal = std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            block: terminal.then(new_block),
            colour,
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
            said: Some(std::sync::Arc::default()),
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

    /// Prints lines that stay, above the live block.
    pub(crate) fn line(&self, text: &str) {
        #[cfg(test)]
        if let Some(said) = &self.said {
            said.lock().unwrap().push(text.to_owned());
            return;
        }
        let write = || {
            // Without a reader of stderr there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "{text}");
        };
        match &self.block {
            Some(block) => block.suspend(write),
            None => write(),
        }
    }

    /// Shows lines that go away again; a log doesn't get them.
    ///
    /// No more than fit: a block that scrolls past the screen's edge can't be taken back.
    pub(crate) fn block(&self, lines: &[String]) {
        let Some(block) = &self.block else { return };
        let (rows, columns) = terminal_size();
        block.set_message(fit(lines, rows.saturating_sub(2), columns.saturating_sub(2)).join("\n"));
        block.tick();
    }

    /// Takes the live block away.
    pub(crate) fn clear(&self) {
        if let Some(block) = &self.block {
            block.set_message("");
            block.finish_and_clear();
            block.reset();
        }
    }

    /// Text in its tone, where colour is wanted.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
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
}

/// The tone of a CloudFormation status.
pub(crate) fn tone_of(status: &str) -> Tone {
    if status.ends_with("_FAILED") || status.contains("ROLLBACK") {
        Tone::Bad
    } else if status.ends_with("_COMPLETE") {
        Tone::Good
    } else {
        Tone::Quiet
    }
}

fn new_block() -> ProgressBar {
    let block = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    block.set_style(ProgressStyle::with_template("{msg}").expect("the template is right"));
    block
}

/// The terminal's rows and columns, or a small one's where it doesn't say.
fn terminal_size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row.into(), size.ws_col.into()),
        _ => (24, 80),
    }
}

/// As many lines as fit, each cut to the width; the last one says how many don't fit.
fn fit(lines: &[String], rows: usize, columns: usize) -> Vec<String> {
    let cut = |line: &String| -> String { line.chars().take(columns.max(1)).collect() };
    if lines.len() <= rows {
        return lines.iter().map(cut).collect();
    }
    let shown = rows.saturating_sub(1);
    let mut fitting: Vec<String> = lines.iter().take(shown).map(cut).collect();
    fitting.push(format!("… and {} more", lines.len() - shown));
    fitting
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
    fn a_block_never_exceeds_the_screen() {
        let lines: Vec<String> = (0..5).map(|number| format!("line {number}")).collect();
        assert_eq!(fit(&lines, 3, 4), ["line", "line", "… and 3 more"]);
        assert_eq!(fit(&lines, 5, 80), lines);
    }

    #[test]
    fn durations_for_people() {
        assert_eq!(human(Duration::from_millis(4230)), "4.2 s");
        assert_eq!(human(Duration::from_secs(185)), "3 min 5 s");
    }
}
