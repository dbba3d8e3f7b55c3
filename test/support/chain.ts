import type { MemoryBroker } from "../../actors/bus/memory.ts";
import { chainStart, fold, type ChainState } from "../../actors/kernel/accepted-chain.ts";
import { decodeChainMessage } from "../../actors/market/codec.ts";

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
