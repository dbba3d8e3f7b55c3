import { computed } from "@preact/signals";

import { ok, type Result } from "../../../../actors/kernel/result.ts";
import { wire } from "../../../../schemas/messages.ts";
import { decodeRefusal } from "../../../../schemas/sdk/codec.ts";
import { incidentSubject } from "../../../../schemas/subjects.ts";
import { access, person } from "../live/access.ts";
import { ask } from "../live/link.ts";
import { polled, type Source } from "../live/source.ts";

/** Incidents as the regions keep them, and what people do to them. */

export type Incident = wire.incident.v1.IIncident;

const { ListRequest, ListReply, DescribeRequest, ActRequest, IncidentReply } = wire.incident.v1;
const listEveryMs = 2_000;
const describeEveryMs = 1_000;
const actionTimeoutMs = 6_000;

const sources = new Map<string, Source<readonly Incident[]>>();

/** Of one region, those that are over as well: newest first. */
export function incidentsOf(region: string): Source<readonly Incident[]> {
  const known = sources.get(region);
  if (known !== undefined) return known;
  const made = polled<readonly Incident[]>(listEveryMs, () =>
    ask(
      incidentSubject(region, "all", "list"),
      ListRequest.encode({ closed: true }).finish(),
      (payload) => {
        const { refusal, incidents } = ListReply.decode(payload);
        const failure = decodeRefusal(refusal);
        return failure === null ? ok(incidents ?? []) : { ok: false, failure };
      },
    ),
  );
  sources.set(region, made);
  return made;
}

const over = new Set(["resolved", "reviewed"]);
export const isOpen = ({ status }: Incident): boolean => !over.has(status ?? "");

/** Of all regions that answer: what is open first, then by what happened last. */
export const incidents = computed<readonly Incident[]>(() =>
  (access.value?.regions ?? [])
    .flatMap((region) => incidentsOf(region).reading.value.value ?? [])
    .sort(
      (a, b) =>
        Number(isOpen(b)) - Number(isOpen(a)) || (b.updatedUnixMs ?? 0) - (a.updatedUnixMs ?? 0),
    ),
);

function decode(payload: Uint8Array): Result<Incident> {
  const { refusal, incident } = IncidentReply.decode(payload);
  const failure = decodeRefusal(refusal);
  return failure === null ? ok(incident ?? {}) : { ok: false, failure };
}

export const incidentSource = (region: string, id: string): Source<Incident> =>
  polled<Incident>(describeEveryMs, () =>
    ask(incidentSubject(region, id, "describe"), DescribeRequest.encode({}).finish(), decode),
  );

export const acts = ["acknowledge", "escalate", "resolve", "review"] as const;
export type Act = (typeof acts)[number];

export function actOn(
  region: string,
  id: string,
  act: Act,
  commandId: string,
  note: string,
): Promise<Result<Incident>> {
  const requestedBy = person.peek()?.name ?? "";
  const request = ActRequest.encode({ commandId, requestedBy, note }).finish();
  return ask(incidentSubject(region, id, act), request, decode, actionTimeoutMs);
}

export const incidentCommand = (act: Act | "show", region: string, id: string, note = ""): string =>
  `npx meridian incident ${act} ${id} --region ${region}${note === "" ? "" : ` --note '${note.replaceAll("'", "")}'`}${act === "show" ? "" : " --as operator"}`;
