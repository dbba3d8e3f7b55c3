import { useMemo } from "preact/hooks";

import {
  type RiskLimit,
  riskSource,
  scopeText,
  type Utilisation,
  utilisationOf,
} from "../data/risk.ts";
import { regions } from "../data/status.ts";
import { treeView, windowRows } from "../data/tree.ts";
import { regionOfPath } from "../data/tree-window.ts";
import { useSource } from "../live/source.ts";
import { Badge } from "../parts/badge.tsx";
import { Bar } from "../parts/bar.tsx";
import { FailureNote } from "../parts/failure.tsx";
import { grouped, plural } from "../parts/format.ts";
import { Empty, Panel } from "../parts/panel.tsx";
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
          what={`No risk limit runs in ${region}${filter === "" ? "" : ` that is called like ${filter}`}.`}
          command="npx meridian account define desk-1 --scope desk --as operator"
        />
      )}
      {nodes.length > 0 && (
        <div class="scroll" tabIndex={0} role="group" aria-label={`risk limits of ${region}`}>
          <table class="dense">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col" class="wide-only">
                  Scope
                </th>
                <th scope="col">State</th>
                <th scope="col">
                  Open <span class="unit">lots / limit</span>
                </th>
                <th scope="col">
                  Position <span class="unit">lots / limit</span>
                </th>
                <th scope="col">
                  Loss <span class="unit">/ limit</span>
                </th>
                <th scope="col">Waits for</th>
              </tr>
            </thead>
            <tbody>
              {nodes.slice(0, mostRows).map((node) => (
                <RiskRow
                  key={node.path}
                  region={regionOfPath(node.path ?? "", region)}
                  at={region}
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

/** `at`: in whose cell it runs, after a failover another region's than its own. */
function RiskRow({ region, at, name }: { region: string; at: string; name: string }) {
  const source = useMemo(() => riskSource(region, name), [region, name]);
  const { value } = useSource(source);
  const open = `risk:${region}/${name}`;
  const used = value === null ? [] : utilisationOf(value);
  const cell = (title: string) =>
    value === null ? (
      <td class="quiet">–</td>
    ) : (
      <UsedCell of={used.find((each) => each.title === title)} />
    );
  return (
    <tr class={place.value.query["open"] === open ? "row selected" : "row"}>
      <td>
        <a data-row class="strong" href={hrefOf(["risk"], { ...place.value.query, open })}>
          {name}
        </a>
        {region !== at && <span class="quiet"> of {region}</span>}
      </td>
      <td class="second wide-only">{value === null ? "" : scopeText(value.scope)}</td>
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

export function RiskState({ of }: { of: RiskLimit | null }) {
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
