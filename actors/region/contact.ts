import { cellContactSubject } from "../../schemas/subjects.ts";
import type { Bus, Subscription } from "../kernel/ports/bus.ts";
import type { DurationNs } from "../kernel/units.ts";
import { decodeLease, encodeLease } from "./codec.ts";
import type { CellIdentity } from "./lease.ts";

/**
 * Whether a cell lives, asked of itself. Servers connect again one after the other when a partition heals:
 * for some seconds a cell may live and reach every region but the one that leads the leases.
 */

/** Whoever holds a lease, in one life of its process. */
export interface LeaseHolder {
  readonly region: string;
  readonly cell: string;
  readonly incarnation: number;
}

const answerWithin = 500_000_000 as DurationNs;

/** Answers for as long as this incarnation holds the lease of the cell. */
export function answerContacts(
  bus: Pick<Bus, "serve">,
  identity: CellIdentity,
  incarnation: number,
): Subscription {
  const answer = encodeLease({
    ...identity,
    incarnation,
    renewal: 0,
    nonce: new Uint8Array(),
    fenced: false,
    released: false,
    actors: null,
  });
  return bus.serve(cellContactSubject(identity.region, identity.cell), ({ respond }) =>
    respond(answer),
  );
}

/** Whether this very incarnation answers within half a second. */
export async function answersContact(
  bus: Pick<Bus, "request">,
  { region, cell, incarnation }: LeaseHolder,
): Promise<boolean> {
  const reply = await bus.request(cellContactSubject(region, cell), new Uint8Array(), answerWithin);
  if (!reply.ok) return false;
  const found = decodeLease(reply.value);
  return found?.region === region && found.cell === cell && found.incarnation === incarnation;
}
