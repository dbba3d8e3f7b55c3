import { alerts } from "../data/alerts.ts";
import { type Problem, problemsOf, silentAfterMs } from "../data/problems.ts";
import {
  histories,
  type MarketView,
  markets,
  type RegionView,
  regions,
  remembered,
} from "../data/status.ts";
import { now } from "../live/clock.ts";
import { Badge, type Meaning, StateBadge } from "../parts/badge.tsx";
import { ageText, durationText, grouped, plural, priceText, rateText } from "../parts/format.ts";
import { Empty, Panel } from "../parts/panel.tsx";
import { Sparkline } from "../parts/sparkline.tsx";
import { hrefOf } from "../router.ts";

export function Overview() {
  const problems = problemsOf(regions.value, markets.value, alerts.value, now.value);
  const sources = regions.value.map(({ source }) => source);
  return (
    <div class="page overview">
      <Situation problems={problems} />
      <div class="cards">
        {regions.value.map((region) => (
          <RegionCard key={region.name} of={region} />
        ))}
      </div>
      <Panel title="Markets" of={sources} flush>
        <MarketTable />
      </Panel>
    </div>
  );
}

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
    const open = markets.value.filter(({ status }) => status.state === "open").length;
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
      {problems.map((problem) => (
        <li key={problem.id} class={`problem ${problem.is}`}>
          <Badge is={problem.is}>
            <b>{problem.title}</b>
          </Badge>
          <span class="second clip">{problem.detail}</span>
          <a class="button small" href={hrefOf(problem.go)}>
            {problem.verb}
          </a>
        </li>
      ))}
    </ul>
  );
}

export function regionMeaning(region: RegionView): readonly [Meaning, string] {
  if (region.at === 0) return ["stale", "no answer yet"];
  const age = now.value - region.at;
  if (age > silentAfterMs) return ["fail", `silent since ${ageText(age)}`];
  if (region.status?.ready === true) return ["ok", "serves"];
  return ["warn", "takes no orders"];
}

function RegionCard({ of }: { of: RegionView }) {
  const { name, status, source } = of;
  const [is, word] = regionMeaning(of);
  const led = markets.value.filter((each) => each.region === name);
  const refusals = Object.values(status?.refusals ?? {}).reduce((sum, count) => sum + count, 0);
  return (
    <Panel
      title={name}
      of={source}
      flush
      class="region-card"
      aside={
        <a class="button small plain accent" href={hrefOf(["regions", name])}>
          open
        </a>
      }
    >
      <p class="headline">
        <Badge is={is}>{word}</Badge>
      </p>
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

export function MarketTable() {
  void remembered.value;
  if (markets.value.length === 0) {
    return (
      <Empty
        what="No market is known. A file in regions/<home>/markets/ makes one, or this command:"
        command="npx meridian market create BTC-EUR --home eu-central --as operator"
      />
    );
  }
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="table of markets">
      <table>
        <thead>
          <tr>
            <th scope="col">Market</th>
            <th scope="col">State</th>
            <th scope="col">Led by</th>
            <th scope="col">Mode</th>
            <th scope="col" class="number">
              Last
            </th>
            <th scope="col" class="number">
              Spread
            </th>
            <th scope="col" class="number">
              Orders <span class="unit">/s</span>
            </th>
            <th scope="col">Last minute</th>
            <th scope="col" class="number">
              Trades <span class="unit">/s</span>
            </th>
            <th scope="col" class="number">
              Ack p50
            </th>
            <th scope="col" class="number">
              p99
            </th>
            <th scope="col" class="number">
              p99.9
            </th>
            <th scope="col" class="number">
              Service p99
            </th>
            <th scope="col" class="number">
              Refused
            </th>
            <th scope="col" class="number">
              Restarts
            </th>
          </tr>
        </thead>
        <tbody>
          {markets.value.map((each) => (
            <MarketRow key={each.market} of={each} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function MarketRow({ of }: { of: MarketView }) {
  const { market, region, status } = of;
  const history = histories.get(market);
  const decimals = status.definition?.priceDecimals ?? 0;
  const { touch } = status;
  const twoSided = touch != null && (touch.bidPrice ?? 0) > 0 && (touch.askPrice ?? 0) > 0;
  const middle = twoSided ? ((touch.bidPrice ?? 0) + (touch.askPrice ?? 0)) / 2 : 0;
  const ack = status.acknowledgement;
  const refused = Object.values(status.refusals ?? {}).reduce((sum, count) => sum + count, 0);
  const latency = (ns: number | null | undefined): string => (ns ? durationText(ns) : "–");
  return (
    <tr class="row">
      <td>
        <a data-row class="strong" href={hrefOf(["markets", market])}>
          {market}
        </a>
      </td>
      <td>
        <StateBadge state={status.state} />
      </td>
      <td>
        {region} <span class="quiet mono">epoch {grouped(status.epoch)}</span>
      </td>
      <td>{status.mode}</td>
      <td class="number">{middle > 0 ? priceText(middle, decimals) : "–"}</td>
      <td class="number">
        {twoSided ? priceText((touch.askPrice ?? 0) - (touch.bidPrice ?? 0), decimals) : "–"}
      </td>
      <td class="number">{rateText(history?.rate("orders") ?? 0)}</td>
      <td>
        <Sparkline
          values={history?.rates("orders", 60) ?? []}
          label={`orders a second of ${market}`}
        />
      </td>
      <td class="number">{rateText(history?.rate("trades") ?? 0)}</td>
      <td class="number">{latency(ack?.p50Ns)}</td>
      <td class="number">{latency(ack?.p99Ns)}</td>
      <td class="number">{latency(ack?.p999Ns)}</td>
      <td class="number">{latency(status.serviceTime?.p99Ns)}</td>
      <td class="number">{grouped(refused)}</td>
      <td class="number">{grouped(status.restarts)}</td>
    </tr>
  );
}
