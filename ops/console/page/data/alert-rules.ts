import { wire } from "../../../../schemas/messages.ts";

/** What is remembered of alerts. Pure. */

export interface Alert {
  /** Cell, market and time of beginning: the alert's name. */
  readonly id: string;
  readonly region: string;
  readonly cell: string;
  readonly market: string;
  readonly raisedAt: number;
  /** 0 while it stands. */
  readonly endedAt: number;
  readonly heardAt: number;
  readonly cause: string;
  readonly p50Ns: number;
  readonly usualP50Ns: number;
}

const remembered = 200;
/** A standing alert is told every ten seconds; one that is silent for longer is over or its cell is gone. */
export const forgottenAfterMs = 35_000;

export const stands = (alert: Alert, now: number): boolean =>
  alert.endedAt === 0 && now - alert.heardAt < forgottenAfterMs;

const { LatencyAlert } = wire.control.v1;

export function takeAlert(
  before: readonly Alert[],
  payload: Uint8Array,
  now: number,
): readonly Alert[] {
  const told = LatencyAlert.decode(payload);
  const id = `${told.cell}/${told.market}/${told.raisedUnixMs}`;
  const alert: Alert = {
    id,
    region: told.region,
    cell: told.cell,
    market: told.market,
    raisedAt: told.raisedUnixMs,
    endedAt: told.stands ? 0 : now,
    heardAt: now,
    cause: told.cause,
    p50Ns: told.p50Ns,
    usualP50Ns: told.usualP50Ns,
  };
  return [alert, ...before.filter((each) => each.id !== id)].slice(0, remembered);
}
