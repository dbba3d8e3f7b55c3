import { type Incident, incidents, incidentsOf, isOpen } from "../data/incidents.ts";
import { access } from "../live/access.ts";
import { now } from "../live/clock.ts";
import { Badge, type Meaning } from "../parts/badge.tsx";
import { ageText, dateTimeText, timeText } from "../parts/format.ts";
import { Empty, Panel } from "../parts/panel.tsx";
import { hrefOf, place } from "../router.ts";

/** What a status means to whoever comes to help. */
export const incidentMeaning = (of: Incident): Meaning => {
  if (!isOpen(of)) return "stale";
  if (of.status === "mitigated") return "ok";
  // A ticket pages nobody: it is wrong, and can wait for the day.
  return of.status === "acknowledged" || of.finding?.severity === "ticket" ? "warn" : "fail";
};

export function IncidentPanel() {
  const regions = access.value?.regions ?? [];
  const sources = regions.map(incidentsOf);
  const failures = sources.map((source) => source.reading.value.failure);
  const silent = sources.length > 0 && failures.every((failure) => failure !== null);
  const open = incidents.value.filter(isOpen).length;
  return (
    <Panel
      title="Incidents"
      of={sources}
      flush
      aside={<span class="second">{open === 0 ? "none open" : `${open} open`}</span>}
    >
      {incidents.value.length === 0 ? (
        <Empty
          what={
            silent
              ? `No region tells of incidents: ${failures[0]?.reason ?? ""}`
              : "There has been no incident. A cell that dies, a market that fails, a disk that fills becomes one."
          }
          command="npx meridian incident list --all"
        />
      ) : (
        <IncidentTable />
      )}
    </Panel>
  );
}

function IncidentTable() {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="table of incidents">
      <table>
        <thead>
          <tr>
            <th scope="col">
              Since <span class="unit">UTC</span>
            </th>
            <th scope="col">Status</th>
            <th scope="col">What</th>
            <th scope="col">Affects</th>
            <th scope="col">Paged</th>
            <th scope="col">Looked after by</th>
            <th scope="col">Runbook</th>
          </tr>
        </thead>
        <tbody>
          {incidents.value.map((each) => (
            <Row key={`${each.region}/${each.id}`} of={each} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ of }: { of: Incident }) {
  const open = `incident:${of.region}/${of.id}`;
  const { finding } = of;
  const escalates = of.escalatesUnixMs ?? 0;
  return (
    <tr class={place.value.query["open"] === open ? "row selected" : "row"}>
      <td class="mono" title={dateTimeText(of.raisedUnixMs ?? 0)}>
        {timeText(of.raisedUnixMs ?? 0)}
      </td>
      <td>
        <Badge is={incidentMeaning(of)}>{of.status}</Badge>
        {(of.occurrence ?? 0) > 1 && <span class="quiet"> × {of.occurrence}</span>}
      </td>
      <td title={finding?.detail ?? ""}>
        <a data-row class="strong" href={hrefOf(["incidents"], { ...place.value.query, open })}>
          {finding?.title || of.id}
        </a>
      </td>
      <td>{finding?.affected}</td>
      <td>
        {(of.level ?? 0) === 0 ? <span class="quiet">nobody</span> : `L${of.level}`}
        {escalates > now.value && (
          <span class="warn mono"> next in {ageText(escalates - now.value)}</span>
        )}
      </td>
      <td>{of.acknowledgedBy || <span class="quiet">nobody yet</span>}</td>
      <td class="mono">{finding?.runbook}</td>
    </tr>
  );
}
