//! The network: public subnets for the load balancer, private ones for the tasks, one of each a zone.

use cloudformation::formats::{SubnetId, VpcId};
use cloudformation::generated::ec2_eip::{Domain, Eip};
use cloudformation::generated::ec2_internet_gateway::InternetGateway;
use cloudformation::generated::ec2_nat_gateway::NatGateway;
use cloudformation::generated::ec2_route::Route;
use cloudformation::generated::ec2_route_table::RouteTable;
use cloudformation::generated::ec2_subnet::Subnet;
use cloudformation::generated::ec2_subnet_route_table_association::{
    SubnetRouteTableAssociation, SubnetRouteTableAssociationRequired,
};
use cloudformation::generated::ec2_vpc::Vpc;
use cloudformation::generated::ec2_vpc_gateway_attachment::VpcGatewayAttachment;
use cloudformation::{Dependency, Handle, Options, Template, Value, availability_zones, list, select};
use constants::network::{ANYWHERE, CIDR, PRIVATE_CIDRS, PUBLIC_CIDRS};

use crate::Environment;

/// What the rest of the template needs of the network.
pub(crate) struct Network {
    vpc: Handle<Vpc>,
    public: Vec<Handle<Subnet>>,
    private: Vec<Handle<Subnet>>,
    /// The way in and out of the public subnets.
    public_routing: Vec<Box<dyn Dependency>>,
    /// The way out of the private subnets.
    private_routing: Vec<Box<dyn Dependency>>,
}

impl Network {
    /// Adds the network to a template.
    pub(crate) fn add(template: &mut Template, environment: Environment) -> Self {
        let vpc = template.add("Vpc", "The service's own network.", Vpc::new().cidr_block(CIDR));
        let gateway = template.add(
            "InternetGateway",
            "The way between network and internet.",
            InternetGateway::new(),
        );
        let attachment = template.add(
            "InternetGatewayAttachment",
            "Joins gateway and network.",
            VpcGatewayAttachment::new(vpc.reference()).internet_gateway_id(gateway.reference()),
        );
        let mut network = Self {
            vpc,
            public: Vec::new(),
            private: Vec::new(),
            public_routing: Vec::new(),
            private_routing: Vec::new(),
        };
        network.add_public(template, &gateway, &attachment);
        let nat_gateways = network.add_nat_gateways(template, environment, &attachment);
        network.add_private(template, &nat_gateways);
        network
    }

    /// The network's own identifier.
    pub(crate) fn vpc_id(&self) -> Value<VpcId> {
        self.vpc.reference()
    }

    /// The load balancer's subnets.
    pub(crate) fn public_subnets(&self) -> Value<Vec<SubnetId>> {
        list(self.public.iter().map(Handle::reference))
    }

    /// The tasks' subnets.
    pub(crate) fn private_subnets(&self) -> Value<Vec<SubnetId>> {
        list(self.private.iter().map(Handle::reference))
    }

    /// Waits until clients can reach the public subnets.
    pub(crate) fn after_public_routing(&self, options: Options) -> Options {
        after(options, &self.public_routing)
    }

    /// Waits until the private subnets reach the world, without which no task gets its image.
    pub(crate) fn after_private_routing(&self, options: Options) -> Options {
        after(options, &self.private_routing)
    }

    fn add_public(
        &mut self,
        template: &mut Template,
        gateway: &Handle<InternetGateway>,
        attachment: &Handle<VpcGatewayAttachment>,
    ) {
        let table = template.add(
            "PublicRouteTable",
            "Routes of the public subnets.",
            RouteTable::new(self.vpc.reference()),
        );
        let route = Route::new(table.reference())
            .destination_cidr_block(ANYWHERE)
            .gateway_id(gateway.reference());
        let route = template.add_with(
            "PublicRoute",
            "From the public subnets to the internet.",
            route,
            Options::new().depends_on(attachment),
        );
        self.public_routing.push(Box::new(route));
        for (zone, cidr) in PUBLIC_CIDRS.into_iter().enumerate() {
            let subnet = self.add_subnet(template, "Public", "For the load balancer in one zone.", zone, cidr);
            let association = associate(template, "Public", zone, &subnet, &table);
            self.public.push(subnet);
            self.public_routing.push(association);
        }
    }

    fn add_nat_gateways(
        &self,
        template: &mut Template,
        environment: Environment,
        attachment: &Handle<VpcGatewayAttachment>,
    ) -> Vec<Handle<NatGateway>> {
        let subnets = self.public.iter().take(environment.nat_gateways()).enumerate();
        subnets
            .map(|(zone, subnet)| {
                let options = Options::new().depends_on(attachment);
                let address = Eip::new().domain(Domain::Vpc);
                let address = template.add_with(
                    numbered("NatAddress", zone),
                    "The NAT gateway's address.",
                    address,
                    options,
                );
                let gateway = NatGateway::new()
                    .allocation_id(address.allocation_id())
                    .subnet_id(subnet.reference());
                // A gateway is of use only once its subnet reaches the world.
                let options = self.after_public_routing(Options::new());
                template.add_with(
                    numbered("NatGateway", zone),
                    "Lets tasks fetch images and send logs.",
                    gateway,
                    options,
                )
            })
            .collect()
    }

    fn add_private(&mut self, template: &mut Template, nat_gateways: &[Handle<NatGateway>]) {
        for (zone, cidr) in PRIVATE_CIDRS.into_iter().enumerate() {
            let subnet = self.add_subnet(template, "Private", "For the tasks in one zone.", zone, cidr);
            let table = template.add(
                numbered("PrivateRouteTable", zone),
                "Routes of a private subnet.",
                RouteTable::new(self.vpc.reference()),
            );
            let route = Route::new(table.reference())
                .destination_cidr_block(ANYWHERE)
                .nat_gateway_id(nat_gateways[zone % nat_gateways.len()].reference());
            let route = template.add(
                numbered("PrivateRoute", zone),
                "From a private subnet out, never in.",
                route,
            );
            let association = associate(template, "Private", zone, &subnet, &table);
            self.private.push(subnet);
            self.private_routing
                .extend([Box::new(route) as Box<dyn Dependency>, association]);
        }
    }

    fn add_subnet(
        &self,
        template: &mut Template,
        kind: &str,
        why: &'static str,
        zone: usize,
        cidr: &'static str,
    ) -> Handle<Subnet> {
        let index = u8::try_from(zone).expect("there are three zones");
        let subnet = Subnet::new(self.vpc.reference())
            .availability_zone(select(index, availability_zones()))
            .cidr_block(cidr);
        template.add(numbered(&format!("{kind}Subnet"), zone), why, subnet)
    }
}

fn associate(
    template: &mut Template,
    kind: &str,
    zone: usize,
    subnet: &Handle<Subnet>,
    table: &Handle<RouteTable>,
) -> Box<dyn Dependency> {
    let association = SubnetRouteTableAssociation::new(SubnetRouteTableAssociationRequired {
        route_table_id: table.reference(),
        subnet_id: subnet.reference(),
    });
    Box::new(template.add(
        numbered(&format!("{kind}SubnetRouting"), zone),
        "Gives a subnet its routes.",
        association,
    ))
}

fn after(options: Options, dependencies: &[Box<dyn Dependency>]) -> Options {
    dependencies
        .iter()
        .fold(options, |options, dependency| options.depends_on(dependency.as_ref()))
}

/// Zones count from 1 in names.
fn numbered(name: &str, zone: usize) -> String {
    format!("{name}{}", zone + 1)
}
