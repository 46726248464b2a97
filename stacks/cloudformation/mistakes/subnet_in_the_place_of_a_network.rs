use cloudformation::Handle;
use cloudformation::generated::ec2_subnet::Subnet;

fn inside(subnet: &Handle<Subnet>) -> Subnet {
    Subnet::new(subnet.reference())
}

fn main() {}
