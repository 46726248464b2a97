//! Credentials as people hold them: none, a process that gives them, a login that has lapsed.

use std::path::Path;
use std::process::Command;

use crate::cloud::Cloud;

const PROFILES: &str = r#"
[profile process]
region = eu-west-1
credential_process = /bin/echo '{"Version":1,"AccessKeyId":"local","SecretAccessKey":"local"}'

[profile login]
region = eu-west-1
sso_session = company
sso_account_id = 123456789012
sso_role_name = developer

[sso-session company]
sso_region = eu-west-1
sso_start_url = https://company.example/start
"#;

/// A command of someone whose only AWS configuration is in this folder.
fn person(cloud: &Cloud, folder: &Path, arguments: &[&str]) -> Command {
    std::fs::write(folder.join("config"), PROFILES).unwrap();
    let mut command = cloud.command(arguments);
    command
        .env("HOME", folder)
        .env("AWS_CONFIG_FILE", folder.join("config"));
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

#[test]
fn without_credentials_nothing_is_begun() {
    let (cloud, folder) = (Cloud::new(), tempfile::tempdir().unwrap());
    for (arguments, words) in [
        (&["deploy", "sandbox", "--yes"][..], "no credentials found"),
        (&["deploy", "sandbox", "--yes", "--profile", "login"], "SSO token"),
        (&["status", "prod", "--profile", "absent"], "absent"),
    ] {
        let outcome = cloud.run(person(&cloud, folder.path(), arguments));
        outcome.expect(4);
        assert!(
            outcome.stderr.contains("error[E-CREDENTIALS-MISSING]: ")
                && outcome.stderr.contains(words)
                && outcome.stderr.contains("aws sso login"),
            "{}",
            outcome.stderr
        );
    }
}

#[test]
fn a_process_gives_credentials_and_the_environment_the_endpoint() {
    let (cloud, folder) = (Cloud::new(), tempfile::tempdir().unwrap());
    cloud
        .run(cloud.command(&["local", "start", "--runtime", "process"]))
        .expect(0);
    let mut command = person(&cloud, folder.path(), &["status", "sandbox", "--profile", "process"]);
    command.env("AWS_ENDPOINT_URL", format!("http://{}", cloud.endpoint().address));
    let outcome = cloud.run(command);
    outcome.expect(0);
    assert!(outcome.stdout.contains("not deployed"), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("in eu-west-1 at http://"), "{}", outcome.stderr);
}
