//! `errors`: the codes of errors, each with its cause and what to do next.

use serde_json::{Value, json};

use crate::code::{CODES, Code, Entry, markdown};
use crate::context::Context;
use crate::flags::Errors;

impl Errors {
    /// Prints every code, or `docs/errors.md`.
    pub(crate) fn run(&self, context: &Context) -> Value {
        if self.markdown {
            context.output.line(markdown().trim_end());
        } else {
            let entries: Vec<String> = CODES.iter().map(|code| render(*code)).collect();
            context.output.prose(&entries.join("\n"));
        }
        json!({"codes": CODES.len()})
    }
}

/// A code with its cause and what to do next, for people.
pub(crate) fn render(code: Code) -> String {
    let Entry { name, cause, fix } = code.entry();
    format!("{name}\n  cause  {cause}\n  next   {fix}")
}

/// The code of this name, however it is written.
pub(crate) fn find(name: &str) -> Option<Code> {
    CODES.into_iter().find(|code| code.name().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_by_its_name() {
        assert_eq!(find("e-stack-busy"), Some(Code::StackBusy));
        assert_eq!(find("E-NONSENSE"), None);
        insta::assert_snapshot!(render(Code::Declined), @"
        E-DECLINED
          cause  the question was answered with no; nothing was changed
          next   run the command again to be asked again
        ");
    }
}
