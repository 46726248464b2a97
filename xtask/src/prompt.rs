//! Questions, asked only where someone can answer.

use std::io::{BufRead, IsTerminal, Write};

use crate::code::Code;
use crate::context::Context;
use crate::exit::Failure;

/// Asks a question and takes a line; what leaving means is said if it is interrupted.
///
/// # Errors
/// When there is no terminal to ask on, naming the flag that answers instead; when interrupted.
pub(crate) async fn ask(context: &Context, question: &str, flag: &str, leaving: &str) -> anyhow::Result<String> {
    #[cfg(test)]
    if let Some(answer) = context.answers.borrow_mut().pop_front() {
        return Ok(answer);
    }
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        let what = format!("there is no terminal to ask on: {question}");
        return Err(Failure::refused(what)
            .code(Code::NoTerminal)
            .next(format!("answer with {flag}"))
            .into());
    }
    context.progress.clear();
    let _ = write!(std::io::stderr(), "{} ", context.progress.wrapped(question));
    let _ = std::io::stderr().flush();
    let answer = context
        .interrupt
        .or(leaving, tokio::task::spawn_blocking(read_line))
        .await??;
    Ok(answer?)
}

/// Asks for a yes; an empty answer is a no.
///
/// # Errors
/// As [`ask`].
pub(crate) async fn confirm(context: &Context, question: &str, flag: &str, leaving: &str) -> anyhow::Result<bool> {
    let answer = ask(context, &format!("{question} [y/N]"), flag, leaving).await?;
    Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
}

fn read_line() -> std::io::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}
