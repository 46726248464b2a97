//! Which account an environment may be deployed to, and the refusal of any other.

use stacks::Environment;

use crate::code::Code;
use crate::exit::Failure;

/// An account that an environment is bound to, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pin {
    /// The environment.
    pub(crate) environment: Environment,
    /// The account's number.
    pub(crate) account_id: String,
    /// What says so: a constant's or a variable's name.
    pub(crate) said_by: String,
}

/// What binds an environment to an account: its constant, and the variable `XTASK_ACCOUNT_<ENVIRONMENT>`. Where both are
/// set both hold, so that a variable may bind what the code leaves free, and never free what the code binds.
pub(crate) fn pins(environment: Environment, variable: impl Fn(&str) -> Option<String>) -> Vec<Pin> {
    let (constant, constant_name) = match environment {
        Environment::Sandbox => (constants::environment::SANDBOX_ACCOUNT, "SANDBOX_ACCOUNT"),
        Environment::Deployments => (constants::environment::DEPLOYMENTS_ACCOUNT, "DEPLOYMENTS_ACCOUNT"),
        Environment::Production => (constants::environment::PRODUCTION_ACCOUNT, "PRODUCTION_ACCOUNT"),
    };
    let variable_name = format!("XTASK_ACCOUNT_{}", environment.suffix().to_uppercase());
    let of_variable = variable(&variable_name).filter(|account| !account.is_empty());
    let said = [
        (constant.map(ToOwned::to_owned), format!("the constant {constant_name}")),
        (of_variable, format!("the variable {variable_name}")),
    ];
    let pin = |(account_id, said_by): (Option<String>, String)| {
        account_id.map(|account_id| Pin {
            environment,
            account_id,
            said_by,
        })
    };
    said.into_iter().filter_map(pin).collect()
}

/// The pins of this process's environment.
pub(crate) fn own_pins(environment: Environment) -> Vec<Pin> {
    pins(environment, |name| std::env::var(name).ok())
}

/// Refuses an account that isn't the one that an environment is bound to.
///
/// # Errors
/// Exit status 4, naming both accounts.
pub(crate) fn check(account_id: &str, pins: &[Pin]) -> Result<(), Failure> {
    let Some(pin) = pins.iter().find(|pin| pin.account_id != account_id) else {
        return Ok(());
    };
    let what = format!(
        "{} belongs in account {}, by {}, and these credentials are of account {account_id}",
        pin.environment.suffix(),
        pin.account_id,
        pin.said_by
    );
    let next = format!("use credentials of account {} (--profile), or --local", pin.account_id);
    Err(Failure::preflight(what).code(Code::AccountPinned).next(next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn of_variable(environment: Environment, value: &str) -> Vec<Pin> {
        pins(environment, |name| {
            (name == "XTASK_ACCOUNT_PROD").then(|| value.to_owned())
        })
    }

    #[test]
    fn another_account_is_refused_and_both_are_named() {
        let pins = of_variable(Environment::Production, "111111111111");
        assert!(check("111111111111", &pins).is_ok());
        let failure = check("222222222222", &pins).unwrap_err();
        assert_eq!(failure.exit, Exit::Preflight);
        insta::assert_snapshot!(failure, @"Prod belongs in account 111111111111, by the variable XTASK_ACCOUNT_PROD, and these credentials are of account 222222222222");
    }

    #[test]
    fn each_pin_holds_by_itself() {
        let pin = |account_id: &str| Pin {
            environment: Environment::Production,
            account_id: account_id.to_owned(),
            said_by: "a test".to_owned(),
        };
        assert!(check("1", &[pin("1"), pin("2")]).is_err());
        assert!(check("1", &[pin("1"), pin("1")]).is_ok());
    }

    #[test]
    fn what_nothing_binds_may_be_anywhere() {
        assert_eq!(of_variable(Environment::Sandbox, "1"), []);
        assert_eq!(of_variable(Environment::Production, ""), []);
        assert!(check("1", &[]).is_ok());
    }
}
