import { ok, type Result } from "../../../../actors/kernel/result.ts";
import { wire } from "../../../../schemas/messages.ts";
import { decodeRefusal } from "../../../../schemas/sdk/codec.ts";
import { operationsSubject } from "../../../../schemas/subjects.ts";
import { person } from "../live/access.ts";
import { ask } from "../live/link.ts";
import type { MarketStatus } from "./status.ts";

/** What a market is told to do; the answer is what it says of itself afterwards. */

const { MarketStateRequest, MarketPhaseRequest, MarketModeRequest, MarketReply } = wire.control.v1;
const { DurabilityMode } = wire.market.v1;
/** Done when it is in the journal of two regions. */
const timeoutMs = 15_000;

export interface Changed {
  readonly status: MarketStatus;
  readonly auditId: string;
}

const send = (
  region: string,
  verb: "market-halt" | "market-resume" | "market-phase" | "market-mode",
  request: Uint8Array,
): Promise<Result<Changed>> =>
  ask(
    operationsSubject(region, verb),
    request,
    (payload) => {
      const { refusal, market: status, auditId } = MarketReply.decode(payload);
      const failure = decodeRefusal(refusal);
      return failure === null
        ? ok({ status: status as MarketStatus, auditId })
        : { ok: false, failure };
    },
    timeoutMs,
  );

const requester = (): string => person.peek()?.name ?? "";

export function changeState(
  region: string,
  market: string,
  verb: "halt" | "resume",
  reason: string,
): Promise<Result<Changed>> {
  const request = MarketStateRequest.encode({ market, reason, requestedBy: requester() }).finish();
  return send(region, `market-${verb}`, request);
}

/** Phases that an operator calls; `open` uncrosses. */
export const phases = [
  "pre_open",
  "opening_auction",
  "volatility_auction",
  "closing_auction",
  "open",
  "closed",
] as const;
export type PhaseName = (typeof phases)[number];

export function changePhase(
  region: string,
  market: string,
  phase: PhaseName,
  reason: string,
): Promise<Result<Changed>> {
  const fields = { market, phase, reason, requestedBy: requester() };
  return send(region, "market-phase", MarketPhaseRequest.encode(fields).finish());
}

const modeNumbers = {
  matched: DurabilityMode.DURABILITY_MODE_MATCHED,
  durable: DurabilityMode.DURABILITY_MODE_DURABLE,
  replicated: DurabilityMode.DURABILITY_MODE_REPLICATED,
} as const;
/** The strongest promise first. */
export const modes = ["replicated", "durable", "matched"] as const;
export type ModeName = (typeof modes)[number];

export function changeMode(
  region: string,
  market: string,
  mode: ModeName,
  reason: string,
): Promise<Result<Changed>> {
  const fields = { market, mode: modeNumbers[mode], reason, requestedBy: requester() };
  return send(region, "market-mode", MarketModeRequest.encode(fields).finish());
}

/** What the command line is told; the words are its own. */
export const changeCommand = (words: string, reason: string): string =>
  `npx meridian market ${words}${reason === "" ? "" : ` --reason '${reason.replaceAll("'", "'\\''")}'`} --as operator`;
