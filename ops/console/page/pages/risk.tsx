import { useMemo, useState } from "preact/hooks";

import {
  approveRisk,
  resumeRisk,
  type RiskLimit,
  riskSource,
  riskSubject,
  scopeText,
  stopRisk,
  type Utilisation,
  utilisationOf,
} from "../data/risk.ts";
import { regions } from "../data/status.ts";
import { treeView, windowRows } from "../data/tree.ts";
import { actionId, perform } from "../live/actions.ts";
import { mayAsk } from "../live/permissions.ts";
import { useSource } from "../live/source.ts";
import { ActionButton } from "../parts/action-button.tsx";
import { Badge } from "../parts/badge.tsx";
import { Bar } from "../parts/bar.tsx";
import { ConfirmDialog } from "../parts/confirm.tsx";
import { FailureNote } from "../parts/failure.tsx";
import { grouped, plural } from "../parts/format.ts";
import { Age, Command, Empty, Facts, Panel } from "../parts/panel.tsx";
import { amend, hrefOf, place } from "../router.ts";

export function RiskPage() {
  const filter = place.value.query["filter"] ?? "";
  return (
    <div class="page">
      <div class="page-head">
        <h1>Risk</h1>
        <input
          data-filter
          class="mono filter"
          type="search"
          aria-label="filter risk limits"
          placeholder="part of a name"
          value={filter}
          onInput={(event) => amend({ filter: event.currentTarget.value })}
        />
      </div>
      {regions.value.map(({ name }) => (
        <RegionRisk key={`${name}/${filter}`} region={name} filter={filter} />
      ))}
    </div>
  );
}

/** Rows that are asked for their limits; the rest is found by the filter. */
const mostRows = 60;

function RegionRisk({ region, filter }: { region: string; filter: string }) {
  const source = useMemo(
    () =>
      treeView({
        region,
        cell: "",
        branch: "",
        children: false,
        offset: 0,
        filter: `type:risk-limit ${filter}`.trim(),
        sort: "",
      }),
    [region, filter],
  );
  const { value, failure } = useSource(source);
  const nodes = value?.nodes ?? [];
  return (
    <Panel
      title={region}
      of={source}
      flush
      aside={
        value === null ? undefined : <span class="second">{plural(value.total, "risk limit")}</span>
      }
    >
      {value === null && failure !== null && <FailureNote of={failure} />}
      {value !== null && nodes.length === 0 && (
        <Empty
          what={`No risk limit is active in ${region}${filter === "" ? "" : ` that is called like ${filter}`}.`}
          command="npx meridian account define desk-1 --scope desk --as operator"
        />
      )}
      {nodes.length > 0 && (
        <div class="scroll" tabIndex={0} role="group" aria-label={`risk limits of ${region}`}>
          <table>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Scope</th>
                <th scope="col">State</th>
                <th scope="col">
                  Open <span class="unit">lots, of the limit</span>
                </th>
                <th scope="col">
                  Position <span class="unit">lots, of the limit</span>
                </th>
                <th scope="col">
                  Loss <span class="unit">of the limit</span>
                </th>
                <th scope="col">Waits for</th>
              </tr>
            </thead>
            <tbody>
              {nodes.slice(0, mostRows).map((node) => (
                <RiskRow
                  key={node.path}
                  region={region}
                  name={(node.path ?? "").split("/").at(-1) ?? ""}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {(value?.total ?? 0) > mostRows && (
        <p class="tree-more">
          {plural(Math.min(value?.total ?? 0, windowRows) - mostRows, "more")}: filter by name, or
          look at the{" "}
          <a class="link" href={hrefOf(["tree", region], { filter: "type:risk-limit" })}>
            tree
          </a>
        </p>
      )}
    </Panel>
  );
}

function RiskRow({ region, name }: { region: string; name: string }) {
  const source = useMemo(() => riskSource(region, name), [region, name]);
  const { value } = useSource(source);
  const open = `risk:${region}/${name}`;
  const used = value === null ? [] : utilisationOf(value);
  const cell = (title: string) => <UsedCell of={used.find((each) => each.title === title)} />;
  return (
    <tr class={place.value.query["open"] === open ? "row selected" : "row"}>
      <td>
        <a data-row class="strong" href={hrefOf(["risk"], { ...place.value.query, open })}>
          {name}
        </a>
      </td>
      <td class="second">{value === null ? "" : scopeText(value.scope)}</td>
      <td>
        <RiskState of={value} />
      </td>
      {cell("open")}
      {cell("position")}
      {cell("loss")}
      <td>{value !== null && value.proposal !== "" && <Badge is="warn">a second person</Badge>}</td>
    </tr>
  );
}

function RiskState({ of }: { of: RiskLimit | null }) {
  if (of === null) return <Badge is="stale">not read yet</Badge>;
  if (of.stopped !== "") return <Badge is="fail">stopped: {of.stopped}</Badge>;
  return <Badge is="ok">takes orders</Badge>;
}

function UsedCell({ of }: { of: Utilisation | undefined }) {
  if (of === undefined) return <td class="quiet">not limited</td>;
  return (
    <td>
      <span class="with-bar">
        <Bar
          value={of.used}
          bound={of.limit}
          from="left"
          warn={of.limit > 0 && of.used >= 0.8 * of.limit}
          label={`${of.title} ${of.used} of ${of.limit} ${of.unit}`}
        />
        <span class="value">
          {grouped(of.used)} / {grouped(of.limit)}
        </span>
      </span>
    </td>
  );
}

/** `name`: region/name. */
export function RiskDrawer({ name: given }: { name: string }) {
  const [region = "", name = ""] = given.split("/");
  const source = useMemo(() => riskSource(region, name), [given]);
  const { value, failure } = useSource(source);
  return (
    <>
      <h1>{name}</h1>
      <p class="quiet">
        {region} <Age sources={[source]} />
      </p>
      {value === null && failure !== null && <FailureNote of={failure} />}
      {value !== null && (
        <>
          <RiskState of={value} />
          <RiskActions region={region} name={name} of={value} />
          <Facts
            of={[
              ["scope", scopeText(value.scope)],
              ["parent", value.parent || "none"],
              ["account", value.account === 0 ? "none" : grouped(value.account)],
              ["profit", grouped(value.profit)],
              ...utilisationOf(value).map(
                (each) =>
                  [
                    each.title,
                    `${grouped(each.used)} of ${grouped(each.limit)} ${each.unit}`,
                  ] as const,
              ),
            ]}
          />
          <section>
            <h2>Limits</h2>
            <Facts
              of={Object.entries({ ...value.limits }).map(
                ([limit, held]) => [words(limit), grouped(Number(held))] as const,
              )}
            />
          </section>
        </>
      )}
      <section>
        <h2>The same by CLI</h2>
        <Command line={`npx meridian account show ${name} --region ${region}`} />
        <Command
          line={`npx meridian account limit ${name} --set position=100 --region ${region} --as operator`}
        />
      </section>
    </>
  );
}

const words = (name: string): string => name.replaceAll(/([A-Z])/g, " $1").toLowerCase();

function RiskActions({ region, name, of }: { region: string; name: string; of: RiskLimit }) {
  const [asked, ask] = useState<"stop" | "resume" | null>(null);
  const [reason, setReason] = useState("");
  const may = (verb: string) => mayAsk(riskSubject(region, name, verb));
  const twin = (verb: string): string =>
    `npx meridian account ${verb} ${name} --region ${region}${verb === "stop" && reason !== "" ? ` --reason '${reason}'` : ""} --as operator`;
  return (
    <div class="buttons">
      {of.stopped === "" ? (
        <ActionButton may={may("stop")} class="small danger" onClick={() => ask("stop")}>
          Kill switch…
        </ActionButton>
      ) : (
        <ActionButton may={may("resume")} class="small" onClick={() => ask("resume")}>
          Resume…
        </ActionButton>
      )}
      {of.proposal !== "" && (
        <ActionButton
          may={may("approve")}
          class="small"
          onClick={() => {
            const id = actionId();
            void perform(
              `approve ${of.proposal}`,
              `npx meridian account approve ${name} ${of.proposal} --region ${region} --as approver`,
              () => approveRisk(region, name, id, of.proposal),
              () => "approved",
              id,
            );
          }}
        >
          Approve {of.proposal}
        </ActionButton>
      )}
      {asked !== null && (
        <ConfirmDialog
          title={asked === "stop" ? `Stop ${name}` : `Resume ${name}`}
          typed={name}
          verb={asked === "stop" ? "Stop it" : "Ask for it"}
          command={twin(asked)}
          onClose={() => ask(null)}
          run={() => {
            const id = actionId();
            return perform(
              `${asked} ${name}`,
              twin(asked),
              () =>
                asked === "stop"
                  ? stopRisk(region, name, id, reason)
                  : resumeRisk(region, name, id),
              (after) =>
                after.proposal === ""
                  ? "done"
                  : `waits for a second person, proposal ${after.proposal}`,
              id,
            );
          }}
        >
          {asked === "stop" ? (
            <>
              <ul class="effects">
                <li>No order of {name}, and of what is below it, is taken from now on.</li>
                <li>
                  {plural(of.reserved, "lot")} are open now; what rests in a book is canceled there.
                </li>
                <li>Taking orders again needs a second person.</li>
              </ul>
              <label class="field">
                <span>Reason, for the audit trail</span>
                <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
              </label>
            </>
          ) : (
            <p>
              It was stopped: {of.stopped}. It takes orders again when a second person has approved
              this.
            </p>
          )}
        </ConfirmDialog>
      )}
    </div>
  );
}
