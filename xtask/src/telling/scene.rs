//! An operation that is followed: what is known of it, and what was told.

use std::time::{Duration, SystemTime};

use super::lookout::Lookout;
use super::teller::Teller;
use super::view::{ServiceView, View};
use crate::aws::Aws;
use crate::context::Context;
use crate::stack::events::{Event, EventLog};
use crate::stack::operation::Operation;

/// An operation that is followed.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    context: &'a Context,
    lookout: Lookout,
    teller: Teller,
    view: View,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(context: &'a Context, operation: Operation<'_>) -> Self {
        let view = View {
            stack: operation.stack_name.to_owned(),
            total: operation.total,
            ..View::default()
        };
        Self {
            context,
            lookout: Lookout::default(),
            teller: Teller::default(),
            view,
        }
    }

    /// Looks at the services that the operation changes, where it is time to or one of them has failed.
    pub(crate) async fn look(&mut self, aws: &Aws, log: &EventLog, new: &[Event]) {
        let failed = self.lookout.notice(new);
        if failed || self.lookout.is_due(aws) {
            let looking = Box::pin(self.lookout.look(aws, log.began()));
            let (teller, view) = (&mut self.teller, &self.view);
            let redraw = || teller.redraw(self.context, view);
            let looked = super::teller::meanwhile(looking, redraw).await;
            self.lookout.take(looked, log);
        }
    }

    /// Tells what is new.
    pub(crate) fn tell(&mut self, log: &EventLog, new: &[Event], silence: Option<Duration>) {
        let now = SystemTime::now();
        self.view = View {
            total: self.view.total,
            services: self.lookout.views(),
            silent_since: silence.map(|silence| now.checked_sub(silence).unwrap_or(now)),
            ..View::of_events(&self.view.stack, log.events()).with_sides(self.context.sides.seen())
        };
        self.teller.tell(self.context, &self.view, new, now);
    }

    /// Draws what is known anew, with the time that has passed, and says what goes on after a silence.
    pub(crate) fn redraw(&mut self) {
        self.teller.redraw(self.context, &self.view);
    }

    /// Takes the block away and says how it ended; what was seen of the services.
    pub(crate) fn end(self) -> Vec<ServiceView> {
        Teller::end(self.context, &self.view, SystemTime::now());
        self.view.services
    }
}
