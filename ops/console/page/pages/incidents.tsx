import { stands } from "../data/alert-rules.ts";
import { alerts } from "../data/alerts.ts";
import { incidents } from "../data/incidents.ts";
import { problemsOf } from "../data/problems.ts";
import { markets, regions } from "../data/status.ts";
import { now } from "../live/clock.ts";
import { Badge } from "../parts/badge.tsx";
import { ageText, dateTimeText, durationText, timeText } from "../parts/format.ts";
import { Command, Empty, Panel } from "../parts/panel.tsx";
import { hrefOf } from "../router.ts";
import { IncidentPanel } from "./incident-table.tsx";
import { Approvals } from "./regions.tsx";

export function IncidentsPage() {
  const problems = problemsOf(
    regions.value,
    markets.value,
    alerts.value,
    incidents.value,
    now.value,
  );
  const sources = regions.value.map(({ source }) => source);
  return (
    <div class="page">
      <div class="page-head">
        <h1>Incidents</h1>
      </div>
      <Approvals />
      <Panel title="Wrong now" of={sources} flush>
        {problems.length === 0 ? (
          <Empty what={<Badge is="ok">Nothing is wrong.</Badge>} command="npx meridian doctor" />
        ) : (
          <ul class="problems-list padded">
            {problems.map((problem) => (
              <li key={problem.id} class={`problem ${problem.is}`}>
                <Badge is={problem.is}>
                  <b>{problem.title}</b>
                </Badge>
                <span class="second clip" title={problem.detail}>
                  {problem.detail}
                </span>
                <a data-row class="button small" href={hrefOf(problem.go, problem.query)}>
                  {problem.verb}
                </a>
              </li>
            ))}
          </ul>
        )}
      </Panel>
      <IncidentPanel />
      <Panel title="Alerts since the page was loaded" flush>
        {alerts.value.length === 0 ? (
          <Empty what="No alert was heard. They come over alert.<region>.> and are kept here while the page is open." />
        ) : (
          <AlertTable />
        )}
      </Panel>
      <Command line="npx meridian incident list --all" />
    </div>
  );
}

function AlertTable() {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="alerts">
      <table>
        <thead>
          <tr>
            <th scope="col">
              Since <span class="unit">UTC</span>
            </th>
            <th scope="col">State</th>
            <th scope="col">Region</th>
            <th scope="col">Market</th>
            <th scope="col">Cause</th>
            <th scope="col" class="number">
              Median
            </th>
            <th scope="col" class="number">
              Usually
            </th>
            <th scope="col" class="number">
              Lasted
            </th>
          </tr>
        </thead>
        <tbody>
          {alerts.value.map((alert) => {
            const standing = stands(alert, now.value);
            const until = standing ? now.value : alert.endedAt || alert.heardAt;
            return (
              <tr key={alert.id} class="row">
                <td class="mono" title={dateTimeText(alert.raisedAt)}>
                  {timeText(alert.raisedAt)}
                </td>
                <td>
                  <Badge is={standing ? "warn" : "stale"}>
                    {standing ? "stands" : alert.endedAt > 0 ? "over" : "not heard any more"}
                  </Badge>
                </td>
                <td>{alert.region}</td>
                <td>
                  <a data-row class="strong" href={hrefOf(["markets", alert.market])}>
                    {alert.market}
                  </a>
                </td>
                <td>{alert.cause.replaceAll("_", " ")}</td>
                <td class="number">{durationText(alert.p50Ns)}</td>
                <td class="number">{durationText(alert.usualP50Ns)}</td>
                <td class="number">{ageText(until - alert.raisedAt)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
