import { useMemo } from "preact/hooks";

import { type NodeReply, nodeSource } from "../data/tree.ts";
import { now } from "../live/clock.ts";
import { regionOfPath } from "../data/tree-window.ts";
import { useSource } from "../live/source.ts";
import { StateBadge } from "../parts/badge.tsx";
import { ageText, dateTimeText, grouped, millisecondText } from "../parts/format.ts";
import { FailureNote } from "../parts/failure.tsx";
import { MachineDrawing } from "../parts/machine.tsx";
import { Age, Command, Facts } from "../parts/panel.tsx";
import { hrefOf } from "../router.ts";
import { ActorActions } from "./strategy-actions.tsx";

/** One node of the tree: what it is, what it does, and why it was restarted. `name`: region/cell/path. */
export function NodeDrawer({ name }: { name: string }) {
  const [region = "", cell = ""] = name.split("/");
  const path = name.slice(region.length + 1 + cell.length);
  const source = useMemo(() => nodeSource(region, cell, path), [name]);
  const { value, failure } = useSource(source);
  const steps = path.split("/").filter(Boolean);
  return (
    <>
      <h1>{steps.at(-1) ?? region}</h1>
      <p class="mono quiet">
        {path} <Age sources={[source]} />
      </p>
      {value === null && failure !== null && <FailureNote of={failure} />}
      {value !== null && <Details of={value} region={region} steps={steps} />}
      <section>
        <h2>The same by CLI</h2>
        <Command line={`npx meridian tree ${region} --filter ${steps.at(-1) ?? region}`} />
      </section>
    </>
  );
}

const spawnedUnder = new Set(["strategies", "executions"]);

function Details({
  of,
  region,
  steps,
}: {
  of: NodeReply;
  region: string;
  steps: readonly string[];
}) {
  const { node, spec, machine, active, transitions, ends, events, letters } = of;
  const id = steps.at(-1) ?? "";
  const spawned = spawnedUnder.has(steps.at(-2) ?? "") && !id.startsWith("flow-");
  return (
    <>
      <Facts
        of={[
          ["state", <StateBadge key="state" state={node?.state ?? ""} />],
          ["type", node?.type ?? ""],
          ["cell", node?.cell ?? ""],
          [
            "restarts",
            `${grouped(node?.restarts ?? 0)}, ${grouped(node?.recentRestarts ?? 0)} in 10 min`,
          ],
          ["mailbox", `${grouped(node?.mailbox ?? 0)} of ${grouped(spec?.mailboxCapacity ?? 0)}`],
          ["restarted", `${spec?.restart ?? ""}, stopped within ${spec?.shutdown ?? ""}`],
          ...((spec?.strategy ?? "") === ""
            ? []
            : ([
                [
                  "supervises",
                  `${spec?.strategy}, ${spec?.maximumRestarts} restarts in ${(spec?.withinMs ?? 0) / 1000} s`,
                ],
              ] as const)),
        ]}
      />
      {spawned && <ActorActions region={regionOfPath(node?.path ?? "", region)} id={id} />}
      {steps.at(-2) === "markets" && (
        <p>
          <a class="link" href={hrefOf(["markets", id])}>
            Open the market
          </a>
        </p>
      )}
      {(machine ?? []).length > 0 && (
        <section>
          <h2>State machine</h2>
          <MachineDrawing states={machine ?? []} active={active ?? []} />
        </section>
      )}
      {(ends ?? []).length > 0 && <WhyRestarted of={ends ?? []} />}
      {(transitions ?? []).length > 0 && (
        <section>
          <h2>Last transitions</h2>
          <ol class="trail">
            {[...(transitions ?? [])].reverse().map((each) => (
              <li key={`${each.atUnixMs} ${each.to}`}>
                <time class="mono quiet" title={dateTimeText(each.atUnixMs ?? 0)}>
                  {millisecondText(each.atUnixMs ?? 0)}
                </time>{" "}
                {each.from === "" ? "" : `${each.from} → `}
                <b>{each.to}</b> <span class="second">{each.cause}</span>
              </li>
            ))}
          </ol>
        </section>
      )}
      {(events ?? []).length > 0 && (
        <section>
          <h2>Last events</h2>
          <ol class="trail">
            {[...(events ?? [])].reverse().map((each) => (
              <li key={each.sequence}>
                <span class="mono quiet">{grouped(each.sequence ?? 0)}</span> <b>{each.type}</b>{" "}
                <span class="second">{each.detail}</span>
              </li>
            ))}
          </ol>
        </section>
      )}
      {(letters ?? []).length > 0 && (
        <section>
          <h2>Dead letters</h2>
          <ol class="trail">
            {[...(letters ?? [])].reverse().map((each) => (
              <li key={each.number}>
                <b>{each.reason}</b> <span class="second">{each.message}</span> {each.failure}
              </li>
            ))}
          </ol>
        </section>
      )}
    </>
  );
}

function WhyRestarted({ of }: { of: NonNullable<NodeReply["ends"]> }) {
  return (
    <section>
      <h2>Why restarted</h2>
      <ol class="trail">
        {[...of].reverse().map((each) => (
          <li key={each.atUnixMs}>
            <span class="fail">■ {each.kind}</span>{" "}
            <span class="quiet">{ageText(now.value - (each.atUnixMs ?? 0))} ago</span>
            <p>{each.failure}</p>
            {(each.during ?? "") !== "" && (
              <p class="second">
                during {each.during} {each.message}
              </p>
            )}
            {(each.because ?? "") !== "" && <p class="second">because of {each.because}</p>}
            {(each.stack ?? "") !== "" && (
              <details>
                <summary>chain of causes</summary>
                <pre>{each.stack}</pre>
              </details>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
