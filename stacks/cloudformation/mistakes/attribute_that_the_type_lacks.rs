use cloudformation::generated::ec2_vpc::Vpc;
use cloudformation::{Handle, Value};

fn address(vpc: &Handle<Vpc>) -> Value<String> {
    vpc.dns_name()
}

fn main() {}
