import { shardOfName } from "../control/placement.ts";
import type { ActorRef } from "../kernel/actor.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { riskLimitActor } from "../risk-limit/actor.ts";
import type { LimitDirectory } from "../risk-limit/directory.ts";
import { noLimits } from "../risk-limit/limits.ts";
import type { RiskLimitMessage, RiskLimitReply, RiskLimitStart } from "../risk-limit/messages.ts";
import { NamedResidents, type ResidentsOf } from "./named-residents.ts";
import { riskLimitChild } from "./tree.ts";

export type RiskLimit = ActorRef<RiskLimitMessage, RiskLimitReply>;
export type LimitResidents = NamedResidents<RiskLimitStart, RiskLimitMessage, RiskLimitReply>;

export const shardOfLimit = (name: string): number => shardOfName("risk-limit", name);

/**
 * The risk limits of a cell. They run unasked: what stands in them must be in the engines, and their
 * proposals lapse in time. Failure codes of `find`: not_owner, not_found, busy, unavailable.
 */
export function limitResidents(
  of: ResidentsOf,
  definition: ReturnType<typeof riskLimitActor>,
  directory: LimitDirectory,
): LimitResidents {
  const { region, base } = of;
  return new NamedResidents(of, {
    definition,
    supervisor: `${base}/risk`,
    startsAtOnce: 16,
    child: (name, incarnation) => riskLimitChild({ region, name, limits: noLimits, incarnation }),
    names: () => directory.names(),
    async ensure(name, mayMake) {
      const known = await (mayMake ? added(directory, name) : directory.has(name));
      if (!known.ok) return refuse("unavailable", known.failure.reason, known.failure.next);
      if (known.value) return ok(undefined);
      return refuse("not_found", `${name} has no limits`, "send define or set-limits first");
    },
  });
}

async function added(directory: LimitDirectory, name: string): Promise<Result<boolean>> {
  const made = await directory.add(name);
  return made.ok ? ok(true) : made;
}
