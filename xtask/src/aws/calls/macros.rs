//! What makes of one line of the list both the way to call and the entry in the list.

/// Operations of a service that is called in JSON or in the query protocol, as constants.
macro_rules! calls {
    ($module:ident, $service:expr, $prefix:literal, $list:ident {
        $($constant:ident $operation:literal, $grants:expr;)*
    }) => {
        pub(in crate::aws) mod $module {
            use super::Operation;
            $(pub(in crate::aws) const $constant: Operation = Operation { service: $service, name: $operation };)*
        }

        const $list: &[Call] = &[$(Call { prefix: $prefix, operation: $operation, grants: $grants },)*];
    };
}

/// Operations of a service that has an SDK crate, as the only methods of its client.
macro_rules! sdk_calls {
    ($client:ident, $sdk:ident, $prefix:literal, $list:ident {
        $($method:ident $operation:ident $builder:ident, $grants:expr;)*
    }) => {
        #[derive(Debug, Clone)]
        pub(in crate::aws) struct $client($sdk::Client);

        impl $client {
            pub(in crate::aws) fn new(config: &aws_config::SdkConfig, clock: &crate::aws::clock::ServerClock) -> Self {
                let config = $sdk::config::Builder::from(config).interceptor(clock.clone());
                Self($sdk::Client::from_conf(config.build()))
            }

            $(pub(in crate::aws) fn $method(&self) -> $sdk::operation::$method::builders::$builder {
                self.0.$method()
            })*
        }

        const $list: &[Call] =
            &[$(Call { prefix: $prefix, operation: stringify!($operation), grants: $grants },)*];
    };
}

pub(super) use {calls, sdk_calls};
