//! The codes of errors: stable names that scripts and people can look up, each with its cause and what to do next.
//!
//! `docs/errors.md` is the same, and a test compares them.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

/// A kind of error that someone can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// The command line's own fault, and whatever has no code of its own.
    Bug,
    /// The deployed stack is none that this version deploys.
    OtherStack,
    /// An address that is none.
    Address,
    /// A fault was to be shown of what runs without it just now.
    RunsWithoutFault,
    /// Something has no known price.
    NoPrice,
    /// The command line is wrong.
    Usage,
    /// Flags that make no sense together.
    Flags,
    /// An image that misbehaves on purpose was to be deployed where customers are.
    FaultInProd,
    /// A file or folder can't be read or written.
    File,
    /// A command that needs the source runs outside of a checkout.
    NoCheckout,
    /// The checkout has no commit, or git is missing.
    NoCommit,
    /// The pipeline's source has commits that the checkout lacks.
    SourceApart,
    /// git can't push to the pipeline's source.
    PushRefused,
    /// No stage of the pipeline failed.
    NothingToRetry,
    /// What was to be deleted is needed by what stands.
    StillNeeded,
    /// No local cloud runs.
    NoLocalCloud,
    /// The local cloud can't be started.
    LocalCloud,
    /// The local cloud runs with other settings.
    LocalSettings,
    /// The local cloud refuses a fault.
    LocalFault,
    /// The image can't be built.
    Build,
    /// The image can't be pushed.
    ImagePush,
    /// A template is longer than CloudFormation takes.
    TemplateTooLong,
    /// A template has a parameter that the stack lacks.
    NewParameter,
    /// The pipeline would have to change its own rights.
    RolesDiffer,
    /// An earlier stage doesn't have the release yet.
    Unjudged,
    /// There is no release to restore.
    NoEarlierRelease,
    /// No release, or more than one, has the given digest.
    ReleaseUnknown,
    /// Something of a release is no longer in the repository.
    ReleaseGone,
    /// The image registry refuses a request about a release.
    Registry,
    /// A stack went while it was worked on.
    StackGone,
    /// An answer of AWS's lacks what it should have.
    AwsAnswer,
    /// A name that nothing has.
    UnknownName,
    /// There is nobody to ask.
    NoTerminal,
    /// Somebody said no.
    Declined,
    /// There are no credentials.
    CredentialsMissing,
    /// The credentials were good once.
    CredentialsExpired,
    /// AWS doesn't know the credentials.
    CredentialsInvalid,
    /// The credentials may not do it.
    AccessDenied,
    /// The environment belongs in another account.
    AccountPinned,
    /// `doctor` found something.
    Doctor,
    /// What an earlier deployment left has the name that a new one would take.
    RepositoryLeft,
    /// A stack isn't there.
    NoStack,
    /// Somebody changes the stack.
    StackBusy,
    /// Nothing of a deployment is under way.
    NothingToResume,
    /// A deployment isn't finished.
    Unfinished,
    /// A release can't be deployed in stages.
    NotStageable,
    /// A change set contains what the plan doesn't.
    Unplanned,
    /// Somebody else changed the stack meanwhile.
    Overtaken,
    /// The stack is in a status that isn't known.
    StackStatus,
    /// An alarm is red before a deployment.
    RedAlarm,
    /// The load balancer serves nobody.
    LoadBalancer,
    /// AWS refused a call.
    AwsRefused,
    /// AWS takes no more requests now.
    AwsThrottled,
    /// AWS can't be reached.
    AwsUnreachable,
    /// CloudFormation refuses a change set.
    ChangeRefused,
    /// A wait reached its limit.
    TimeLimit,
    /// An operation on a stack failed, and nothing was rolled back.
    StackFailed,
    /// An operation on a stack failed and was rolled back.
    RolledBack,
    /// The release is worse than what ran before.
    Worse,
    /// The rollback failed.
    RollbackFailed,
    /// There was too little to judge by.
    ThinEvidence,
    /// The pipeline's execution failed.
    PipelineFailed,
    /// A check of the project failed.
    ChecksFailed,
    /// No request was answered.
    NoAnswer,
    /// `status --exit-status` found something that needs attention.
    Unhealthy,
    /// Someone asked to leave.
    Interrupted,
}

/// Every code, in the order of the exit statuses and then of what is met first.
pub(crate) const CODES: [Code; 66] = [
    Code::AwsRefused,
    Code::AwsThrottled,
    Code::AwsUnreachable,
    Code::Registry,
    Code::ChangeRefused,
    Code::TimeLimit,
    Code::StackFailed,
    Code::PipelineFailed,
    Code::ChecksFailed,
    Code::NoAnswer,
    Code::Unhealthy,
    Code::File,
    Code::NoCheckout,
    Code::Build,
    Code::ImagePush,
    Code::PushRefused,
    Code::LocalCloud,
    Code::StackGone,
    Code::AwsAnswer,
    Code::Address,
    Code::NoPrice,
    Code::OtherStack,
    Code::Bug,
    Code::Usage,
    Code::Flags,
    Code::FaultInProd,
    Code::RunsWithoutFault,
    Code::NoCommit,
    Code::SourceApart,
    Code::NothingToRetry,
    Code::StillNeeded,
    Code::LocalSettings,
    Code::LocalFault,
    Code::UnknownName,
    Code::NoTerminal,
    Code::Declined,
    Code::NotStageable,
    Code::Unplanned,
    Code::CredentialsMissing,
    Code::CredentialsExpired,
    Code::CredentialsInvalid,
    Code::AccessDenied,
    Code::AccountPinned,
    Code::Doctor,
    Code::NoLocalCloud,
    Code::TemplateTooLong,
    Code::NewParameter,
    Code::RolesDiffer,
    Code::Unjudged,
    Code::NoEarlierRelease,
    Code::ReleaseUnknown,
    Code::ReleaseGone,
    Code::RepositoryLeft,
    Code::NoStack,
    Code::StackBusy,
    Code::NothingToResume,
    Code::Unfinished,
    Code::Overtaken,
    Code::StackStatus,
    Code::RedAlarm,
    Code::LoadBalancer,
    Code::RolledBack,
    Code::Worse,
    Code::RollbackFailed,
    Code::ThinEvidence,
    Code::Interrupted,
];

/// The exit statuses that errors end with: the number, what it says, and the first of its codes.
const STATUSES: [(&str, &str, Code); 7] = [
    ("1", "it failed", Code::AwsRefused),
    ("3", "usage, or refused", Code::Usage),
    (
        "4",
        "credentials, or how things are before the first change",
        Code::CredentialsMissing,
    ),
    ("5", "rolled back, and safe", Code::RolledBack),
    ("6", "the rollback failed: someone must act", Code::RollbackFailed),
    ("7", "not enough evidence, and safe", Code::ThinEvidence),
    ("130", "interrupted", Code::Interrupted),
];

/// What there is to know of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The name, `E-STACK-BUSY`; it is never given to another kind of error.
    pub(crate) name: &'static str,
    /// The cause.
    pub(crate) cause: &'static str,
    /// What to do next.
    pub(crate) fix: &'static str,
}

impl Code {
    /// The name alone.
    pub(crate) fn name(self) -> &'static str {
        self.entry().name
    }

    /// What there is to know of it.
    #[rustfmt::skip]
    pub(crate) fn entry(self) -> Entry {
        let (name, cause, fix) = match self {
            Self::Bug => ("E-BUG", "this command line is at fault itself, or met what it has no code for; what AWS was asked to do goes on", "look at that with `cargo xtask status`, and report the error with its words"),
            Self::OtherStack => ("E-OTHER-STACK", "the deployed stack lacks a resource, an output or a parameter that this version's template has, or isn't one of this project's", "`cargo xtask diff` shows how it differs; `deploy --stage shared` brings it to the template"),
            Self::Address => ("E-ADDRESS", "what should be the address of an endpoint, `http://host[:port]`, isn't", "see the stack's outputs with `cargo xtask outputs`"),
            Self::RunsWithoutFault => ("E-RUNS-WITHOUT-FAULT", "a fault was to be shown, and the execution of HEAD without it has just begun", "run the same command again once that has ended"),
            Self::NoPrice => ("E-NO-PRICE", "a template has something whose price isn't known", "add its rule in `xtask/src/cost/rules.rs`"),
            Self::Usage => ("E-USAGE", "the command line has a flag, a value or a command that there isn't", "`cargo xtask COMMAND --help` lists what there is"),
            Self::Flags => ("E-FLAGS", "flags were given that make no sense together, or with this environment", "leave out or add the flag that the error names"),
            Self::FaultInProd => ("E-FAULT-IN-PROD", "an image that misbehaves on purpose (`--fault`) was to be deployed where customers would meet it", "show it in the sandbox, or with `--local`"),
            Self::File => ("E-FILE", "a file or folder can't be read or written, or isn't what it should be; the error says which and why", "see that it is there, is yours, and has room; the error names the command that writes it"),
            Self::NoCheckout => ("E-NO-CHECKOUT", "the command needs the project's source, and isn't run in a checkout of it", "run it in a checkout, or deploy what was built with `--image` and `--templates`"),
            Self::NoCommit => ("E-NO-COMMIT", "the pipeline runs what is committed, and the folder is no git repository with a commit, or git is missing", "install git, `git init`, commit"),
            Self::SourceApart => ("E-SOURCE-APART", "the pipeline's repository has commits that HEAD lacks; nothing was pushed", "take them in with the command that the error names, and run it again"),
            Self::PushRefused => ("E-PUSH-REFUSED", "git couldn't push HEAD to the pipeline's repository; git's words follow", "`aws sts get-caller-identity` must succeed, as git asks the AWS CLI for credentials; then run it again"),
            Self::NothingToRetry => ("E-NOTHING-TO-RETRY", "the newest execution has no failed stage that could be tried again", "start a new execution with the command that the error names"),
            Self::StillNeeded => ("E-STILL-NEEDED", "what was to be deleted is needed to change or delete what still stands", "delete that first, with the command that the error names"),
            Self::NoLocalCloud => ("E-NO-LOCAL-CLOUD", "no local cloud is running", "`cargo xtask local start` starts it"),
            Self::LocalCloud => ("E-LOCAL-CLOUD", "the local cloud couldn't be started; the end of its log follows", "do what the log names: mostly a port that is taken, a state of a newer version, or no Docker"),
            Self::LocalSettings => ("E-LOCAL-SETTINGS", "the local cloud runs already, with other settings than were asked for", "leave out the flag; or `cargo xtask local stop`, which keeps the state, and the command again"),
            Self::LocalFault => ("E-LOCAL-FAULT", "the local cloud knows no such fault, or none with this number", "`cargo xtask local fault list` shows those that wait; `local fault add --help` those that there are"),
            Self::Build => ("E-BUILD", "the image couldn't be built: this machine lacks something, or the source doesn't compile; the error says which", "install what the error names, or fix what the compiler says; `cargo xtask doctor` looks for what is missing"),
            Self::ImagePush => ("E-IMAGE-PUSH", "the image was built, and the registry or Docker didn't take it; its words follow", "run the command again: what is in the registry already isn't pushed again"),
            Self::TemplateTooLong => ("E-TEMPLATE-TOO-LONG", "a template is longer than the 51,200 bytes that CloudFormation takes in a request; nothing was changed", "take resources out of it, or into a stack of their own"),
            Self::NewParameter => ("E-NEW-PARAMETER", "the template has a parameter without default that the deployed stack doesn't have, so that its value isn't known", "deploy it: `deploy` gives its parameters their values"),
            Self::RolesDiffer => ("E-ROLES-DIFFER", "the roles that the pipeline acts in would change, and it may not change them itself", "someone who may change roles runs `cargo xtask deploy toolchain`, then the pipeline again"),
            Self::Unjudged => ("E-UNJUDGED", "a stage was requested alone, and an earlier stage doesn't have the release yet, so it wasn't judged there; nothing was changed", "deploy the earlier stage first, with the command that the error names"),
            Self::NoEarlierRelease => ("E-NO-EARLIER-RELEASE", "no release was deployed before the one that runs; nothing was changed", "name the release to restore: `rollback ENVIRONMENT --to DIGEST`; `releases ENVIRONMENT` lists them"),
            Self::ReleaseUnknown => ("E-RELEASE-UNKNOWN", "no release has this digest, or several start with it; nothing was changed", "name one of the releases that the error lists; `cargo xtask releases ENVIRONMENT` shows what each changed"),
            Self::ReleaseGone => ("E-RELEASE-GONE", "the release's image, or a part of it, is no longer in the repository; nothing was changed", "name one of the releases that the error lists, or deploy from the source"),
            Self::Registry => ("E-REGISTRY", "the image registry refused a request about a release, or couldn't be reached; its message follows", "run the command again; if it fails again, see that the login may read and push images"),
            Self::StackGone => ("E-STACK-GONE", "somebody deleted the stack while it was deployed", "see who, and run the command again to create it anew"),
            Self::AwsAnswer => ("E-AWS-ANSWER", "AWS answered, but without what it documents; the error says what is missing", "run the command again; if it stays so, look with the AWS CLI at what it names"),
            Self::UnknownName => ("E-UNKNOWN-NAME", "no stack, resource, output, step or figure has this name", "take one of the names that the error lists"),
            Self::NoTerminal => ("E-NO-TERMINAL", "a question has to be answered, and stdin or stderr is no terminal", "answer with the flag that the error names"),
            Self::Declined => ("E-DECLINED", "the question was answered with no; nothing was changed", "run the command again to be asked again"),
            Self::CredentialsMissing => ("E-CREDENTIALS-MISSING", "no AWS credentials were found, or what gives them failed", "use `--local`, which needs no account; or name a profile (`--profile`, `AWS_PROFILE`), after `aws sso login` if it uses SSO"),
            Self::CredentialsExpired => ("E-CREDENTIALS-EXPIRED", "the credentials were good once", "get new ones (`aws sso login`, or as you got these), and run the command again"),
            Self::CredentialsInvalid => ("E-CREDENTIALS-INVALID", "AWS doesn't know the credentials, or the signature is wrong, as when the clock is off", "`aws sts get-caller-identity` shows whose they are; `cargo xtask doctor` compares the clock"),
            Self::AccessDenied => ("E-ACCESS-DENIED", "the credentials are good, and may not do this", "use others (`--profile`), or have these allowed what the error names"),
            Self::AccountPinned => ("E-ACCOUNT-PINNED", "the environment is bound to another account than the credentials are of", "use credentials of the account that the error names; the binding is in `stacks/constants/src/environment.rs`, or a variable such as `XTASK_ACCOUNT_PROD`"),
            Self::Doctor => ("E-DOCTOR", "`doctor` found what would keep a deployment from working", "do what stands at each failing line"),
            Self::RepositoryLeft => ("E-REPOSITORY-LEFT", "the source repository of an earlier deployment is there still, under the name that the new one would take: it stays when its stack is deleted", "keep what is in it with `git clone --mirror`, then delete it with the command that the error names"),
            Self::NoStack => ("E-NO-STACK", "a stack that the command needs isn't deployed", "deploy it with the command that the error names"),
            Self::StackBusy => ("E-STACK-BUSY", "an operation of someone else's goes on in the stack; the error names it and since when", "wait until it has ended, and run the command again (`deploy` waits by itself)"),
            Self::NothingToResume => ("E-NOTHING-TO-RESUME", "no deployment is under way that `--resume` could follow, and none was left between its stages", "`cargo xtask status` shows what runs; deploy without `--resume`"),
            Self::Unfinished => ("E-UNFINISHED", "a deployment to the environment isn't finished: it runs elsewhere, or was left between two steps; nothing was changed", "wait for it, continue it with `deploy ENVIRONMENT --resume`, or undo it with `rollback ENVIRONMENT`; one that was left for 75 minutes is reverted by the next deployment"),
            Self::NotStageable => ("E-NOT-STAGEABLE", "the release contains a change that would reach a later stage too early, leave a target group empty or close a port in use; nothing was changed", "split the change as the error says; `docs/staging.md` lists the recipes"),
            Self::Unplanned => ("E-UNPLANNED", "CloudFormation's change set contains changes that the plan doesn't, so the step wasn't executed", "see with `diff --drift` whether a resource was changed by hand"),
            Self::Overtaken => ("E-OVERTAKEN", "somebody else changed the stack while it was deployed", "see with `status` what runs, and run the command again once that is through"),
            Self::StackStatus => ("E-STACK-STATUS", "the stack is in a status that this command line doesn't know", "look at it with `aws cloudformation describe-stacks`; go on once the status ends in `_COMPLETE`"),
            Self::RedAlarm => ("E-RED-ALARM", "an alarm of the services is red already, and ECS would watch none during the deployment", "find out why, and deploy once it is over; `--ignore-red-alarms REASON` continues without that protection"),
            Self::LoadBalancer => ("E-LOAD-BALANCER", "the load balancer serves nobody, so that no request would show what a change does; on a local cloud, another program took its port while the local cloud was down", "do what its reason names: end the program that listens on the port (`ss -ltnp` names it), and the local cloud takes it back by itself"),
            Self::AwsRefused => ("E-AWS-REFUSED", "AWS refused a call; its code and words follow", "do what AWS's words name"),
            Self::AwsThrottled => ("E-AWS-THROTTLED", "AWS takes no more requests just now, and asking again and again was not enough", "run the command again in a minute: it goes on where it was"),
            Self::AwsUnreachable => ("E-AWS-UNREACHABLE", "AWS can't be reached, or fails itself", "check the network, and run the command again; what AWS was asked to do goes on"),
            Self::ChangeRefused => ("E-CHANGE-REFUSED", "CloudFormation refuses the change set; nothing was changed", "fix the template by its words"),
            Self::TimeLimit => ("E-TIME-LIMIT", "something waited for didn't come within its limit; the error says what was seen last", "follow it again with the command that the error names"),
            Self::StackFailed => ("E-STACK-FAILED", "an operation on a stack failed, and there was nothing to roll back to", "fix the first cause, which comes first, and run the command again"),
            Self::RolledBack => ("E-ROLLED-BACK", "the change failed and was rolled back: what ran before runs again", "fix the first cause, which comes first, and deploy again"),
            Self::Worse => ("E-WORSE", "probes failed, or a stage did worse with the release than Fleet or than itself before; what ran before was restored", "fix what the reasons name, and deploy again"),
            Self::RollbackFailed => ("E-ROLLBACK-FAILED", "the change failed and so did its rollback: someone must act", "fix what the events name, then `aws cloudformation continue-update-rollback`"),
            Self::ThinEvidence => ("E-THIN-EVIDENCE", "there were too few requests to judge a step by; what ran before was restored", "deploy again with probes, or while there is traffic; or accept it with `--accept REASON`"),
            Self::PipelineFailed => ("E-PIPELINE-FAILED", "an action of the pipeline failed, or its execution was stopped or superseded", "fix what its error names, commit, and run `cargo xtask pipeline`, which pushes; or `cargo xtask pipeline retry`"),
            Self::ChecksFailed => ("E-CHECKS-FAILED", "a check or a figure of the project failed", "run that one alone with the command that the error names"),
            Self::NoAnswer => ("E-NO-ANSWER", "the endpoint answered no request at all", "`cargo xtask status` shows what runs there"),
            Self::Unhealthy => ("E-UNHEALTHY", "of `status --exit-status`: something in the environment needs attention, such as missing tasks, a red alarm, or evidence that can't be read", "run the command that the error names"),
            Self::Interrupted => ("E-INTERRUPTED", "someone asked to leave; what AWS was asked to do goes on", "follow a deployment with `cargo xtask deploy … --resume`, a pipeline with `cargo xtask pipeline`; of anything else, the same command again"),
        };
        Entry { name, cause, fix }
    }
}

/// `docs/errors.md`.
pub(crate) fn markdown() -> String {
    let mut text = "# Errors\n\nWritten by `cargo xtask errors --markdown`; a test compares.\n\n\
        Every error has a code, in the text as `error[E-STACK-BUSY]` and in the `result` object of `--json` as `code`.\n\
        A code keeps its meaning; `cargo xtask explain CODE` prints its entry.\n\
        The codes stand by the exit status that the command ends with; `E-FILE` ends it with 3 where the file was handed to it, and `E-BUG` may with 4.\n"
        .to_owned();
    for code in CODES {
        if let Some((status, says, _)) = STATUSES.iter().find(|(.., first)| *first == code) {
            let _ = write!(
                text,
                "\n## {status}: {says}\n\n| code | cause | next |\n|---|---|---|\n"
            );
        }
        let Entry { name, cause, fix } = code.entry();
        let _ = writeln!(text, "| `{name}` | {cause} | {fix} |");
    }
    text
}
