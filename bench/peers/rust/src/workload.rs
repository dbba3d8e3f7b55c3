//! Workload W, the same stream as bench/workloads, written from its description alone. A plain
//! price-time book inside the generator keeps cancels and replaces on live orders, and says what an
//! engine has to trade.

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Add,
    Cancel,
    /// The order leaves the book and enters again with the same id; it loses its priority.
    Replace,
    /// What does not trade at once is dropped.
    Immediate,
}

#[derive(Clone, Copy)]
pub struct Operation {
    pub kind: Kind,
    pub is_sell: bool,
    pub id: u32,
    /// Ticks and lots; 0 for a cancel.
    pub price: u32,
    pub quantity: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Checksum {
    pub trades: u64,
    pub volume: u64,
    pub hash: u64,
}

impl Checksum {
    pub const fn new() -> Self {
        Self { trades: 0, volume: 0, hash: 1_469_598_103_934_665_603 }
    }

    pub fn add(&mut self, maker: u64, taker: u64, price: u64, quantity: u64) {
        self.trades += 1;
        self.volume += quantity;
        let trade = maker
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .wrapping_add(taker.wrapping_mul(0xC2B2_AE3D_27D4_EB4F))
            .wrapping_add(price.wrapping_mul(0x1656_67B1_9E37_79F9))
            .wrapping_add(quantity);
        self.hash = (self.hash ^ trade).wrapping_mul(1_099_511_628_211);
    }
}

pub struct Workload {
    /// Adds that fill the book before the measurement.
    pub preload: Vec<Operation>,
    pub timed: Vec<Operation>,
    /// What the timed operations trade.
    pub checksum: Checksum,
}

/// `live`: orders the book is filled up to; `block`: ticks of a block of distances from the mid.
pub fn generate(live: u64, block: u64, operations: usize) -> Workload {
    let mut generator = Generator::new(live, block);
    let mut preload = Vec::new();
    while (generator.live.len() as u64) < live {
        generator.walk();
        preload.push(generator.add());
    }
    generator.checksum = Checksum::new();
    let timed = (0..operations).map(|_| generator.next()).collect();
    Workload { preload, timed, checksum: generator.checksum }
}

const NONE: u32 = 0;
const LARGEST_DISTANCE: u64 = 60_000;
const MID: std::ops::RangeInclusive<u64> = 90_000..=110_000;
/// Above the highest mid and the largest distance.
const PRICES: usize = 200_000;

#[derive(Clone, Copy, Default)]
struct Order {
    is_sell: bool,
    price: u32,
    remaining: u32,
    /// Position in the list of live orders.
    place: u32,
    older: u32,
    younger: u32,
}

#[derive(Clone, Copy, Default)]
struct Level {
    oldest: u32,
    youngest: u32,
}

struct Generator {
    target: u64,
    block: u64,
    random: u64,
    mid: u64,
    /// By id; 0 is none.
    orders: Vec<Order>,
    live: Vec<u32>,
    /// Buy and sell, by price.
    levels: [Vec<Level>; 2],
    /// No buy is above, no sell below.
    best: [usize; 2],
    checksum: Checksum,
}

impl Generator {
    fn new(target: u64, block: u64) -> Self {
        let side = || vec![Level::default(); PRICES];
        Self {
            target,
            block,
            random: 0x9E37_79B9_7F4A_7C15,
            mid: 100_000,
            orders: vec![Order::default()],
            live: Vec::new(),
            levels: [side(), side()],
            best: [0, PRICES - 1],
            checksum: Checksum::new(),
        }
    }

    fn draw(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: u64) -> u64 {
        ((self.draw() >> 32) * bound) >> 32
    }

    fn bit(&mut self) -> bool {
        self.draw() >> 63 == 1
    }

    fn walk(&mut self) {
        if self.draw() & 63 == 0 {
            let moved = if self.bit() { self.mid + 1 } else { self.mid - 1 };
            self.mid = moved.clamp(*MID.start(), *MID.end());
        }
    }

    fn next(&mut self) -> Operation {
        let percent = self.below(100);
        self.walk();
        match percent {
            60..95 if self.live.is_empty() => self.add(),
            0..60 => self.add(),
            60..90 => self.cancel(),
            90..95 => self.replace(),
            _ => self.immediate(),
        }
    }

    fn add(&mut self) -> Operation {
        let id = self.new_id();
        let is_sell = self.bit();
        let price = self.price(is_sell);
        let quantity = 1 + self.below(100) as u32;
        self.enter(id, is_sell, price, quantity);
        Operation { kind: Kind::Add, is_sell, id, price, quantity }
    }

    fn cancel(&mut self) -> Operation {
        let id = self.draw_live();
        self.take_out(id);
        Operation {
            kind: Kind::Cancel,
            is_sell: self.orders[id as usize].is_sell,
            id,
            price: 0,
            quantity: 0,
        }
    }

    fn replace(&mut self) -> Operation {
        let id = self.draw_live();
        let Order { is_sell, price: previous, .. } = self.orders[id as usize];
        let mut price = self.price(is_sell);
        let quantity = 1 + self.below(100) as u32;
        if price == previous {
            price = if is_sell { price + 1 } else { price - 1 };
        }
        self.take_out(id);
        self.enter(id, is_sell, price, quantity);
        Operation { kind: Kind::Replace, is_sell, id, price, quantity }
    }

    fn immediate(&mut self) -> Operation {
        let id = self.new_id();
        let is_sell = self.bit();
        let reach = 4 * self.block;
        let price = if is_sell { self.mid - reach } else { self.mid + reach } as u32;
        let is_crowded = self.live.len() as u64 > self.target;
        let quantity = 1 + self.below(if is_crowded { 1_200 } else { 200 }) as u32;
        self.trade(id, is_sell, price, quantity);
        Operation { kind: Kind::Immediate, is_sell, id, price, quantity }
    }

    fn new_id(&mut self) -> u32 {
        self.orders.push(Order::default());
        self.orders.len() as u32 - 1
    }

    fn draw_live(&mut self) -> u32 {
        let place = self.below(self.live.len() as u64);
        self.live[place as usize]
    }

    fn price(&mut self, is_sell: bool) -> u32 {
        let zeros = u64::from((self.draw() | 1 << 20).trailing_zeros());
        let distance = LARGEST_DISTANCE.min(1 + self.block * zeros + self.below(self.block));
        let price = if is_sell { self.mid + distance } else { self.mid - distance };
        price as u32
    }

    fn enter(&mut self, id: u32, is_sell: bool, price: u32, quantity: u32) {
        let remaining = self.trade(id, is_sell, price, quantity);
        if remaining == 0 {
            return;
        }
        let at = price as usize;
        let level = &mut self.levels[usize::from(is_sell)][at];
        let older = level.youngest;
        level.youngest = id;
        if older == NONE {
            level.oldest = id;
        } else {
            self.orders[older as usize].younger = id;
        }
        self.orders[id as usize] = Order {
            is_sell,
            price,
            remaining,
            place: self.live.len() as u32,
            older,
            younger: NONE,
        };
        self.live.push(id);
        let best = &mut self.best[usize::from(is_sell)];
        *best = if is_sell { at.min(*best) } else { at.max(*best) };
    }

    /// Returns what is left.
    fn trade(&mut self, taker: u32, is_sell: bool, limit: u32, quantity: u32) -> u32 {
        let mut left = quantity;
        while left > 0 {
            let maker = self.first(!is_sell);
            let Order { price, remaining, .. } = self.orders[maker as usize];
            if maker == NONE || if is_sell { price < limit } else { price > limit } {
                break;
            }
            let traded = left.min(remaining);
            left -= traded;
            self.orders[maker as usize].remaining -= traded;
            self.checksum.add(maker.into(), taker.into(), price.into(), traded.into());
            if traded == remaining {
                self.take_out(maker);
            }
        }
        left
    }

    /// The oldest order at the best price of a side, or none.
    fn first(&mut self, is_sell: bool) -> u32 {
        let levels = &self.levels[usize::from(is_sell)];
        let best = &mut self.best[usize::from(is_sell)];
        let end = if is_sell { PRICES - 1 } else { 0 };
        while *best != end && levels[*best].oldest == NONE {
            *best = if is_sell { *best + 1 } else { *best - 1 };
        }
        levels[*best].oldest
    }

    fn take_out(&mut self, id: u32) {
        let order = self.orders[id as usize];
        let level = &mut self.levels[usize::from(order.is_sell)][order.price as usize];
        if order.older == NONE {
            level.oldest = order.younger;
        } else {
            self.orders[order.older as usize].younger = order.younger;
        }
        if order.younger == NONE {
            level.youngest = order.older;
        } else {
            self.orders[order.younger as usize].older = order.older;
        }
        let last = self.live[self.live.len() - 1];
        self.live[order.place as usize] = last;
        self.orders[last as usize].place = order.place;
        self.live.pop();
    }
}
