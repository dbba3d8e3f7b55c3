import { useMemo, useState } from "preact/hooks";

import { incidentSubject } from "../../../../schemas/subjects.ts";
import {
  type Act,
  actOn,
  type Incident,
  incidentCommand,
  incidentSource,
  isOpen,
} from "../data/incidents.ts";
import { actionId, perform } from "../live/actions.ts";
import { mayAsk } from "../live/permissions.ts";
import { useSource } from "../live/source.ts";
import { ActionButton } from "../parts/action-button.tsx";
import { Badge } from "../parts/badge.tsx";
import { FailureNote } from "../parts/failure.tsx";
import { dateTimeText, millisecondText } from "../parts/format.ts";
import { Age, Command, Facts } from "../parts/panel.tsx";
import { hrefOf } from "../router.ts";
import { incidentMeaning } from "./incident-table.tsx";
import { RunbookSection } from "./runbook.tsx";

/** One incident with its timeline, and what a person can do about it. `name`: region/id. */
export function IncidentDrawer({ name }: { name: string }) {
  const [region = "", id = ""] = name.split("/");
  const source = useMemo(() => incidentSource(region, id), [name]);
  const { value, failure } = useSource(source);
  return (
    <>
      <h1>{value?.finding?.title || id}</h1>
      <p class="quiet mono">
        {id} <Age sources={[source]} />
      </p>
      {value === null && failure !== null && <FailureNote of={failure} />}
      {value !== null && <Details of={value} region={region} id={id} />}
      <section>
        <h2>The same by CLI</h2>
        <Command line={incidentCommand("show", region, id)} />
      </section>
    </>
  );
}

function Details({ of, region, id }: { of: Incident; region: string; id: string }) {
  const { finding } = of;
  return (
    <>
      <p>
        <Badge is={incidentMeaning(of)}>{of.status}</Badge>{" "}
        <span class="second">{of.stands ? "what raised it stands" : "what raised it is over"}</span>
      </p>
      <Acts of={of} region={region} id={id} />
      <Facts
        of={[
          ["what", finding?.detail ?? ""],
          ["affects", `${finding?.affected ?? ""} ${finding?.subject ?? ""}`],
          ["severity", finding?.severity ?? ""],
          ["found by", finding?.source ?? ""],
          ["since", dateTimeText(of.raisedUnixMs ?? 0)],
          ["paged", (of.level ?? 0) === 0 ? "nobody" : `L${of.level}`],
          ["looked after by", of.acknowledgedBy || "nobody yet"],
        ]}
      />
      {(finding?.runbook ?? "") !== "" && <RunbookSection of={of} id={id} />}
      <section>
        <h2>Timeline</h2>
        <ol class="trail">
          {[...(of.timeline ?? [])].reverse().map((step, index) => (
            <li key={`${step.atUnixMs}/${index}`}>
              <time class="mono quiet" title={dateTimeText(step.atUnixMs ?? 0)}>
                {millisecondText(step.atUnixMs ?? 0)}
              </time>{" "}
              <b>{(step.type ?? "").replaceAll("_", " ")}</b>
              {(step.level ?? 0) > 0 && ` L${step.level}`}{" "}
              <span class="second">
                {[step.runbook, step.phase, step.detail, step.by === "" ? "" : `by ${step.by}`]
                  .filter((part) => (part ?? "") !== "")
                  .join(" · ")}
              </span>
            </li>
          ))}
        </ol>
      </section>
      <p>
        <a class="link" href={hrefOf(["audit"], { kind: "incident", target: id, region })}>
          Audit trail
        </a>
      </p>
    </>
  );
}

const words: Readonly<Record<Act, string>> = {
  acknowledge: "Acknowledge",
  escalate: "Escalate",
  resolve: "Resolve",
  review: "Review",
};

/** None of them does harm: who pages somebody needlessly hears of it. */
function Acts({ of, region, id }: { of: Incident; region: string; id: string }) {
  const [note, setNote] = useState("");
  const able: readonly Act[] = isOpen(of)
    ? [...(of.acknowledgedBy === "" ? (["acknowledge"] as const) : []), "escalate", "resolve"]
    : of.status === "resolved"
      ? ["review"]
      : [];
  if (able.length === 0) return null;
  return (
    <div class="stack">
      <label class="field">
        <span>Note, kept in the timeline</span>
        <input value={note} onInput={(event) => setNote(event.currentTarget.value)} />
      </label>
      <div class="buttons">
        {able.map((act) => (
          <ActionButton
            key={act}
            may={mayAsk(incidentSubject(region, id, act))}
            class={act === "acknowledge" ? "small primary" : "small"}
            onClick={() => {
              const commandId = actionId();
              void perform(
                `${act} ${id}`,
                incidentCommand(act, region, id, note),
                () => actOn(region, id, act, commandId, note),
                (after) => after.status ?? "done",
                commandId,
              );
              setNote("");
            }}
          >
            {words[act]}
          </ActionButton>
        ))}
      </div>
      <Command line={incidentCommand(able[0] ?? "escalate", region, id, note)} />
    </div>
  );
}
