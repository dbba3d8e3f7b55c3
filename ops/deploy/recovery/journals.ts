import type { JetStreamManager } from "@nats-io/jetstream";

import type { NatsBus } from "../../../actors/bus/nats.ts";
import {
  type ChainMessage,
  type ChainState,
  HASH_BYTES,
  chainStart,
  fold,
} from "../../../actors/kernel/accepted-chain.ts";
import { wire } from "../../../schemas/messages.ts";

/** Reads of one journal that may fail, each after a second or more. */
const MOST_FAILURES = 30;

/** What is left of a market, and what nobody can exclude to be lost. */
export interface JournalLeft {
  readonly market: string;
  readonly epoch: number;
  /** Last record on the accepted chain. */
  readonly sequence: number;
  readonly hash: string;
  /** Stored messages that do not continue the chain. */
  readonly dropped: number;
  /** Who owned the market when the journal ended: region/cell#incarnation; empty when nobody has. */
  readonly holder: string;
  /** Highest epoch of any message, accepted or not. */
  readonly highestEpoch: number;
}

/** Folds every journal of a stream as each reader does. */
export async function readJournals(
  bus: NatsBus,
  manager: JetStreamManager,
  stream: string,
): Promise<readonly JournalLeft[]> {
  const info = await manager.streams.info(stream, { subjects_filter: "jrn.>" });
  const subjects = Object.keys(info.state.subjects ?? {}).sort();
  const left: JournalLeft[] = [];
  for (const subject of subjects) left.push(await readJournal(bus, stream, subject));
  return left;
}

async function readJournal(bus: NatsBus, stream: string, subject: string): Promise<JournalLeft> {
  const market = subject.slice("jrn.".length);
  let chain: ChainState = chainStart(market);
  let holder = "";
  let highestEpoch = 0;
  let failures = 0;
  for (let from = 1; ; ) {
    const read = await bus.journal.next(stream, subject, from);
    // The stream has just got its leader: it is asked until it answers.
    if (!read.ok) {
      failures += 1;
      if (failures > MOST_FAILURES) throw new Error(`${stream}: ${read.failure.reason}`);
      continue;
    }
    if (read.value === null) break;
    from = read.value.streamSequence + 1;
    const message = decode(read.value.payload);
    if (message === null) continue;
    highestEpoch = Math.max(highestEpoch, message.epoch);
    const verdict = fold(chain, message);
    chain = verdict.state;
    if (verdict.accepted && message.type === "fence") holder = message.holder;
  }
  return {
    market,
    epoch: chain.epoch,
    sequence: chain.lastSequence,
    hash: Buffer.from(chain.hash).toString("hex"),
    dropped: chain.dropped,
    holder,
    highestEpoch,
  };
}

/** Null for what is no message of a journal. */
function decode(payload: Uint8Array): ChainMessage | null {
  try {
    const { block, fence } = wire.market.v1.JournalMessage.decode(payload);
    const body = block ?? fence;
    const { previousHash, hash } = body ?? {};
    if (previousHash?.length !== HASH_BYTES || hash?.length !== HASH_BYTES) return null;
    const common = { market: body?.market ?? "", epoch: body?.epoch ?? 0, previousHash, hash };
    if (block) {
      const { first, last, records } = block;
      if (!records) return null;
      return { type: "block", ...common, first: first ?? 0, last: last ?? 0, records };
    }
    return { type: "fence", ...common, holder: fence?.holder ?? "", log: fence?.log ?? "" };
  } catch {
    return null;
  }
}
