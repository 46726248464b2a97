//! The codes of changes that can't be staged, as `E-NOT-STAGEABLE` names them: the cause of each, and the way out.
//!
//! `docs/staging.md` has the same table, and a test compares them.

use deployment::staging::Code;

/// The code of this name in upper or lower case. `None` if there is none.
pub(super) fn find(name: &str) -> Option<Code> {
    Code::ALL
        .into_iter()
        .find(|code| code.name().eq_ignore_ascii_case(name))
}

/// Why such a change can't be staged.
pub(super) const fn cause(code: Code) -> &'static str {
    match code {
        Code::Both => {
            "a shared resource is replaced or its attributes change, so a resource of a later step would change with it"
        }
        Code::Other => {
            "a resource of Onebox is replaced or its attributes change, so one of Fleet would change with it"
        }
        Code::Late => "a shared resource can only change in Fleet's step, but Onebox uses it",
        Code::Cycle => "a stage needs a resource that only a later step creates",
        Code::Targets => "a target group would receive requests without targets",
        Code::Ports => "a security group would close a port on which tasks still run",
        Code::Service => "an ECS service is replaced or removed; its successor starts with the minimum of tasks",
        Code::Name => "a name, a rule priority or an address range is still taken during the update",
        Code::Retain => {
            "a resource with `DeletionPolicy: Retain` and a fixed name is replaced, so a revert would collide"
        }
        Code::NoEcho => "a shared `NoEcho` value changes, or a rollback needs one that can't be read back",
        Code::Export => "an export that another stack imports changes or is dropped",
        Code::Type => "a logical id changes its resource type",
        Code::Invalid => "the template or a parameter value is invalid, or the template can't be composed",
    }
}

/// A code with its cause and the way out, for people.
pub(super) fn render(code: Code) -> String {
    let (name, cause, next) = (code.name(), cause(code), code.way_out());
    format!("{name}, a change that can't be staged (E-NOT-STAGEABLE)\n  cause  {cause}\n  next   {next}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_page_has_every_code_with_its_cause_and_way_out() {
        let row = |code: Code| format!("| `{}` | {} | {} |\n", code.name(), cause(code), code.way_out());
        let table: String = Code::ALL.into_iter().map(row).collect();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/staging.md");
        let page = std::fs::read_to_string(path).unwrap();
        let fix = "replace the table in docs/staging.md by this one";
        assert!(page.contains(&format!("|---|---|---|\n{table}\n")), "{fix}:\n{table}");
    }

    #[test]
    fn a_code_by_its_name() {
        assert_eq!(find("noecho"), Some(Code::NoEcho));
        assert_eq!(find("E-BOTH"), None);
        insta::assert_snapshot!(render(Code::Late), @"
        LATE, a change that can't be staged (E-NOT-STAGEABLE)
          cause  a shared resource can only change in Fleet's step, but Onebox uses it
          next   make it per stage
        ");
    }
}
