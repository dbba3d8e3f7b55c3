import { EVENT_SLOT_BYTES, RECORD_BYTES } from "../../actors/kernel/ports/matching-engine.ts";
import { engineSlots } from "../../actors/root/engine.ts";
import { layout } from "../../native/slots.ts";
import type { MarketDefinition } from "../../actors/region/messages.ts";
import { wire } from "../../schemas/messages.ts";
import { journalStream, journalSubject } from "../../schemas/subjects.ts";
import { type Truth, truthOf } from "./oracle.ts";
import type { Simulation } from "./simulation.ts";
import type { Acknowledgement } from "./trader.ts";

const slots = engineSlots();

/**
 * What must hold whatever has happened: one owner per epoch, no acknowledged command lost, changed or
 * executed twice, one order of commands per market, outputs only of what is in the journal, and the
 * same book wherever the same commands were applied.
 */
export function checkSafety(simulation: Simulation): readonly string[] {
  const violations: string[] = [];
  simulation.epochs = 0;
  for (const definition of simulation.markets) {
    const { market, group, shard } = definition;
    const store = simulation.jetstream.store(journalStream(group, shard));
    const digestsAt = new Set<number>();
    for (const cell of simulation.cells) {
      const matched = cell.opened.get(market)?.progress().matched;
      if (matched !== undefined) digestsAt.add(matched);
    }
    const truth = truthOf(definition, store.messages(journalSubject(market)), digestsAt);
    simulation.epochs += truth.holders.size;
    violations.push(
      ...truth.violations,
      ...acknowledgements(simulation, truth),
      ...books(simulation, truth),
      ...outputs(simulation, truth),
      ...makersBooks(simulation, truth, definition),
    );
  }
  return violations;
}

/** A market maker knows what it has bought and paid, whatever cells it has been in. */
function makersBooks(
  { makers }: Simulation,
  truth: Truth,
  { tick, lot }: MarketDefinition,
): string[] {
  const violations: string[] = [];
  for (const { books: told } of makers) {
    if (told === null || told.market !== truth.market) continue;
    let inventory = 0;
    let cash = 0n;
    for (const bytes of truth.events.values()) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let at = 0; at < bytes.length; at += EVENT_SLOT_BYTES) {
        const event = slots.read(view, at);
        if (event.kind !== "executed") continue;
        // `side` is the aggressor's.
        const sign = event.side === "buy" ? 1 : -1;
        const own =
          Number(event.account === told.account) - Number(event.makerAccount === told.account);
        inventory += own * sign * event.quantity * lot;
        cash -= BigInt(own * sign) * BigInt(event.price * tick) * BigInt(event.quantity * lot);
      }
    }
    const off = Math.abs(inventory - told.inventory);
    // A resend's first outcome names no prices: the maker counts it at its limit, which is never better.
    if (off <= told.doubtful && (told.doubtful > 0 || cash >= told.cash)) continue;
    violations.push(
      `${told.market}: the market maker of account ${told.account} says ${told.inventory} for ${told.cash} (${told.doubtful} in doubt), the journal ${inventory} for ${cash}`,
    );
  }
  return violations;
}

function acknowledgements(simulation: Simulation, truth: Truth): string[] {
  const violations: string[] = [];
  const held = new Lazy(() => commandsOnDisks(simulation, truth.market));
  for (const { acknowledged } of simulation.clients) {
    let before = 0;
    for (const ack of acknowledged) {
      if (ack.market !== truth.market || ack.mode === "matched" || ack.sequence === 0) continue;
      const key = `${ack.session}:${ack.number}`;
      const found = truth.outcomes.get(key);
      const name = `${ack.market}: ${ack.mode} command ${key} (sequence ${ack.sequence}, epoch ${ack.epoch}, at ${(ack.at / 1e9).toFixed(3)} s)`;
      if (found === undefined) {
        // What JetStream forgot is not lost while a log or a divergence report has it.
        const excused = simulation.options.faults.lostSuffixes > 0 && held.value.has(key);
        if (!excused) violations.push(`${name} is lost`);
        continue;
      }
      const difference = changed(ack, found);
      if (difference !== null) violations.push(`${name} was told otherwise: ${difference}`);
      if (ack.sequence <= before) violations.push(`${name} comes before an earlier one`);
      before = ack.sequence;
      const forgotten = simulation.options.faults.lostSuffixes > 0;
      if (ack.mode === "replicated" && !forgotten && !truth.holders.has(ack.epoch)) {
        violations.push(`${name} is of an epoch that nobody was given`);
      }
    }
  }
  return violations;
}

function changed(ack: Acknowledgement, found: wire.market.v1.IOutcome): string | null {
  const refusal = found.refusal?.code ?? "";
  // A repeated refusal does not name the order that the command was about.
  const orders = refusal === "" ? [ack.orderId, found.orderId ?? 0] : [0, 0];
  const told = [ack.sequence, orders[0], ack.executed, ack.refusal].join(" ");
  const held = [found.sequence ?? 0, orders[1], found.executed ?? 0, refusal].join(" ");
  return told === held ? null : `told ${told}, the journal says ${held}`;
}

/** Every engine that is open holds a prefix of the journal, and the book that follows from it. */
function books(simulation: Simulation, truth: Truth): string[] {
  const violations: string[] = [];
  for (const cell of simulation.cells) {
    const progress = cell.opened.get(truth.market)?.progress();
    if (progress === undefined || !cell.alive) continue;
    const expected = truth.digests.get(progress.matched);
    const who = `${truth.market} in ${cell.machine.name} at ${progress.matched}`;
    if (expected === undefined) {
      // An owner that is cut off may be ahead; in the end nobody is.
      violations.push(`${who}: the journal ends at ${truth.lastSequence}`);
    } else if (expected !== progress.digest) {
      violations.push(`${who}: digest ${progress.digest}, the journal gives ${expected}`);
    }
  }
  return violations;
}

/** Published events are those of the journal, byte for byte, and none is left out of a block. */
function outputs(simulation: Simulation, truth: Truth): string[] {
  if (simulation.options.mode !== "replicated") return [];
  // What JetStream forgot and a divergence report lists has been published in good faith.
  if (simulation.options.faults.lostSuffixes > 0 && simulation.quarantines > 0) return [];
  for (const payload of simulation.eventBlocks) {
    const block = wire.market.v1.EventBlock.decode(payload);
    if (block.market !== truth.market) continue;
    const bytes = Uint8Array.from(block.events);
    const view = new DataView(bytes.buffer);
    let follows: { readonly sequence: number; readonly index: number } | null = null;
    for (let at = 0; at < bytes.length; at += EVENT_SLOT_BYTES) {
      const { sequence, index, last } = slots.read(view, at);
      const what = `${truth.market}: a published event of sequence ${sequence}`;
      const events = truth.events.get(sequence);
      const expected = events?.subarray(index * EVENT_SLOT_BYTES, (index + 1) * EVENT_SLOT_BYTES);
      const published = bytes.subarray(at, at + EVENT_SLOT_BYTES);
      if (expected === undefined || Buffer.compare(expected, published) !== 0) {
        return [`${what} is not the journal's`];
      }
      if (follows !== null && (sequence !== follows.sequence || index !== follows.index)) {
        return [`${what} is not the journal's next one`];
      }
      follows = last ? { sequence: sequence + 1, index: 0 } : { sequence, index: index + 1 };
    }
  }
  return [];
}

/** Commands in any log or quarantine of any machine, by `session:number`. */
function commandsOnDisks(simulation: Simulation, market: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { machine } of simulation.cells) {
    for (const path of machine.disk.paths("")) {
      const ofMarket =
        path.startsWith(`cell/markets/${market}/`) ||
        path.startsWith(`cell/markets/${market}.diverged-`);
      if (!ofMarket || !/\.(log|records)$/.test(path)) continue;
      const bytes = machine.disk.read(path) ?? new Uint8Array(0);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
        const command = slots.command(view, at + layout.record.command);
        if (command !== null) found.add(`${command.session}:${command.number}`);
      }
    }
  }
  return found;
}

class Lazy<T> {
  readonly #make: () => T;
  #made: { readonly value: T } | null = null;

  constructor(make: () => T) {
    this.#make = make;
  }

  get value(): T {
    this.#made ??= { value: this.#make() };
    return this.#made.value;
  }
}
