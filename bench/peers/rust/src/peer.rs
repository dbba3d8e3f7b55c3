//! What the engines have in common: how an operation is put into their own commands, and how they
//! are asked. Both engines here take the workload's order ids.

use crate::workload::Operation;

/// Receives each trade, in order.
pub trait Trades {
    /// `maker` is an id of the workload.
    fn add(&mut self, maker: u64, price: u64, quantity: u64);
}

/// An engine panics when it refuses an operation: the result would be void.
pub trait Peer {
    /// An operation in the engine's own form, made before the measurement.
    type Command;

    fn new() -> Self;
    fn command(operation: &Operation) -> Self::Command;
    fn apply(&mut self, command: &Self::Command, trades: &mut impl Trades);
}
