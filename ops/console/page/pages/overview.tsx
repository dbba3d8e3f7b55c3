import { alerts } from "../data/alerts.ts";
import { incidents } from "../data/incidents.ts";
import { type Problem, problemsOf } from "../data/problems.ts";
import { markets, type RegionView, regions, stateOf } from "../data/status.ts";
import { now } from "../live/clock.ts";
import { Badge } from "../parts/badge.tsx";
import { ageText, grouped, plural } from "../parts/format.ts";
import { Panel } from "../parts/panel.tsx";
import { hrefOf } from "../router.ts";
import { OverviewCharts } from "./overview-charts.tsx";
import { MarketTable } from "./market-table.tsx";
import { regionMeaning } from "./region-meaning.ts";
import { Approvals } from "./regions.tsx";

export function Overview() {
  const problems = problemsOf(
    regions.value,
    markets.value,
    alerts.value,
    incidents.value,
    now.value,
  );
  const sources = regions.value.map(({ source }) => source);
  return (
    <div class="page overview">
      <h1 class="hidden-visually">Overview</h1>
      <Approvals />
      <Situation problems={problems} />
      <div class="cards">
        {regions.value.map((region) => (
          <RegionCard key={region.name} of={region} />
        ))}
      </div>
      <Panel title="Markets" of={sources} flush>
        <MarketTable />
      </Panel>
      <OverviewCharts />
    </div>
  );
}

/** The rest is on the page of incidents: the worst comes first, and the page stays one. */
const mostProblems = 4;

/** The first two seconds: what is wrong, in words. */
function Situation({ problems }: { problems: readonly Problem[] }) {
  const known = regions.value.filter(({ at }) => at > 0).length;
  if (problems.length === 0 && known === 0) {
    return (
      <p class="situation quiet">
        Waiting for the first answers of {plural(regions.value.length, "region")}.
      </p>
    );
  }
  if (problems.length === 0) {
    const open = markets.value.filter(({ status }) => stateOf(status) === "open").length;
    return (
      <p class="situation">
        <Badge is="ok">
          All {plural(known, "region")} serve, {open} of {plural(markets.value.length, "market")}{" "}
          open.
        </Badge>
      </p>
    );
  }
  return (
    <ul class="problems-list" aria-label="what is wrong">
      {problems.slice(0, mostProblems).map((problem) => (
        <li key={problem.id} class={`problem ${problem.is}`}>
          <Badge is={problem.is}>
            <b>{problem.title}</b>
          </Badge>
          <span class="second clip" title={problem.detail}>
            {problem.detail}
          </span>
          <a class="button small" href={hrefOf(problem.go, problem.query)}>
            {problem.verb}
          </a>
        </li>
      ))}
      {problems.length > mostProblems && (
        <li>
          <a class="link" href={hrefOf(["incidents"])}>
            {plural(problems.length - mostProblems, "more thing is wrong", "more things are wrong")}
          </a>
        </li>
      )}
    </ul>
  );
}

function RegionCard({ of }: { of: RegionView }) {
  const { name, status, source } = of;
  const [is, word] = regionMeaning(of, now.value);
  const led = markets.value.filter((each) => each.region === name);
  const refusals = Object.values(status?.refusals ?? {}).reduce((sum, count) => sum + count, 0);
  return (
    <Panel
      title={name}
      href={hrefOf(["regions", name])}
      of={source}
      flush
      class="region-card"
      aside={
        <span class="headline">
          <Badge is={is}>{word}</Badge>
        </span>
      }
    >
      <dl class="facts">
        <dt>leads</dt>
        <dd class="value">
          {led.length === 0 ? "no market" : led.map(({ market }) => market).join(", ")}
        </dd>
        <dt>cell</dt>
        <dd class="value">
          {status === null ? "–" : `${status.cell} · incarnation ${grouped(status.incarnation)}`}
        </dd>
        <dt>engine</dt>
        <dd class="value">
          {status === null
            ? "–"
            : `${status.engine} · NATS ${status.natsServer} ${status.natsState}`}
        </dd>
        <dt>up</dt>
        <dd class="value">{status === null ? "–" : ageText(now.value - status.startedUnixMs)}</dd>
        <dt>refused</dt>
        <dd class="value">
          {grouped(refusals)} outside markets · {plural(status?.deadLetters ?? 0, "dead letter")}
        </dd>
      </dl>
    </Panel>
  );
}
