//! The environment of a build: what `CodeBuild` gives, what this machine must lend, and nothing else.
//!
//! <https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html>

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use super::{Build, resources};
use crate::cloud::Cloud;
use crate::iam;
use crate::speed::SPEED_VARIABLE;

/// Variables of the local cloud's own environment that a build is lent: where programs and compilers are, how the network is
/// reached. What the person has set for AWS, and what cargo had set for the local cloud itself, stays out: the build speaks
/// to this local cloud, and its cargo is its own.
const LENT: &[&str] = &[
    "AR",
    "CARGO_HOME",
    "CC",
    "CFLAGS",
    "CPATH",
    "CXX",
    "CXXFLAGS",
    "DOCKER_HOST",
    "HOME",
    "LANG",
    "LDFLAGS",
    "LIBRARY_PATH",
    "LOGNAME",
    "PATH",
    "PKG_CONFIG_PATH",
    "RUSTUP_AUTO_INSTALL",
    "RUSTUP_HOME",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
    "USER",
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// The same for names that begin so: settings of cargo's that say where crates come from.
const LENT_PREFIXES: &[&str] = &[
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "LC_",
];

/// Where a client wants a secret: the local cloud verifies none.
const SECRET: &str = "local";

/// What the machine lends, out of all that the local cloud was started with.
pub(super) fn lent(all: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let wanted = |name: &str| LENT.contains(&name) || LENT_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    all.filter(|(name, _)| wanted(name)).collect()
}

/// What `CodeBuild` tells a build of itself, and where AWS is for it.
pub(super) fn of_codebuild(cloud: &Cloud, id: &str, build: &Build) -> BTreeMap<String, String> {
    let place = &cloud.place;
    let started = build.started_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let revision = build.order.revision.clone().unwrap_or_default();
    let log_path = id.split_once(':').map_or(id, |(_, uuid)| uuid);
    let variables = [
        ("AWS_ACCESS_KEY_ID", iam::access_key(id)),
        ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
        ("AWS_DEFAULT_REGION", place.region.clone()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_ENDPOINT_URL", format!("http://{}", cloud.registry_host)),
        ("AWS_REGION", place.region.clone()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ("AWS_SESSION_TOKEN", SECRET.to_owned()),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ("CODEBUILD_BUILD_ARN", place.arn("codebuild", &format!("build/{id}"))),
        ("CODEBUILD_BUILD_ID", id.to_owned()),
        ("CODEBUILD_BUILD_IMAGE", resources::image(&build.properties)),
        ("CODEBUILD_BUILD_NUMBER", build.number.to_string()),
        ("CODEBUILD_INITIATOR", format!("codepipeline/{}", build.order.pipeline)),
        ("CODEBUILD_LOG_PATH", log_path.to_owned()),
        (
            "CODEBUILD_PROJECT_ARN",
            place.arn("codebuild", &format!("project/{}", build.project)),
        ),
        ("CODEBUILD_RESOLVED_SOURCE_VERSION", revision.clone()),
        ("CODEBUILD_SOURCE_VERSION", revision),
        ("CODEBUILD_START_TIME", started.as_millis().to_string()),
        (SPEED_VARIABLE, cloud.speed.factor().to_string()),
    ];
    variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_lends_what_a_compiler_needs_and_nothing_of_the_persons_own() {
        let all = [
            "PATH",
            "HOME",
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "HTTPS_PROXY",
            "LC_ALL",
            "AWS_PROFILE",
            "AWS_ENDPOINT_URL",
            "CARGO_MANIFEST_DIR",
            "CARGO_PKG_NAME",
            "CARGO",
            "RUSTUP_TOOLCHAIN",
            "LD_LIBRARY_PATH",
            "LOCAL_CLOUD_HOME",
            "SECRET",
        ];
        let lent = lent(all.iter().map(|name| ((*name).to_owned(), String::new())));
        let names = lent.into_keys().collect::<Vec<_>>();
        assert_eq!(
            names,
            [
                "CARGO_HOME",
                "CARGO_NET_OFFLINE",
                "HOME",
                "HTTPS_PROXY",
                "LC_ALL",
                "PATH"
            ]
        );
    }
}
