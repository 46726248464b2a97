use cloudformation::generated::elastic_load_balancing_v2_listener::ListenerRequired;

fn required() -> ListenerRequired {
    ListenerRequired { default_actions: Vec::new() }
}

fn main() {}
