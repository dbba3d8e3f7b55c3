import { setTimeout as delay } from "node:timers/promises";

import { MemoryBroker } from "../../actors/bus/memory.ts";
import type { Bus } from "../../actors/kernel/ports/bus.ts";
import { ok, refuse } from "../../actors/kernel/result.ts";
import { type SeededRandomness, seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { wire } from "../../schemas/messages.ts";
import { cellRegion, type MemoryCell, startMemoryCell } from "./memory-cell.ts";

/**
 * A market maker that is moved between cells while somebody trades with it: cells are cut off, stopped and
 * started, its market is started anew, replies and acknowledgements get lost. Nobody else trades, so what
 * the other side bought is what the maker must say it sold.
 */
export interface MovingMaker {
  readonly seed: number;
  readonly moves: number;
}

export interface Books {
  readonly maker: { readonly inventory: number; readonly cash: string };
  /** Quantity that the maker itself says it is not sure of: then the books may differ by it. */
  readonly doubtful: number;
  /** The other side of every trade, signs turned. */
  readonly expected: { readonly inventory: number; readonly cash: string };
  readonly trades: number;
  readonly incarnations: number;
  readonly lostReplies: number;
}

const { Side, OrderType, TimeInForce, BookRequest, BookReply, SubmitRequest, SubmitReply } =
  wire.market.v1;

/** The reply, in which the last outcomes are not known yet. */
function undecided(reply: Uint8Array, chance: SeededRandomness): Uint8Array {
  const { outcomes, durability, epoch } = SubmitReply.decode(reply);
  const known = chance.below(outcomes.length + 1);
  const refusal = { code: "not_durable", reason: "its journal is out of reach", next: "" };
  const told = outcomes.map((outcome, at) =>
    at < known ? outcome : { number: outcome.number ?? 0, refusal },
  );
  return SubmitReply.encode({ outcomes: told, durability, epoch }).finish();
}

const id = "mover";
const names = ["one", "two"] as const;

class World {
  readonly broker = new MemoryBroker();
  readonly random: SeededRandomness;
  readonly cells = new Map<string, MemoryCell>();
  lostReplies = 0;
  bought = 0;
  cash = 0n;
  trades = 0;
  /** No new order is sent. */
  done = false;
  /** Not even the fate of the last one is of interest. */
  failed = false;
  #number = 0;

  constructor(seed: number) {
    this.random = seededRandomness(seed);
    const chance = this.random.fork("appends");
    const faults = ["undecided_stored", "undecided_not_stored"] as const;
    this.broker.appendFault = (subject) => {
      if (!subject.startsWith("alog.") || chance.below(25) > 0) return null;
      return { fault: faults[chance.below(2)] ?? "undecided_stored", reason: "chance" };
    };
  }

  async start(name: string): Promise<MemoryCell> {
    const home = name === "home";
    const cell = await startMemoryCell({
      broker: this.broker,
      name,
      servesMarkets: home,
      ...(home ? { hosting: { capacity: 0 } } : { wrapBus: (bus) => this.#lossy(bus) }),
    });
    this.cells.set(name, cell);
    return cell;
  }

  /**
   * One reply in four to an order is lost, after the market has worked on it. Every other resend is told that the
   * market cannot say yet what became of the last orders, as one does whose journal is just out of reach.
   */
  #lossy(bus: Bus): Bus {
    const chance = this.random.fork(`replies/${this.cells.size}`);
    const lost = new Set<number>();
    return new Proxy(bus, {
      get: (target, name) => {
        if (name === "request") {
          return async (...asked: Parameters<Bus["request"]>) => {
            const reply = await target.request(...asked);
            if (!asked[0].endsWith(".submit")) return reply;
            const first = SubmitRequest.decode(asked[1]).commands?.[0]?.number ?? 0;
            if (chance.below(4) === 0) {
              this.lostReplies += 1;
              lost.add(first);
              return refuse("timeout", "the reply was lost", "");
            }
            if (!lost.delete(first) || !reply.ok || chance.below(2) === 0) return reply;
            return ok(undecided(reply.value, chance));
          };
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
  }

  get home(): MemoryCell {
    const home = this.cells.get("home");
    if (home === undefined) throw new Error("there is no home cell");
    return home;
  }

  /** Takes what rests on a random side, in orders that rest nowhere. */
  async trade(): Promise<void> {
    const chance = this.random.fork("orders");
    while (!this.done) {
      await delay(15);
      const subject = `cmd.${cellRegion}.TEST.book`;
      const bytes = await this.home.raw(subject, BookRequest.encode({ levels: 1 }).finish());
      if (bytes === null) continue;
      const { bids, asks } = BookReply.decode(bytes);
      const buys = chance.below(2) === 0;
      const price = (buys ? asks : bids)[0]?.price ?? 0;
      if (price === 0) continue;
      await this.#take(buys, price, 10 * (1 + chance.below(12)));
    }
  }

  async #take(buys: boolean, price: number, quantity: number): Promise<void> {
    this.#number += 1;
    const place = {
      side: buys ? Side.SIDE_BUY : Side.SIDE_SELL,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_IOC,
      price,
      quantity,
    };
    const command = { number: this.#number, account: 5, place };
    // Until there is an outcome: the market may be starting, and a resend has the first one.
    while (!this.failed) {
      const reply = await this.home
        .submit("TEST", { session: 99, commands: [command] })
        .catch(() => null);
      if (reply === null || reply.refusal) {
        await delay(20);
        continue;
      }
      const [outcome] = reply.outcomes;
      if (outcome?.repeated === true) throw new Error("the other side lost its own reply");
      for (const fill of outcome?.fills ?? []) {
        const value = BigInt(fill.price ?? 0) * BigInt(fill.quantity ?? 0);
        this.trades += 1;
        this.bought += buys ? (fill.quantity ?? 0) : -(fill.quantity ?? 0);
        this.cash += buys ? -value : value;
      }
      return;
    }
  }

  /** The cell in which the maker runs; null while nobody tells. */
  async where(): Promise<{ readonly cell: string; readonly incarnation: number } | null> {
    const { actor } = await this.ask("describe", { id });
    const quotes = actor?.strategy?.bid || actor?.strategy?.ask;
    return actor !== undefined && quotes ? actor : null;
  }

  async ask(verb: "describe" | "spawn" | "stop", request: object) {
    return await this.home
      .control(verb, request)
      .catch((): Awaited<ReturnType<MemoryCell["control"]>> => ({}));
  }

  /** Waits until the maker quotes. */
  async quoting(): Promise<{ readonly cell: string; readonly incarnation: number }> {
    const until = Date.now() + 20_000;
    while (Date.now() < until) {
      const found = await this.where();
      if (found !== null) return found;
      await delay(50);
    }
    const said = await this.ask("describe", { id });
    const status = await this.home.report();
    throw new Error(
      `the maker does not quote: ${JSON.stringify(said)}; market ${status.markets[0]?.state}: ${status.markets[0]?.detail}`,
    );
  }

  async move(cell: string): Promise<void> {
    const running = this.cells.get(cell);
    if (running === undefined) return;
    switch (this.random.below(3)) {
      case 0:
        // Cut off for longer than its lease, as a frozen process is; then it is back and knows of nothing.
        running.bus.setConnected(false);
        await delay(3_200);
        running.bus.setConnected(true);
        break;
      case 1:
        await running.stop();
        await this.start(cell);
        break;
      default: {
        const { system } = this.home.cell;
        await system.terminateChild(`/${cellRegion}/markets/TEST`);
        await system.restartChild(`/${cellRegion}/markets/TEST`);
      }
    }
  }
}

export async function moveMaker({ seed, moves }: MovingMaker): Promise<Books> {
  const world = new World(seed);
  const trading: Promise<void>[] = [];
  try {
    await (await world.start("home")).ready();
    for (const name of names) await world.start(name);
    const spawn = {
      key: id,
      type: "avellaneda-stoikov",
      parameters: {
        market: "TEST",
        account: "77",
        quantity: "100",
        maximumInventory: "100000",
        interval: "100",
        reference: "5000",
      },
    };
    for (;;) {
      const { actor } = await world.ask("spawn", spawn);
      if (actor !== undefined) break;
      await delay(50);
    }
    await world.quoting();
    trading.push(world.trade());
    let last = 0;
    for (let move = 0; move < moves; move += 1) {
      const { cell } = await world.quoting();
      await delay(world.random.below(600));
      await world.move(cell);
    }
    last = (await world.quoting()).incarnation;
    world.done = true;
    await Promise.all(trading);
    // An answer may be lost, come late, or say that its shard is between two cells; what counts is that it stops.
    for (const until = Date.now() + 30_000; ; ) {
      if (Date.now() > until) throw new Error("the maker does not stop");
      await world.ask("stop", { id });
      const { actor } = await world.ask("describe", { id });
      const { state, strategy } = actor ?? {};
      if (state === "stopped" && strategy !== undefined) {
        const { inventory, cash, doubtful } = strategy;
        return {
          doubtful,
          maker: { inventory, cash },
          expected: { inventory: -world.bought, cash: String(-world.cash) },
          trades: world.trades,
          incarnations: last,
          lostReplies: world.lostReplies,
        };
      }
      await delay(100);
    }
  } finally {
    world.done = true;
    world.failed = true;
    await Promise.all(trading);
    for (const cell of [...world.cells.values()].reverse()) await cell.stop();
  }
}

/** Throws when the books differ by more than the maker is unsure of. */
export function checkBooks({ maker, expected, doubtful }: Books, why: string): void {
  const off = Math.abs(maker.inventory - expected.inventory);
  if (doubtful === 0 ? off > 0 || maker.cash !== expected.cash : off > doubtful) {
    throw new Error(`${why}: ${JSON.stringify({ maker, expected, doubtful })}`);
  }
}
