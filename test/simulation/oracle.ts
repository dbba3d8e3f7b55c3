import { chainStart, fold } from "../../actors/kernel/accepted-chain.ts";
import type { StoredMessage } from "../../actors/kernel/ports/bus.ts";
import { EVENT_SLOT_BYTES, RECORD_BYTES } from "../../actors/kernel/ports/matching-engine.ts";
import { decodeChainMessage, type WireOutcome } from "../../actors/market/codec.ts";
import { applyToOutcome } from "../../actors/market/outcomes.ts";
import type { MarketDefinition } from "../../actors/region/messages.ts";
import { engineSlots } from "../../actors/root/engine.ts";
import { Market } from "../../native/portable/market.ts";
import { readRecordHeader, recordFault } from "../../native/records.ts";
import { readCommandFields } from "../../native/command-slots.ts";
import { layout } from "../../native/slots.ts";

/** What the journal of a market says in the end, told by nobody's actors: the judge of a run. */
export interface Truth {
  readonly market: string;
  readonly lastSequence: number;
  readonly dropped: number;
  /** Holder of each epoch's accepted fence. */
  readonly holders: ReadonlyMap<number, string>;
  /** First outcome of each command by `session:number`. */
  readonly outcomes: ReadonlyMap<string, WireOutcome>;
  /** Event slots of each sequence, one after the other. */
  readonly events: ReadonlyMap<number, Uint8Array>;
  /** Digest after each sequence that was asked for. */
  readonly digests: ReadonlyMap<number, string>;
  readonly violations: readonly string[];
}

const slots = engineSlots();

/** The records of the blocks that every reader accepts, in order. */
export function acceptedRecords(market: string, journal: readonly StoredMessage[]): Uint8Array {
  let chain = chainStart(market);
  const records: Uint8Array[] = [];
  for (const { payload } of journal) {
    const message = decodeChainMessage(payload);
    if (message === null) continue;
    const verdict = fold(chain, message);
    chain = verdict.state;
    if (verdict.accepted && message.type === "block") records.push(message.records);
  }
  return new Uint8Array(Buffer.concat(records));
}

/** Folds a journal from its start and plays what is accepted through the slow twin. */
export function truthOf(
  definition: MarketDefinition,
  journal: readonly StoredMessage[],
  digestsAt: ReadonlySet<number>,
): Truth {
  const { market } = definition;
  const violations: string[] = [];
  const holders = new Map<number, string>();
  const outcomes = new Map<string, WireOutcome>();
  const events = new Map<number, Uint8Array>();
  const digests = new Map<number, string>();
  const book = new Market();
  let chain = chainStart(market);
  let timestamp = 0n;

  function play(records: Uint8Array): void {
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    for (let at = 0; at < records.length; at += RECORD_BYTES) {
      const header = readRecordHeader(view, at);
      const fault = recordFault(view, at);
      if (fault !== null) {
        violations.push(
          `${market}: record ${header.sequence} of the journal is damaged (${fault})`,
        );
      }
      if (header.timestamp < timestamp) {
        violations.push(`${market}: time falls at sequence ${header.sequence}`);
      }
      timestamp = header.timestamp;
      const command = slots.command(view, at + layout.record.command);
      const fields = readCommandFields(view, at + layout.record.command);
      const told = book.applyFields(fields, header.sequence, header.timestamp);
      const bytes = new Uint8Array(told.length * EVENT_SLOT_BYTES);
      const slotView = new DataView(bytes.buffer);
      const outcome: WireOutcome = {};
      for (const [index, event] of told.entries()) {
        slots.encode(slotView, index * EVENT_SLOT_BYTES, event);
        applyToOutcome(outcome, event, definition);
      }
      events.set(header.sequence, bytes);
      if (digestsAt.has(header.sequence)) {
        digests.set(header.sequence, book.digest().toString(16).padStart(16, "0"));
      }
      if (command === null || command.session === 0 || outcome.repeated === true) continue;
      if (outcome.refusal?.code === "number_stale") continue;
      const key = `${command.session}:${command.number}`;
      if (outcomes.has(key)) violations.push(`${market}: command ${key} was executed twice`);
      outcomes.set(key, outcome);
    }
  }

  for (const { payload, streamSequence } of journal) {
    const message = decodeChainMessage(payload);
    if (message === null) {
      violations.push(`${market}: message ${streamSequence} is no journal message`);
      continue;
    }
    const verdict = fold(chain, message);
    chain = verdict.state;
    if (!verdict.accepted) continue;
    if (message.type === "block") {
      play(message.records);
      continue;
    }
    if (holders.has(message.epoch)) {
      violations.push(`${market}: epoch ${message.epoch} has two owners`);
    }
    holders.set(message.epoch, message.holder);
  }
  if (digestsAt.has(0)) digests.set(0, new Market().digest().toString(16).padStart(16, "0"));
  return {
    market,
    lastSequence: chain.lastSequence,
    dropped: chain.dropped,
    holders,
    outcomes,
    events,
    digests,
    violations,
  };
}
