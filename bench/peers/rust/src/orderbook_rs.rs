//! orderbook-rs: a book for many threads on a skip list and a concurrent hash map, used by one
//! thread here. Self-trade prevention, risk limits and listeners are off, as they are by default.

use orderbook_rs::{Id, OrderBook, Side, TimeInForce, TradeResult};
use pricelevel::{Hash32, OrderType, Price, Quantity, TimestampMs};

use crate::peer::{Peer, Trades};
use crate::workload::{Kind, Operation};

pub struct OrderbookRs(OrderBook<()>);

pub enum Command {
    Add(OrderType<()>),
    Cancel(Id),
    /// `update_order` does both, but keeps the trades to itself.
    CancelAndAdd(Id, OrderType<()>),
}

impl Peer for OrderbookRs {
    type Command = Command;

    fn new() -> Self {
        Self(OrderBook::new("W"))
    }

    fn command(operation: &Operation) -> Command {
        let id = Id::sequential(operation.id.into());
        let order = || OrderType::Standard {
            id,
            price: Price::new(operation.price.into()),
            quantity: Quantity::new(operation.quantity.into()),
            side: if operation.is_sell { Side::Sell } else { Side::Buy },
            user_id: Hash32::zero(),
            timestamp: TimestampMs::new(0),
            time_in_force: if operation.kind == Kind::Immediate {
                TimeInForce::Ioc
            } else {
                TimeInForce::Gtc
            },
            extra_fields: (),
        };
        match operation.kind {
            Kind::Add | Kind::Immediate => Command::Add(order()),
            Kind::Cancel => Command::Cancel(id),
            Kind::Replace => Command::CancelAndAdd(id, order()),
        }
    }

    fn apply(&mut self, command: &Command, trades: &mut impl Trades) {
        match command {
            Command::Add(order) => self.add(order, trades),
            Command::Cancel(id) => self.cancel(*id),
            Command::CancelAndAdd(id, order) => {
                self.cancel(*id);
                self.add(order, trades);
            }
        }
    }
}

impl OrderbookRs {
    fn add(&mut self, order: &OrderType<()>, trades: &mut impl Trades) {
        match self.0.add_order_with_committed(*order) {
            Ok((_, Some(result))) => report(&result, trades),
            Ok((_, None)) => {}
            // The rest of an immediate order is an error there, its trades come with it.
            Err(failure) if order.is_immediate() => {
                if let Some(result) = failure.committed {
                    report(&result, trades);
                }
            }
            Err(failure) => panic!("refused: {}", failure.error),
        }
    }

    fn cancel(&mut self, id: Id) {
        let order = self.0.cancel_order(id).expect("cancel fails");
        assert!(order.is_some(), "no order {id} to cancel");
    }
}

fn report(result: &TradeResult, trades: &mut impl Trades) {
    for trade in result.match_result.trades().as_vec() {
        let maker = trade.maker_order_id().as_u64().expect("ids are numbers");
        trades.add(maker, trade.price().as_u128() as u64, trade.quantity().as_u64());
    }
}
