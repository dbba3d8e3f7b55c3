import { cellContactSubject, isToken } from "../../schemas/subjects.ts";
import type { Bus, Subscription } from "../kernel/ports/bus.ts";
import type { DurationNs } from "../kernel/units.ts";
import { decodeLease, encodeLease } from "./codec.ts";

/**
 * Whether a cell lives, asked of itself. Servers connect again one after the other when a partition heals:
 * for some seconds a cell may live and reach some regions, but not the one that leads the leases.
 */

/** Whoever holds a lease, in one life of its process. */
export interface LeaseHolder {
  readonly region: string;
  readonly cell: string;
  readonly incarnation: number;
}

/** Of a cell that is asked for another, which it has to ask in its turn. */
const directWithin = 400_000_000 as DurationNs;
const relayedWithin = 900_000_000 as DurationNs;
/** Cells that are asked besides the holder itself. */
const mostRelays = 4;
const nobody = new Uint8Array();

const encodeHolder = (holder: LeaseHolder): Uint8Array =>
  encodeLease({
    ...holder,
    node: "",
    renewal: 0,
    nonce: new Uint8Array(),
    fenced: false,
    released: false,
    actors: null,
  });

const isSame = (one: LeaseHolder | null, other: LeaseHolder): boolean =>
  one?.region === other.region && one.cell === other.cell && one.incarnation === other.incarnation;

async function ask(
  bus: Pick<Bus, "request">,
  { region, cell }: LeaseHolder,
  about: LeaseHolder,
  within: DurationNs,
): Promise<boolean> {
  // It comes off the wire: no name of ours has other characters.
  if (![region, cell].every(isToken)) return false;
  const reply = await bus.request(cellContactSubject(region, cell), encodeHolder(about), within);
  return reply.ok && isSame(decodeLease(reply.value), about);
}

/**
 * Answers for itself as long as this incarnation holds the lease of the cell, and for another cell when that
 * one answers it: who asks may be cut from the other, and see this one.
 */
export function answerContacts(
  bus: Pick<Bus, "serve" | "request">,
  self: LeaseHolder,
): Subscription {
  return bus.serve(cellContactSubject(self.region, self.cell), (request) => {
    const about = decodeLease(request.payload);
    if (about === null) request.respond(nobody);
    else if (about.region === self.region && about.cell === self.cell) {
      request.respond(encodeHolder(self));
    } else {
      void ask(bus, about, about, directWithin).then((lives) =>
        request.respond(lives ? encodeHolder(about) : nobody),
      );
    }
  });
}

/** Whether this very incarnation answers within a second, directly or to one of `others`. */
export async function answersContact(
  bus: Pick<Bus, "request">,
  holder: LeaseHolder,
  others: readonly LeaseHolder[],
): Promise<boolean> {
  const asked = others
    .filter(({ region, cell }) => region !== holder.region || cell !== holder.cell)
    .slice(0, mostRelays);
  const answers = [
    ask(bus, holder, holder, directWithin),
    ...asked.map((other) => ask(bus, other, holder, relayedWithin)),
  ];
  return await new Promise((resolve) => {
    let open = answers.length;
    for (const answer of answers) {
      void answer.then((lives) => {
        open -= 1;
        if (lives || open === 0) resolve(lives);
      });
    }
  });
}
