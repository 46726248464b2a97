//! Paths of the protocol. Repositories' names hold slashes, so the end of a path decides.

use crate::name::is_repository_name;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    Base,
    Blob { repository: String, digest: String },
    Uploads { repository: String },
    Upload { repository: String, id: String },
    Manifest { repository: String, reference: String },
    Tags { repository: String },
    Referrers { repository: String, digest: String },
}

/// What a path means; `None` where it means nothing, as with a name that no repository can have.
pub(super) fn parse(path: &str) -> Option<Target> {
    // Some clients escape the colon of a digest. Nothing else in these paths needs escaping.
    let path = path.replace("%3A", ":").replace("%3a", ":");
    let rest = path.strip_prefix("/v2")?.trim_start_matches('/');
    if rest.is_empty() {
        return Some(Target::Base);
    }
    let (name, target) = split(rest)?;
    is_repository_name(name).then_some(target)
}

fn split(path: &str) -> Option<(&str, Target)> {
    let owned = str::to_owned;
    if let Some(name) = path.strip_suffix("/tags/list") {
        return Some((
            name,
            Target::Tags {
                repository: owned(name),
            },
        ));
    }
    let uploads = path.strip_suffix('/').unwrap_or(path);
    if let Some(name) = uploads.strip_suffix("/blobs/uploads") {
        return Some((
            name,
            Target::Uploads {
                repository: owned(name),
            },
        ));
    }
    let (before, last) = path.rsplit_once('/')?;
    let target = if let Some(name) = before.strip_suffix("/blobs/uploads") {
        (
            name,
            Target::Upload {
                repository: owned(name),
                id: owned(last),
            },
        )
    } else if let Some(name) = before.strip_suffix("/blobs") {
        (
            name,
            Target::Blob {
                repository: owned(name),
                digest: owned(last),
            },
        )
    } else if let Some(name) = before.strip_suffix("/referrers") {
        (
            name,
            Target::Referrers {
                repository: owned(name),
                digest: owned(last),
            },
        )
    } else {
        let name = before.strip_suffix("/manifests")?;
        (
            name,
            Target::Manifest {
                repository: owned(name),
                reference: owned(last),
            },
        )
    };
    Some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_path_says_what_it_means() {
        let check = |path: &str, expected: Option<Target>| assert_eq!(parse(path), expected, "{path}");
        let repository = || "team/service".to_owned();
        check("/v2", Some(Target::Base));
        check("/v2/", Some(Target::Base));
        check(
            "/v2/team/service/tags/list",
            Some(Target::Tags {
                repository: repository(),
            }),
        );
        check(
            "/v2/team/service/blobs/uploads/",
            Some(Target::Uploads {
                repository: repository(),
            }),
        );
        check(
            "/v2/team/service/blobs/uploads",
            Some(Target::Uploads {
                repository: repository(),
            }),
        );
        check(
            "/v2/team/service/blobs/uploads/7",
            Some(Target::Upload {
                repository: repository(),
                id: "7".to_owned(),
            }),
        );
        check(
            "/v2/team/service/blobs/sha256%3Aab",
            Some(Target::Blob {
                repository: repository(),
                digest: "sha256:ab".to_owned(),
            }),
        );
        check(
            "/v2/team/service/referrers/sha256:ab",
            Some(Target::Referrers {
                repository: repository(),
                digest: "sha256:ab".to_owned(),
            }),
        );
        check(
            "/v2/team/service/manifests/latest",
            Some(Target::Manifest {
                repository: repository(),
                reference: "latest".to_owned(),
            }),
        );
        // A repository may be called like a part of the protocol.
        check(
            "/v2/blobs/manifests/manifests/1",
            Some(Target::Manifest {
                repository: "blobs/manifests".to_owned(),
                reference: "1".to_owned(),
            }),
        );
        check("/v2/_catalog", None);
        check("/v2/../manifests/latest", None);
        check("/v2/a/../../b/tags/list", None);
        check("/v2/service", None);
        check("/v3/", None);
    }
}
