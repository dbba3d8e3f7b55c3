import { shardOfName } from "../control/placement.ts";
import type { incidentActor } from "../incident/actor.ts";
import type { IncidentDirectory } from "../incident/directory.ts";
import type { IncidentMessage, IncidentReply, IncidentStart } from "../incident/messages.ts";
import { ok, refuse } from "../kernel/result.ts";
import { NamedResidents, type ResidentsOf } from "./named-residents.ts";
import { incidentChild } from "./tree.ts";

export type IncidentResidents = NamedResidents<IncidentStart, IncidentMessage, IncidentReply>;

export const shardOfIncident = (id: string): number => shardOfName("incident", id);

/**
 * The incidents of a cell. They run unasked: an unacknowledged page escalates whether anybody asks or not.
 * Failure codes of `find`: not_owner, not_found, busy, unavailable, too_many_incidents.
 */
export function incidentResidents(
  of: ResidentsOf,
  definition: ReturnType<typeof incidentActor>,
  directory: IncidentDirectory,
): IncidentResidents {
  const { region, base } = of;
  return new NamedResidents(of, {
    definition,
    supervisor: `${base}/incidents`,
    startsAtOnce: 1,
    child: (id, incarnation) => incidentChild({ region, id, incarnation }),
    names: () => directory.ids(),
    async ensure(id, mayMake) {
      const known = await directory.has(id);
      if (!known.ok) return refuse("unavailable", known.failure.reason, known.failure.next);
      if (known.value) return ok(undefined);
      if (mayMake) return directory.add(id);
      return refuse("not_found", `no incident ${id}`, "npx meridian incident list");
    },
  });
}
