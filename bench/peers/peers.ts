import { cargo, maven, npm, type Toolchain } from "./toolchains.ts";

/** A matching engine that a package registry serves as a library. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly toolchain: Toolchain;
  /** Its name for the program that plays the workload. */
  readonly engine: string;
  /** Measured operations of W narrow, a prefix of which the trades are stated. */
  readonly operations: 100_000 | 2_000_000;
  /** What it does in this run besides matching, and what it could do and is not asked for. */
  readonly checks: string;
  /** How many times as fast our engine has to be, called as the peer is. */
  readonly engineGoal: number;
  /** Compares with orders that cross from JavaScript to the reactor and back; `goal` as above. */
  readonly bridge: { readonly goal: number | null } | null;
}

const interpreted = { operations: 100_000, engineGoal: 500, bridge: { goal: 25 } } as const;
const compiled = { operations: 2_000_000, engineGoal: 10, bridge: null } as const;

export const peers: readonly Peer[] = [
  {
    name: "nodejs-order-book",
    version: "10.1.1",
    licence: "MIT",
    toolchain: npm,
    engine: "nodejs-order-book",
    checks:
      "fields, duplicate ids; returns objects for makers and taker; self-trade prevention and journal off",
    ...interpreted,
  },
  {
    name: "hft-limit-order-book",
    version: "7.0.2",
    licence: "MIT",
    toolchain: npm,
    engine: "hft-limit-order-book",
    checks: "fields, duplicate ids; returns objects for makers and taker; journal off",
    ...interpreted,
  },
  {
    name: "exchange-core, book alone",
    version: "0.5.3",
    licence: "Apache-2.0",
    toolchain: maven,
    engine: "exchange-core-book",
    checks: "owner and id of an order; a chain of trade events; no risk, in the same thread",
    ...compiled,
  },
  {
    name: "exchange-core, stages called",
    version: "0.5.3",
    licence: "Apache-2.0",
    toolchain: maven,
    engine: "exchange-core-stages",
    checks: "also balances of a spot account held and settled, in the same thread",
    ...compiled,
  },
  {
    name: "exchange-core, pipeline",
    version: "0.5.3",
    licence: "Apache-2.0",
    toolchain: maven,
    engine: "exchange-core-pipeline",
    checks: "the same, and results delivered; a thread for each stage; journal off",
    ...compiled,
    // Its commands and results cross threads, as ours do on the bridge.
    bridge: { goal: null },
  },
  {
    name: "parity-match",
    version: "0.7.0",
    licence: "Apache-2.0",
    toolchain: maven,
    engine: "parity-match",
    checks: "nothing but the id; calls a listener for each add, cancel and trade",
    ...compiled,
  },
  {
    name: "orderbook-rs",
    version: "0.15.3",
    licence: "MIT",
    toolchain: cargo,
    engine: "orderbook-rs",
    checks:
      "duplicate ids, overflow of every sum, kill switch, time; trades with ids and times; safe for many threads; self-trade prevention, risk and listeners off",
    ...compiled,
  },
  {
    name: "lobster",
    version: "0.7.0",
    licence: "ISC",
    toolchain: cargo,
    engine: "lobster",
    checks: "nothing; returns a list of fills",
    ...compiled,
  },
];
