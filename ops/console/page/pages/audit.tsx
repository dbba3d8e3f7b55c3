import { useMemo } from "preact/hooks";

import { ok, type Result } from "../../../../actors/kernel/result.ts";
import { patterns } from "../../../../schemas/subjects.ts";
import {
  type AuditEntry,
  type AuditFilter,
  type AuditWindow,
  auditWindow,
  readAudit,
} from "../data/audit.ts";
import { actions } from "../live/actions.ts";
import { access } from "../live/access.ts";
import { listen } from "../live/link.ts";
import { polled, type Source, useSource } from "../live/source.ts";
import { Badge } from "../parts/badge.tsx";
import { dateTimeText, grouped, millisecondText } from "../parts/format.ts";
import { Command, Empty, Facts, Panel } from "../parts/panel.tsx";
import { amend, hrefOf, place } from "../router.ts";

const names = ["user", "target", "kind", "action", "id"] as const;

/** Asked again at once when an entry is published, and now and then anyway. */
const everyMs = 5_000;

function trailSource(
  regions: readonly string[],
  filter: AuditFilter,
  before: number,
): Source<AuditWindow> {
  const source = polled<AuditWindow>(everyMs, () => readTrails(regions, filter, before));
  return {
    ...source,
    hold() {
      const release = source.hold();
      const ends = regions.map((region) =>
        listen(patterns.auditsOf(region), () => source.refresh()),
      );
      return () => {
        for (const end of ends) end();
        release();
      };
    },
  };
}

/** Of several regions as one: what one does not answer is missing, and pages are of one region only. */
async function readTrails(
  regions: readonly string[],
  filter: AuditFilter,
  before: number,
): Promise<Result<AuditWindow>> {
  const read = await Promise.all(regions.map((region) => readAudit(region, filter, before)));
  const [only] = read;
  if (read.length === 1 && only !== undefined) return only;
  const known = read.flatMap((one) => (one.ok ? [one.value] : []));
  if (known.length === 0 && only !== undefined) return only;
  const entries = known
    .flatMap((one) => one.entries)
    .sort((a, b) => (b.atUnixMs ?? 0) - (a.atUnixMs ?? 0));
  return ok({ entries, next: 0, dropped: known.reduce((sum, one) => sum + one.dropped, 0) });
}

export function AuditPage() {
  const { query } = place.value;
  const all = access.value?.regions ?? [];
  // Whoever comes to see what was done does not know yet in which region it was told.
  const region = query["region"] ?? "";
  const everywhere = region === "";
  const before = Number(query["before"] ?? 0) || 0;
  const filter = Object.fromEntries(
    names.map((name) => [name, query[name] ?? ""]),
  ) as unknown as AuditFilter;
  const key = JSON.stringify([region, filter, before]);
  const source = useMemo(
    () => trailSource(everywhere ? all : [region], filter, before),
    [key, all.join()],
  );
  const { value, failure } = useSource(source);
  const flags = names
    .filter((name) => filter[name] !== "")
    .map((name) => ` --${name === "action" ? "act" : name} ${filter[name]}`);
  return (
    <div class="page">
      <div class="page-head">
        <h1>Audit</h1>
        <select
          aria-label="region"
          value={region}
          onChange={(event) => amend({ region: event.currentTarget.value, before: null })}
        >
          <option value="">all regions</option>
          {all.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
        {names.map((name, index) => (
          <input
            key={name}
            class="mono audit-filter"
            aria-label={name}
            placeholder={name}
            value={filter[name]}
            data-filter={index === 0 ? "" : undefined}
            onChange={(event) => amend({ [name]: event.currentTarget.value, before: null })}
          />
        ))}
        <span class="push buttons">
          <button
            type="button"
            class="small"
            disabled={value === null}
            onClick={() => save(region || "all", value)}
          >
            Export
          </button>
        </span>
      </div>
      <Panel title={everywhere ? "Trail of all regions" : `Trail of ${region}`} of={source} flush>
        {value === null && failure !== null && (
          <Empty
            what={`The trail cannot be read: ${failure.reason}`}
            command="npx meridian audit"
          />
        )}
        {value !== null && value.entries.length === 0 && (
          <Empty
            what={`Nobody has told ${everywhere ? "any region" : region} to do anything${flags.length === 0 ? " yet" : " like that"}.`}
            command="npx meridian audit"
          />
        )}
        {value !== null && value.entries.length > 0 && <Trail of={value.entries} />}
        {value !== null && (before > 0 || value.next > 0) && (
          <div class="pager">
            <button
              type="button"
              class="small"
              disabled={before === 0}
              onClick={() => amend({ before: null })}
            >
              newest
            </button>
            <button
              type="button"
              class="small"
              disabled={value.next === 0}
              onClick={() => amend({ before: String(value.next) })}
            >
              older
            </button>
            <span class="quiet">windows of {auditWindow}</span>
          </div>
        )}
      </Panel>
      {everywhere && (value?.entries.length ?? 0) >= auditWindow && (
        <p class="quiet">
          The newest {auditWindow} of each region; choose a region to go further back.
        </p>
      )}
      <OwnActions />
      <Command
        line={`npx meridian audit${region === "" ? "" : ` --region ${region}`}${flags.join("")}`}
      />
    </div>
  );
}

function save(region: string, trail: AuditWindow | null): void {
  const text = (trail?.entries ?? []).map((entry) => JSON.stringify(entry)).join("\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: "application/x-ndjson" }));
  link.download = `audit-${region}-${new Date().toISOString().slice(0, 19)}.jsonl`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function Trail({ of }: { of: readonly AuditEntry[] }) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="audit trail">
      <table>
        <thead>
          <tr>
            <th scope="col">
              Time <span class="unit">UTC</span>
            </th>
            <th scope="col">Who</th>
            <th scope="col">Kind</th>
            <th scope="col">Action</th>
            <th scope="col">Target</th>
            <th scope="col">Outcome</th>
            <th scope="col" class="number">
              Took <span class="unit">ms</span>
            </th>
            <th scope="col">Id</th>
          </tr>
        </thead>
        <tbody>
          {of.map((entry) => (
            <tr key={entry.id} class="row">
              <td class="mono" title={dateTimeText(entry.atUnixMs ?? 0)}>
                {millisecondText(entry.atUnixMs ?? 0)}
              </td>
              <td>{entry.user || entry.requestedBy || "unknown"}</td>
              <td class="second">{entry.kind}</td>
              <td class="strong">{entry.action}</td>
              <td>{entry.target}</td>
              <td title={entry.detail ?? ""}>
                <Badge is={entry.outcome === "done" ? "ok" : "warn"}>
                  {entry.outcome?.replaceAll("_", " ")}
                </Badge>
              </td>
              <td class="number">{((entry.tookUs ?? 0) / 1_000).toFixed(1)}</td>
              <td>
                <a
                  data-row
                  class="mono link"
                  href={hrefOf(["audit"], {
                    ...place.value.query,
                    open: `audit:${entry.region}/${entry.id}`,
                  })}
                >
                  {entry.id}
                </a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What this page did, refusals included that never came to a cell. */
function OwnActions() {
  if (actions.value.length === 0) return null;
  return (
    <Panel title="Done on this page" flush>
      <div class="scroll" tabIndex={0} role="group" aria-label="done on this page">
        <table>
          <tbody>
            {actions.value.map((action) => (
              <tr key={action.id}>
                <td class="mono">{millisecondText(action.at)}</td>
                <td class="strong">{action.title}</td>
                <td>
                  <Badge
                    is={
                      action.state === "done" ? "ok" : action.state === "refused" ? "fail" : "info"
                    }
                  >
                    {action.state}
                  </Badge>
                </td>
                <td class="second">
                  {action.failure === null ? action.says : action.failure.reason}
                </td>
                <td>
                  <a class="mono link" href={hrefOf(["audit"], { id: action.audit || action.id })}>
                    {action.id}
                  </a>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

/** `name`: region/id. */
export function AuditDrawer({ name }: { name: string }) {
  const [region = "", id = ""] = name.split("/");
  const source = useMemo(
    () =>
      polled<AuditWindow>(60_000, () =>
        readAudit(region, { user: "", target: "", kind: "", action: "", id }, 0),
      ),
    [name],
  );
  const { value } = useSource(source);
  const entry = value?.entries[0];
  return (
    <>
      <h1>{entry === undefined ? id : `${entry.action} ${entry.target}`}</h1>
      {entry !== undefined && (
        <>
          <Badge is={entry.outcome === "done" ? "ok" : "warn"}>{entry.outcome}</Badge>
          {entry.detail !== "" && <p class="second">{entry.detail}</p>}
          <Facts
            of={[
              ["id", entry.id ?? ""],
              ["when", dateTimeText(entry.atUnixMs ?? 0)],
              ["user", entry.user || "unknown"],
              ["asked for by", entry.requestedBy ?? ""],
              ["cell", entry.cell ?? ""],
              ["took", `${grouped(entry.tookUs ?? 0)} µs`],
              ["sequence", grouped(entry.sequence ?? 0)],
            ]}
          />
          <section>
            <h2>The command</h2>
            <pre class="command-json">{pretty(entry.parameters ?? "")}</pre>
          </section>
        </>
      )}
      <section>
        <h2>The same by CLI</h2>
        <Command line={`npx meridian audit --region ${region} --id ${id}`} />
      </section>
    </>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
