import type { Acknowledgement } from "./ledger.ts";

/** How long a market did not serve, as its clients saw it; ms. */
export interface Times {
  /**
   * From the fault to the end of the first interruption that it caused, or from its end when the
   * interruption began only then; without one, to the first acknowledgement of a command that was sent
   * after the fault. Null: nothing was acknowledged any more.
   */
  readonly recoveryMs: number | null;
  /** The longest time without any acknowledgement, from the fault until everything is well. */
  readonly silenceMs: number;
}

/** So long without an answer to anybody is an interruption: clients send every few hundredths of a second. */
const INTERRUPTION_MS = 1_000;

/**
 * `acknowledged`: those of one market, in order of arrival; `from`: the fault, `over`: its end, `to`:
 * all is well.
 */
export function timesOf(
  acknowledged: readonly Pick<Acknowledgement, "at" | "sentAt">[],
  from: number,
  over: number,
  to: number,
): Times {
  let silenceMs = 0;
  let last = from;
  let interruption: number | null = null;
  for (const { at } of acknowledged) {
    if (at <= from || at > to) continue;
    silenceMs = Math.max(silenceMs, at - last);
    if (at - last >= INTERRUPTION_MS) interruption ??= at - (last < over ? from : over);
    last = at;
  }
  silenceMs = Math.max(silenceMs, to - last);
  // An answer that was on its way when the fault came is no sign of life.
  const first = acknowledged.find(({ at, sentAt }) => at > from && sentAt > from);
  const answered = first === undefined ? null : first.at - from;
  return { recoveryMs: interruption ?? answered, silenceMs };
}

/**
 * Of a fault that comes and goes, or only slows things down: it has no single interruption that a market
 * comes back from, and what counts is the longest one.
 */
export const ofUnsteady = (times: Times): Times =>
  times.recoveryMs === null ? times : { ...times, recoveryMs: times.silenceMs };
