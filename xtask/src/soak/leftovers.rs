//! What is left of a local cloud once all that was deployed is destroyed, and what of it may be.

/// What is left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Leftovers {
    /// Processes of tasks and of commands, and containers.
    pub(super) processes: Vec<String>,
    /// The images of its registry that Docker has, and hadn't before.
    pub(super) images: Vec<String>,
    /// The sockets on which the local cloud or its tasks listened, and on which somebody still does.
    pub(super) sockets: Vec<String>,
    /// The files below the local cloud's folder.
    pub(super) files: Vec<String>,
}

/// What stays in the folder by itself, each with its reason: what the local cloud knows of the past, as AWS does, and what
/// makes its next start the same one.
const STAYS: [(&str, &str); 7] = [
    ("id", "tells its tasks from those of others"),
    ("credentials-key", "makes the secrets of its tasks' roles"),
    ("lock", "keeps a second one out"),
    ("log", "what it said itself"),
    ("state.json", "deleted stacks are described for 90 days"),
    ("metrics.ndjson", "metrics are kept for three hours"),
    (
        "images/boot_id",
        "unpacked images are trusted until the machine starts again",
    ),
];

impl Leftovers {
    /// What shouldn't be there.
    pub(super) fn breaches(&self) -> Vec<String> {
        let mut breaches: Vec<String> = self
            .processes
            .iter()
            .map(|process| format!("left over: {process}"))
            .collect();
        breaches.extend(
            self.sockets
                .iter()
                .map(|socket| format!("somebody still listens on {socket}")),
        );
        let images = self.images.iter();
        breaches.extend(images.map(|image| format!("left over in Docker: {image}")));
        let files = self.files.iter();
        let others: Vec<&String> = files
            .filter(|file| !STAYS.iter().any(|(stays, _)| stays == file))
            .collect();
        breaches.extend(first_few(&others));
        breaches
    }
}

/// A few files by name, and how many more there are.
fn first_few(files: &[&String]) -> Vec<String> {
    const FEW: usize = 5;
    let mut words: Vec<String> = files
        .iter()
        .take(FEW)
        .map(|file| format!("left over: {file}"))
        .collect();
    if files.len() > FEW {
        words.push(format!("left over: {} files more", files.len() - FEW));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(files: &[&str]) -> Leftovers {
        Leftovers {
            files: files.iter().map(ToString::to_string).collect(),
            ..Leftovers::default()
        }
    }

    #[test]
    fn what_stays_by_itself_is_no_breach() {
        let stays: Vec<&str> = STAYS.iter().map(|(name, _)| *name).collect();
        assert_eq!(left(&stays).breaches(), <[String; 0]>::default());
    }

    #[test]
    fn everything_else_is_named() {
        let mut leftovers = left(&["journal/a", "logs/b", "c", "d", "e", "f", "g", "images/1"]);
        leftovers.processes.push("a process of task t".to_owned());
        leftovers.sockets.push("127.0.0.1:4566".to_owned());
        leftovers.images.push("127.0.0.1:4566/service@sha256:a".to_owned());
        insta::assert_snapshot!(leftovers.breaches().join("\n"), @"
        left over: a process of task t
        somebody still listens on 127.0.0.1:4566
        left over in Docker: 127.0.0.1:4566/service@sha256:a
        left over: journal/a
        left over: logs/b
        left over: c
        left over: d
        left over: e
        left over: 3 files more
        ");
    }
}
