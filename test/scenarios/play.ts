import { spawn } from "node:child_process";
import { once } from "node:events";

import type { EngineEvent } from "../../actors/kernel/ports/matching-engine.ts";
import { unreachable } from "../../actors/kernel/result.ts";
import { Market } from "../../native/portable/market.ts";
import { readCommandFields, writeCommandFields } from "../../native/command-slots.ts";
import { EventReader } from "../../native/event-slots.ts";
import { SLOT_BYTES } from "../../native/slots.ts";
import type { CommandFields } from "../../native/command-slots.ts";
import { engineReplay } from "../differential/comparison.ts";
import type { Case } from "./case-files.ts";
import type { Command, ExpectedEvent } from "./scenario-language.ts";

/** What an engine said to one command, its orders by the names of the case. */
export interface Answer {
  readonly events: readonly ExpectedEvent[];
  readonly openOrders: number;
  readonly hasWork: boolean;
  readonly digest: bigint;
  /** Ids by name; valid until the next command. */
  readonly ids: ReadonlyMap<string, number>;
  /** A side of the lit book as `name lots@price`; null where the engine cannot tell. */
  book(side: "buy" | "sell"): readonly string[] | null;
}
/** Sees the answer to a command of a case before the next one is played. */
export type Judge = (index: number, answer: Answer) => void;

/** A timestamp of 8 bytes, then the command. */
const ENTRY_BYTES = 8 + SLOT_BYTES;
const HEADER_BYTES = 16;
const HAS_WORK = 2 ** 31;
const BOOK_SHOWN = 100;
/** Commands of a case; beyond it checks of the whole state would take minutes. */
const LONG_CASE = 5_000;
/** The twin checks its whole state after each of the first commands, later only at the end. */
const ALWAYS_VERIFIED = 200;

const emptyFields: CommandFields = readCommandFields(new DataView(new ArrayBuffer(SLOT_BYTES)), 0);

const commandsOf = (one: Case): Command[] =>
  one.lines().flatMap((line) => (line.is === "command" ? [line.command] : []));

/** Names by which a case speaks of orders and trades, learnt from the events. */
class Names {
  readonly ids = new Map<string, number>();
  readonly #names = new Map<number, string>();
  readonly #accounts = new Map<number, number>();
  /** Sequences of labelled commands. */
  readonly #sequences = new Map<string, number>();
  readonly #labels = new Map<number, string>();

  label(command: Command, sequence: number): void {
    if (command.label === null) return;
    this.#sequences.set(command.label, sequence);
    this.#labels.set(sequence, command.label);
  }

  learn(command: Command, event: EngineEvent): void {
    if (event.kind !== "accepted" && event.kind !== "replaced") return;
    this.#accounts.set(event.orderId, event.account);
    if (command.label === null) return;
    this.ids.set(command.label, event.orderId);
    this.#names.set(event.orderId, command.label);
  }

  order(id: number): string {
    return id === 0 ? "0" : (this.#names.get(id) ?? `order-${id}`);
  }

  trade(sequence: number, index: number): string {
    return `${this.#labels.get(sequence) ?? `sequence-${sequence}`}.${index}`;
  }

  step(sequence: number): string {
    return this.#labels.get(sequence) ?? `sequence-${sequence}`;
  }

  /** The command with ids in the place of names; a name that no order got leaves the id as it is. */
  resolve(command: Command): CommandFields {
    const fields = { ...emptyFields, ...command.fields };
    if (command.order !== null) {
      const id = this.ids.get(command.order);
      if (id === undefined) return fields;
      const account = command.takesAccount ? (this.#accounts.get(id) ?? 1) : fields.account;
      return { ...fields, orderId: BigInt(id), account };
    }
    if (command.trade !== null) {
      const { label, index } = command.trade;
      return { ...fields, orderId: BigInt(this.#sequences.get(label) ?? 0), quantity: index };
    }
    return fields;
  }
}

/** Plays a case through the twin; returns its commands as engine_replay reads them. */
export function playTwin(one: Case, judge: Judge): Uint8Array {
  const market = new Market();
  const names = new Names();
  const commands = commandsOf(one);
  const bytes = new Uint8Array(commands.length * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  let time = 0n;
  for (const [index, command] of commands.entries()) {
    time = command.time ?? time;
    const fields = names.resolve(command);
    view.setBigUint64(index * ENTRY_BYTES, time, true);
    writeCommandFields(view, index * ENTRY_BYTES + 8, fields);
    names.label(command, index + 1);
    const events = market.applyFields(fields, index + 1, time);
    for (const event of events) names.learn(command, event);
    if (index < ALWAYS_VERIFIED || index === commands.length - 1) {
      const fault = market.verify();
      if (fault !== null) throw new Error(`${one.name}: command ${index + 1}: ${fault}`);
    }
    judge(index, {
      events: events.map((event) => told(event, names)),
      openOrders: market.restingCount(),
      hasWork: market.hasWork(),
      digest: market.digest(),
      ids: names.ids,
      book: (side) =>
        market
          .restingOrders(side, BOOK_SHOWN)
          .map((order) => `${names.order(order.orderId)} ${order.remaining}@${order.price}`),
    });
  }
  return bytes;
}

/** A case with its commands, for the C++ engine, and who judges what it says. */
export interface NativeCase {
  readonly case: Case;
  readonly commands: Uint8Array;
  readonly judge: Judge;
}

/** Plays the cases through the C++ engine, each on a market of its own. */
export async function playNative(cases: readonly NativeCase[]): Promise<void> {
  const isLong = ({ commands }: NativeCase): boolean => commands.length > LONG_CASE * ENTRY_BYTES;
  await playBatch(
    cases.filter((one) => !isLong(one)),
    true,
  );
  await playBatch(cases.filter(isLong), false);
}

async function playBatch(cases: readonly NativeCase[], verify: boolean): Promise<void> {
  const output = await runReplay(
    cases.map(({ commands }) => commands),
    verify,
  );
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  const reader = new EventReader();
  let offset = 0;
  for (const { case: one, judge } of cases) {
    const names = new Names();
    for (const [index, command] of commandsOf(one).entries()) {
      names.label(command, index + 1);
      const count = view.getUint32(offset, true);
      const orders = view.getUint32(offset + 4, true);
      const digest = view.getBigUint64(offset + 8, true);
      offset += HEADER_BYTES;
      const events: ExpectedEvent[] = [];
      for (let event = 0; event < count; event += 1, offset += SLOT_BYTES) {
        const read = reader.read(view, offset);
        names.learn(command, read);
        events.push(told(read, names));
      }
      judge(index, {
        events,
        openOrders: orders % HAS_WORK,
        hasWork: orders >= HAS_WORK,
        digest,
        ids: names.ids,
        book: () => null,
      });
    }
  }
}

/** Output of engine_replay for the lists of commands, one after the other. */
async function runReplay(lists: readonly Uint8Array[], verify: boolean): Promise<Uint8Array> {
  const child = spawn(engineReplay, verify ? ["--verify"] : [], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const chunks: Buffer[] = [];
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  // A tool that ends early closes the pipe; its exit status says more than that.
  child.stdin.on("error", () => {});
  // An entry whose timestamp is all ones begins a new market.
  const newMarket = new Uint8Array(ENTRY_BYTES).fill(0xff);
  child.stdin.end(Buffer.concat(lists.flatMap((list) => [newMarket, list])));
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  if (code !== 0) throw new Error(`engine_replay ended with ${code ?? signal}: ${said.trim()}`);
  return Buffer.concat(chunks);
}

/** An event in the words of the scenarios, every field. */
function told(event: EngineEvent, names: Names): ExpectedEvent {
  const of = (kind: string, fields: Record<string, string | number>): ExpectedEvent => ({
    kind,
    fields: new Map(Object.entries(fields).map(([name, value]) => [name, String(value)])),
  });
  const yes = (value: boolean): string => (value ? "yes" : "no");
  const level = (quantity: number, price: number): string =>
    price === 0 && quantity === 0 ? "-" : `${quantity}@${price}`;
  switch (event.kind) {
    case "accepted":
      return of("accepted", {
        ...orderFields(event, names),
        type: event.orderType,
        link: names.order(event.linkedOrderId),
        trigger: event.trigger,
      });
    case "executed":
      return of("executed", {
        order: names.order(event.orderId),
        maker: names.order(event.makerOrderId),
        qty: event.quantity,
        price: event.price,
        rest: event.makerRemaining,
        dark: yes(event.makerWasDark),
        uncross: yes(event.atUncross),
        side: event.side,
        account: event.account,
        maker_account: event.makerAccount,
      });
    case "canceled":
      return of("canceled", { ...orderFields(event, names), reason: event.reason });
    case "reduced":
      return of("reduced", {
        ...orderFields(event, names),
        reason: event.reason,
        rest: event.remaining,
      });
    case "replaced":
      return of("replaced", {
        ...orderFields(event, names),
        type: event.orderType,
        old: names.order(event.replacedOrderId),
        rest: event.remaining,
        trigger: event.trigger,
      });
    case "refused":
      return of("refused", {
        reason: event.refusal,
        order: names.order(event.orderId),
        account: event.account,
      });
    case "repeated":
      return of("repeated", {
        refusal: event.refusal ?? "none",
        order: names.order(event.orderId),
        executed: event.executed,
        open: event.remaining,
        first: names.step(event.originalSequence),
      });
    case "configured":
      return of("configured", { low: event.bandLow, high: event.bandHigh });
    case "state_set":
      return of("state", { state: event.state });
    case "touch":
      return of("touch", {
        bid: level(event.bidQuantity, event.bidPrice),
        ask: level(event.askQuantity, event.askPrice),
      });
    case "rested":
      return of("rested", orderFields(event, names));
    case "triggered":
      return of("triggered", { ...orderFields(event, names), stop: event.stopPrice });
    case "activated":
      return of("activated", {
        ...orderFields(event, names),
        parent: names.order(event.parentOrderId),
      });
    case "repriced":
      return of("repriced", { ...orderFields(event, names), from: event.oldPrice });
    case "indicative":
      return of("indicative", {
        volume: event.volume,
        price: event.price,
        side: event.surplusSide,
        surplus: event.surplus,
      });
    case "limit_state":
      return of("limit_state", {
        phase: event.begins ? "begins" : "ends",
        side: event.side,
        price: event.price,
      });
    case "breaker_set":
      return of("breaker", { mode: event.mode, reference: event.reference, width: event.width });
    case "mass_canceled":
      return of("mass_canceled", {
        account: event.account,
        side: event.side ?? "any",
        filters: [
          ...(event.side === null ? [] : ["side"]),
          ...(event.byPrice ? ["prices"] : []),
          ...(event.byGroup ? ["group"] : []),
        ].join("+"),
      });
    case "limit_set":
      return of("limit_set", {
        account: event.account,
        which: event.limit,
        value: event.value,
        window: event.windowMs,
      });
    case "killed":
      return of(event.engaged ? "killed" : "released", { account: event.account });
    case "position_set":
      return of("position_set", { account: event.account, lots: event.position });
    case "busted":
    case "corrected":
      return of(event.kind, {
        trade: names.trade(event.tradeSequence, event.tradeIndex),
        buyer: event.buyer,
        seller: event.seller,
        price: event.price,
        qty: event.quantity,
        ...(event.kind === "corrected" ? { before: event.quantityBefore } : {}),
      });
    case "ticked":
    case "seeded":
      return of(event.kind, {});
    default:
      return unreachable(event);
  }
}

interface OrderEvent {
  readonly orderId: number;
  readonly account: number;
  readonly side: string;
  readonly price: number;
  readonly quantity: number;
}

const orderFields = (event: OrderEvent, names: Names): Record<string, string | number> => ({
  order: names.order(event.orderId),
  qty: event.quantity,
  price: event.price,
  side: event.side,
  account: event.account,
});
