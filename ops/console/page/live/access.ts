import { signal } from "@preact/signals";
import { fromSeed } from "@nats-io/nkeys";

import { type Failure, ok, refuse, type Result } from "../../../../actors/kernel/result.ts";
import type { Role } from "../../../deploy/roles.ts";
import { begunAccess } from "./begun.ts";

/** What the cell that served the page says of the cluster; never more than an observer may know. */
export interface Access {
  readonly profile: "demo" | "production";
  /** The region whose cell served the page. */
  readonly region: string;
  readonly regions: readonly string[];
  /** NATS over websocket: ws:// or wss:// of the region's own server first. */
  readonly websockets: readonly string[];
  readonly people: readonly {
    readonly name: string;
    readonly role: Role;
    readonly publicKey: string;
  }[];
  /** The observer's key, handed out on loopback in the demo profile only. */
  readonly observerSeed: string | null;
  readonly build: string;
}

/** Who the page acts as. */
export interface Person {
  readonly name: string;
  readonly role: Role;
  readonly seed: string;
}

export const access = signal<Access | null>(null);
export const person = signal<Person | null>(null);

const keptSeed = "meridian.seed";

/** Failure codes: unreachable. */
export async function readAccess(): Promise<Result<Access>> {
  const begun = await begunAccess();
  if (begun !== null) {
    access.value = begun;
    return ok(begun);
  }
  try {
    const reply = await fetch("/console/access", { cache: "no-store" });
    if (!reply.ok)
      return refuse("unreachable", `the cell answers ${reply.status}`, "reload in a moment");
    access.value = (await reply.json()) as Access;
    return ok(access.value);
  } catch (error) {
    return refuse(
      "unreachable",
      `the cell at ${location.host} does not answer: ${(error as Error).message}`,
      "npx meridian status tells which cells run",
    );
  }
}

/** The person of an nkey seed. Failure codes: seed_malformed, user_unknown. */
export function personOf(seed: string, of: Access): Result<Person> {
  const text = seed.trim();
  let publicKey: string;
  try {
    publicKey = fromSeed(new TextEncoder().encode(text)).getPublicKey();
  } catch {
    const failure = "this is no nkey seed: one begins with SU and has 58 characters";
    return refuse("seed_malformed", failure, "paste the content of the user's .nk file");
  }
  const found = of.people.find((candidate) => candidate.publicKey === publicKey);
  if (found === undefined) {
    return refuse(
      "user_unknown",
      `no user of this cluster has the key ${publicKey.slice(0, 8)}…`,
      "`npx meridian login operator` says where the seed of a user lies",
    );
  }
  return ok({ name: found.name, role: found.role, seed: text });
}

/** Who was signed in before a reload, else the observer that the demo hands out; null: somebody must sign in. */
export function firstPerson(of: Access): Person | null {
  const kept = sessionStorage.getItem(keptSeed);
  const seeds = [kept, of.observerSeed].filter((seed) => seed !== null);
  for (const seed of seeds) {
    const found = personOf(seed, of);
    if (found.ok) return found.value;
  }
  return null;
}

/** Acts as the person of the seed from now on; the seed is kept for this tab only. */
export function signIn(seed: string): Failure | null {
  if (access.value === null) return refuse("unreachable", "the cell has not answered yet").failure;
  const found = personOf(seed, access.value);
  if (!found.ok) return found.failure;
  sessionStorage.setItem(keptSeed, found.value.seed);
  person.value = found.value;
  return null;
}

/** Back to the observer, or to nobody. */
export function signOut(): void {
  sessionStorage.removeItem(keptSeed);
  person.value = access.value === null ? null : firstPerson(access.value);
}
