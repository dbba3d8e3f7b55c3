import { setTimeout as sleep } from "node:timers/promises";

import type { MemoryBroker } from "../../actors/bus/memory.ts";
import type { NatsBus } from "../../actors/bus/nats.ts";
import { chainStart, fold, type ChainState } from "../../actors/kernel/accepted-chain.ts";
import { RECORD_BYTES } from "../../actors/kernel/ports/matching-engine.ts";
import { decodeChainMessage } from "../../actors/market/codec.ts";
import { engineSlots } from "./market-cell.ts";

/** The accepted chain of everything on a market's journal, as any verifier reads it. */
export function readChain(broker: MemoryBroker, stream: string, subject: string): ChainState {
  let state = chainStart(subject.slice("jrn.".length));
  for (const { payload } of broker.messages(stream, subject)) {
    const message = decodeChainMessage(payload);
    state =
      message === null ? { ...state, dropped: state.dropped + 1 } : fold(state, message).state;
  }
  return state;
}

/** Folds the whole journal of real servers; for each number of the session the sequences it stands at. */
export async function readJournal(
  bus: NatsBus,
  stream: string,
  subject: string,
  session: number,
): Promise<{ readonly chain: ChainState; readonly numbers: Map<number, number[]> }> {
  let chain = chainStart(subject.slice("jrn.".length));
  const numbers = new Map<number, number[]>();
  for (let from = 1; ; ) {
    const read = await bus.journal.next(stream, subject, from);
    if (!read.ok) {
      await sleep(100);
      continue;
    }
    if (read.value === null) return { chain, numbers };
    from = read.value.streamSequence + 1;
    const message = decodeChainMessage(read.value.payload);
    if (message === null) throw new Error("not a journal message");
    const verdict = fold(chain, message);
    chain = verdict.state;
    if (!verdict.accepted || message.type !== "block") continue;
    const { records } = message;
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    for (let at = 0; at < records.length; at += RECORD_BYTES) {
      const command = engineSlots.command(view, at + RECORD_BYTES - 64);
      if (command === null || command.session !== session) continue;
      const sequence = message.first + at / RECORD_BYTES;
      numbers.set(command.number, [...(numbers.get(command.number) ?? []), sequence]);
    }
  }
}
