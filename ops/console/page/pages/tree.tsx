import { useMemo } from "preact/hooks";

import { regions } from "../data/status.ts";
import { type TreeCounts, type TreeNode, treeView, windowRows } from "../data/tree.ts";
import { type Source, useSource } from "../live/source.ts";
import { Badge } from "../parts/badge.tsx";
import { grouped, plural } from "../parts/format.ts";
import { Age, Empty, Panel } from "../parts/panel.tsx";
import { amend, hrefOf, place } from "../router.ts";
import { marked, noNodes, useLastKnown, useRows } from "./tree-rows.tsx";

export function TreePage() {
  const { path, query } = place.value;
  const filter = query["filter"] ?? "";
  const only = path[1];
  const shown = regions.value.filter(({ name }) => only === undefined || name === only);
  return (
    <div class="page tree-page">
      <div class="page-head">
        <h1>Supervision tree</h1>
        <input
          data-filter
          class="mono filter"
          type="search"
          aria-label="filter the tree"
          placeholder="/failed  restarts>0  type:strategy  text"
          value={filter}
          onInput={(event) => amend({ filter: event.currentTarget.value, offset: null })}
        />
        <div class="buttons" role="group" aria-label="quick filters">
          {["/failed", "/restarting", "restarts>0", "mailbox>0"].map((each) => (
            <button
              key={each}
              type="button"
              class="small"
              aria-pressed={filter === each}
              onClick={() => amend({ filter: filter === each ? null : each, offset: null })}
            >
              {each}
            </button>
          ))}
        </div>
        {marked.value.size > 0 && (
          <span class="push">
            {plural(marked.value.size, "row")} marked{" "}
            <button
              type="button"
              class="small"
              onClick={() => {
                marked.value = new Set();
              }}
            >
              clear
            </button>
          </span>
        )}
      </div>
      {shown.map(({ name }) => (
        <RegionTree key={name} region={name} filter={filter} />
      ))}
      {only !== undefined && (
        <p class="quiet">
          Only {only} is shown.{" "}
          <a class="link" href={hrefOf(["tree"], { filter })}>
            All regions
          </a>
        </p>
      )}
    </div>
  );
}

function RegionTree({ region, filter }: { region: string; filter: string }) {
  const offset = Number(place.value.query["offset"] ?? 0) || 0;
  const source = useMemo(
    () =>
      treeView({
        region,
        cell: "",
        branch: "",
        children: filter === "",
        offset,
        filter,
        sort: "",
      }),
    [region, filter, offset],
  );
  const { value, failure } = useSource(source);
  const answered = useMemo(
    () => (value === null ? null : { reply: value, flat: filter !== "" }),
    [value, filter],
  );
  const shown = useLastKnown(answered);
  const nodes = (shown?.reply.nodes ?? noNodes) as readonly TreeNode[];
  const rows = useRows(nodes, { region, level: 1, flat: shown?.flat ?? false });
  const totals = value?.totals ?? null;
  const silent = (value?.cells ?? []).filter((cell) => (cell.silent ?? "") !== "");
  return (
    <Panel
      title={region}
      flush
      class="tree-panel"
      of={source}
      aside={totals === null ? undefined : <Totals of={totals} cells={value?.cells?.length ?? 0} />}
    >
      {silent.map((cell) => (
        <p key={cell.cell} class="note warn-note">
          <Badge is="warn">
            cell {cell.cell} does not tell of its tree: {cell.silent}
          </Badge>
        </p>
      ))}
      {value === null && failure !== null && (
        <Empty
          what={`The tree of ${region} cannot be read: ${failure.reason}`}
          command={`npx meridian tree ${region}`}
        />
      )}
      {value !== null && nodes.length === 0 && (
        <Empty
          what={`Nothing in ${region} is like ${filter}.`}
          command={`npx meridian tree ${region}`}
        />
      )}
      <div class="tree-row tree-head" aria-hidden="true">
        <span class="name">Actor</span>
        <span>State</span>
        <span>Below</span>
        <span class="number">Restarts</span>
        <span class="number">Mailbox</span>
        <span>Last failure</span>
      </div>
      <div
        class={value === null ? "scroll tree is-before" : "scroll tree"}
        role="tree"
        aria-label={`supervision tree of ${region}`}
        onKeyDown={onTreeKey}
      >
        {rows}
      </div>
      <Pager total={shown?.reply.total ?? 0} offset={offset} source={source} />
    </Panel>
  );
}

function Totals({ of, cells }: { of: TreeCounts; cells: number }) {
  const failed = of.failed ?? 0;
  const restarting = of.restarting ?? 0;
  const recent = of.recentRestarts ?? 0;
  return (
    <>
      <span class="second">{plural(of.nodes ?? 0, "actor")}</span>
      <span class="second">{plural(cells, "cell")}</span>
      {failed > 0 && <Badge is="fail">{grouped(failed)} failed</Badge>}
      {restarting > 0 && <Badge is="fail">{grouped(restarting)} restarting</Badge>}
      {recent > 0 && <Badge is="warn">{plural(recent, "restart")} in 10 min</Badge>}
    </>
  );
}

function Pager({
  total,
  offset,
  source,
}: {
  total: number;
  offset: number;
  source: Source<unknown>;
}) {
  if (total <= windowRows && offset === 0) return null;
  const last = Math.min(total, offset + windowRows);
  return (
    <div class="pager">
      <button
        type="button"
        class="small"
        disabled={offset === 0}
        onClick={() => amend({ offset: String(Math.max(0, offset - windowRows)) })}
      >
        earlier
      </button>
      <span class="mono">
        {grouped(offset + 1)}–{grouped(last)} of {grouped(total)}
      </span>
      <button
        type="button"
        class="small"
        disabled={last >= total}
        onClick={() => amend({ offset: String(offset + windowRows) })}
      >
        later
      </button>
      <Age sources={[source]} />
    </div>
  );
}

/** Arrow keys as well as letters; the rest of the keyboard is of the whole page. */
function onTreeKey(event: KeyboardEvent): void {
  const letters: Readonly<Record<string, string>> = {
    ArrowDown: "j",
    ArrowUp: "k",
    ArrowLeft: "h",
    ArrowRight: "l",
  };
  const letter = letters[event.key];
  if (letter === undefined) return;
  event.preventDefault();
  dispatchEvent(new KeyboardEvent("keydown", { key: letter }));
}
