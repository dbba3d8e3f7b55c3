//! One repetition of workload W through one engine of crates.io:
//!   meridian-peers ENGINE LIVE BLOCK OPERATIONS
//! Prints one JSON object, times in nanoseconds. Three runs over a fresh book each: one that folds
//! the trades into the hash, one that is timed as a whole, one with a reading of the clock around
//! each operation.

mod lobster;
mod orderbook_rs;
mod peer;
mod workload;

use std::hint::black_box;
use std::process::exit;
use std::time::Instant;

use peer::{Peer, Trades};
use workload::{Checksum, Workload};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [engine, live, block, operations] = &words[..] else {
        usage();
    };
    let number = |word: &String| word.parse().ok().filter(|&value: &u64| value > 0);
    let (Some(live), Some(block), Some(operations)) =
        (number(live), number(block), number(operations))
    else {
        usage();
    };
    pin();
    let workload = workload::generate(live, block, operations as usize);
    match engine.as_str() {
        "orderbook-rs" => measure::<orderbook_rs::OrderbookRs>(&workload),
        "lobster" => measure::<lobster::Lobster>(&workload),
        _ => usage(),
    }
}

fn fail(reason: std::fmt::Arguments) -> ! {
    eprintln!("{reason}: the result is void");
    exit(1);
}

fn usage() -> ! {
    eprintln!("usage: meridian-peers orderbook-rs|lobster LIVE BLOCK OPERATIONS");
    exit(2);
}

/// Folds trades into the hash, which needs to know the taker.
struct Folded {
    checksum: Checksum,
    taker: u64,
}

impl Trades for Folded {
    fn add(&mut self, maker: u64, price: u64, quantity: u64) {
        self.checksum.add(maker, self.taker, price, quantity);
    }
}

/// The least that reads every trade.
#[derive(Default)]
struct Counted {
    trades: u64,
    volume: u64,
}

impl Trades for Counted {
    fn add(&mut self, maker: u64, price: u64, quantity: u64) {
        black_box((maker, price));
        self.trades += 1;
        self.volume += quantity;
    }
}

fn measure<P: Peer>(workload: &Workload) {
    let preload: Vec<_> = workload.preload.iter().map(P::command).collect();
    let timed: Vec<_> = workload.timed.iter().map(P::command).collect();
    let operations = timed.len() as f64;
    let filled = || {
        let mut book = P::new();
        for command in &preload {
            book.apply(command, &mut Counted::default());
        }
        book
    };

    let mut book = filled();
    let mut folded = Folded { checksum: Checksum::new(), taker: 0 };
    for (command, operation) in timed.iter().zip(&workload.timed) {
        folded.taker = operation.id.into();
        book.apply(command, &mut folded);
    }
    let checksum = folded.checksum;
    if checksum != workload.checksum {
        fail(format_args!(
            "{} trades with hash {:016x}, where {} with {:016x} were due",
            checksum.trades, checksum.hash, workload.checksum.trades, workload.checksum.hash
        ));
    }
    drop(book);

    let mut book = filled();
    let mut counted = Counted::default();
    let ran = processor_time_ns();
    let begin = Instant::now();
    for command in &timed {
        book.apply(command, &mut counted);
    }
    let passed_ns = begin.elapsed().as_nanos() as f64 / operations;
    let processor_ns = (processor_time_ns() - ran) as f64 / operations;
    if (counted.trades, counted.volume) != (checksum.trades, checksum.volume) {
        fail(format_args!("a run traded differently"));
    }
    drop(book);

    let clock_ns = clock_cost_ns();
    let mut book = filled();
    let mut latencies = Vec::with_capacity(timed.len());
    for command in &timed {
        let begin = Instant::now();
        book.apply(command, &mut counted);
        latencies.push((begin.elapsed().as_nanos() as u64).saturating_sub(clock_ns));
    }
    latencies.sort_unstable();
    let quantile = |share: f64| {
        latencies[((latencies.len() as f64 * share) as usize).min(latencies.len() - 1)]
    };
    println!(
        "{{\"operations\":{},\"trades\":{},\"volume\":{},\"hash\":\"{:016x}\",\"passed\":{passed_ns:.2},\
         \"processor\":{processor_ns:.2},\"p50\":{},\"p99\":{},\"p999\":{},\"maximum\":{}}}",
        timed.len(),
        checksum.trades,
        checksum.volume,
        checksum.hash,
        quantile(0.5),
        quantile(0.99),
        quantile(0.999),
        quantile(1.0),
    );
}

/// The least that two readings of the clock are apart.
fn clock_cost_ns() -> u64 {
    let apart = || {
        let begin = Instant::now();
        begin.elapsed().as_nanos() as u64
    };
    (0..10_000).map(|_| apart()).min().unwrap_or(0)
}

/// To the highest processor this process may use, as the programs of bench/micro.
fn pin() {
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: a set of processors is plain bits; both calls get its size, and an index within it.
    unsafe {
        let mut allowed: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size, &mut allowed);
        let highest = (0..libc::CPU_SETSIZE as usize).rfind(|&at| libc::CPU_ISSET(at, &allowed));
        let mut one: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(highest.unwrap_or(0), &mut one);
        assert!(libc::sched_setaffinity(0, size, &one) == 0, "no processor to run on");
    }
}

/// What this thread has spent on a processor.
fn processor_time_ns() -> u64 {
    let mut spent = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `spent` is a valid timespec to write to.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut spent) };
    assert!(failed == 0, "no clock of the thread");
    spent.tv_sec as u64 * 1_000_000_000 + spent.tv_nsec as u64
}
