//! `topology`: what stands at the broker for this configuration, for brokers that forbid the gateway to declare it.

use clap::Args;

use super::data::rules;
use super::{Common, Outcome};
use crate::queue::amqp::{asyncapi, definitions, topology_of};

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Topology {
    /// As definitions that RabbitMQ imports
    #[arg(long)]
    definitions: bool,
    /// As an AsyncAPI document
    #[arg(long)]
    asyncapi: bool,
}

pub fn topology(common: &Common, args: Topology) -> Outcome {
    let config = common.load()?;
    let topology = topology_of(&config);
    let document = match args.asyncapi {
        true => asyncapi(&topology, &config, &rules(&common.files()?)?.channels),
        false => definitions(&topology, &config.queue),
    };
    say!("{document:#}");
    Ok(())
}
