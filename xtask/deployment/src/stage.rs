//! The stages of a deployment, in the order in which a change reaches them.

use std::fmt;

/// A stage of a deployment. The order is the order of the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// What Onebox and Fleet use together: the network, the load balancer, the listener.
    Shared,
    /// The service that receives 1 % of the requests.
    Onebox,
    /// The service that receives 99 % of the requests.
    Fleet,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 3] = [Self::Shared, Self::Onebox, Self::Fleet];

    /// The stage's name, as it stands in the metadata of templates.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shared => "Shared",
            Self::Onebox => "Onebox",
            Self::Fleet => "Fleet",
        }
    }

    /// Parses [`Self::name`]. `None` if the name isn't a stage's.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Stage;

    #[test]
    fn stages_parse_by_name_and_are_ordered() {
        for stage in Stage::ALL {
            assert_eq!(Stage::parse(stage.name()), Some(stage));
        }
        assert_eq!(Stage::parse("onebox"), None);
        assert!(Stage::ALL.is_sorted());
    }
}
