//! lobster: limit, market and cancel, one thread. It has no replace, so that is a cancel and a limit
//! order, and no immediate order, so that is a limit order and, when something is left, a cancel.

use lobster::{OrderBook, OrderEvent, OrderType, Side};

use crate::peer::{Peer, Trades};
use crate::workload::{Kind, Operation};

pub struct Lobster(OrderBook);

impl Peer for Lobster {
    type Command = Operation;

    fn new() -> Self {
        Self(OrderBook::default())
    }

    fn command(operation: &Operation) -> Operation {
        *operation
    }

    fn apply(&mut self, operation: &Operation, trades: &mut impl Trades) {
        let id = operation.id.into();
        if matches!(operation.kind, Kind::Cancel | Kind::Replace) {
            self.0.execute(OrderType::Cancel { id });
        }
        if operation.kind == Kind::Cancel {
            return;
        }
        let event = self.0.execute(OrderType::Limit {
            id,
            side: if operation.is_sell { Side::Ask } else { Side::Bid },
            qty: operation.quantity.into(),
            price: operation.price.into(),
        });
        if let OrderEvent::PartiallyFilled { fills, .. } | OrderEvent::Filled { fills, .. } = &event
        {
            for fill in fills {
                trades.add(fill.order_2 as u64, fill.price, fill.qty);
            }
        }
        if operation.kind == Kind::Immediate && !matches!(event, OrderEvent::Filled { .. }) {
            self.0.execute(OrderType::Cancel { id });
        }
    }
}
