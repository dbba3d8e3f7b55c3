import { holdingOf, type RiskLimitState } from "./decide.ts";
import { takenOf } from "./taken.ts";

/** Limits that have a running total; the others are about one order, or a window of time. */
export const limitKinds = ["open", "position", "loss"] as const;
export type LimitKind = (typeof limitKinds)[number];

export interface Utilisation {
  readonly stopped: boolean;
  /** Of what is allowed, 1 = all of it, more after a limit was tightened; null: not limited. */
  readonly used: Readonly<Record<LimitKind, number | null>>;
}

/** A use from which on people should know: the next orders may be refused. */
export const nearlyUsed = 0.9;

/** Pure. */
export function utilisationOf(state: RiskLimitState): Utilisation {
  const { maximumOpenQuantity, maximumPosition, maximumLoss } = state.limits;
  const { position, profit } = holdingOf(state);
  return {
    stopped: state.stopped !== "",
    used: {
      // The open quantity is the only one of them that allows nothing when it is 0.
      open: shareOf(takenOf(state), maximumOpenQuantity),
      position: maximumPosition === 0 ? null : shareOf(position, maximumPosition),
      loss: maximumLoss === 0 ? null : shareOf(Math.max(0, -profit), maximumLoss),
    },
  };
}

const shareOf = (used: number, limit: number): number =>
  limit === 0 ? Number(used > 0) : used / limit;

export interface UtilisationSummary {
  /** Risk limits that run here. */
  readonly limits: number;
  readonly stopped: number;
  readonly byKind: Readonly<
    Record<LimitKind, { readonly highest: number; readonly nearly: number }>
  >;
}

/** What the risk limits of a cell use, as each last said; bounded by those that run. */
export class RiskUtilisation {
  readonly #byLimit = new Map<string, Utilisation>();

  note(limit: string, used: Utilisation): void {
    this.#byLimit.set(limit, used);
  }

  forget(limit: string): void {
    this.#byLimit.delete(limit);
  }

  summary(): UtilisationSummary {
    const byKind = { open: none(), position: none(), loss: none() };
    let stopped = 0;
    for (const each of this.#byLimit.values()) {
      if (each.stopped) stopped += 1;
      for (const kind of limitKinds) {
        const used = each.used[kind] ?? 0;
        byKind[kind].highest = Math.max(byKind[kind].highest, used);
        if (used >= nearlyUsed) byKind[kind].nearly += 1;
      }
    }
    return { limits: this.#byLimit.size, stopped, byKind };
  }
}

const none = (): { highest: number; nearly: number } => ({ highest: 0, nearly: 0 });
