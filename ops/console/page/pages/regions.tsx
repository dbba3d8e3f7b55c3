import { patterns } from "../../../../schemas/subjects.ts";
import { abort, abortCommand, approve, approveCommand, waiting } from "../data/failover.ts";
import { type MarketView, markets, type RegionView, regions } from "../data/status.ts";
import { perform } from "../live/actions.ts";
import { now } from "../live/clock.ts";
import { mayAsk } from "../live/permissions.ts";
import { ActionButton } from "../parts/action-button.tsx";
import { Badge, StateBadge } from "../parts/badge.tsx";
import { ageText, dateTimeText, grouped, plural } from "../parts/format.ts";
import { Command, Empty, Facts, Panel } from "../parts/panel.tsx";
import { hrefOf, place } from "../router.ts";
import { FailoverPage } from "./failover.tsx";
import { regionMeaning } from "./region-meaning.ts";
import { Schematic } from "./schematic.tsx";

export function RegionsPage() {
  const [, name, what] = place.value.path;
  if (name === undefined) return <AllRegions />;
  const found = regions.value.find((each) => each.name === name);
  if (found === undefined) {
    return <Empty what={`The cluster has no region ${name}.`} command="npx meridian status" />;
  }
  return what === "failover" ? <FailoverPage key={name} of={found} /> : <OneRegion of={found} />;
}

function AllRegions() {
  const sources = regions.value.map(({ source }) => source);
  return (
    <div class="page">
      <div class="page-head">
        <h1>Regions</h1>
      </div>
      <Approvals />
      <div class="regions-grid">
        <Panel title="Who leads, who follows" of={sources} flush>
          <Schematic regions={regions.value} markets={markets.value} />
        </Panel>
        <Panel title="Standbys" of={sources} flush>
          <Standbys of={regions.value} />
        </Panel>
        <Panel title="All regions" of={sources} flush class="all-regions">
          <RegionTable />
        </Panel>
      </div>
    </div>
  );
}

/** On the screen of the second person: what somebody else has asked for. */
export function Approvals() {
  if (waiting.value.length === 0) return null;
  return (
    <ul class="problems-list" aria-label="waiting for a second person">
      {waiting.value.map(({ id, from, to, by, at }) => (
        <li key={id} class="problem warn">
          <Badge is="warn">
            <b>
              {by} wants to move the markets of {from} to {to}
            </b>
          </Badge>
          <span class="second mono">{id}</span>
          <a class="button small" href={hrefOf(["regions", from, "failover"], { id, to })}>
            Look at it
          </a>
          <ActionButton
            may={mayAsk(patterns.operation("approve").replace("*", at))}
            class="small"
            onClick={() =>
              void perform(
                `approve ${id}`,
                approveCommand(at, id),
                () => approve(at, id),
                ({ status }) => status?.state ?? "approved",
              )
            }
          >
            Approve
          </ActionButton>
          <ActionButton
            may={mayAsk(patterns.operation("failover-abort").replace("*", at))}
            class="small"
            onClick={() =>
              void perform(
                `abort ${id}`,
                abortCommand(at, id),
                () => abort(at, id),
                ({ status }) => status?.state ?? "aborted",
              )
            }
          >
            Decline
          </ActionButton>
        </li>
      ))}
    </ul>
  );
}

function RegionTable() {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="table of regions">
      <table>
        <thead>
          <tr>
            <th scope="col">Region</th>
            <th scope="col">State</th>
            <th scope="col">Leads</th>
            <th scope="col">Follows</th>
            <th scope="col">Cell</th>
            <th scope="col" class="number">
              Lease <span class="unit">ms left</span>
            </th>
            <th scope="col" class="number">
              Reconnects
            </th>
            <th scope="col">Up</th>
            <th scope="col">Last failover</th>
          </tr>
        </thead>
        <tbody>
          {regions.value.map((region) => (
            <RegionRow key={region.name} of={region} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function RegionRow({ of }: { of: RegionView }) {
  const { name, status } = of;
  const [is, word] = regionMeaning(of, now.value);
  const led = markets.value.filter((each) => each.region === name).map(({ market }) => market);
  const last = status?.lastFailover;
  return (
    <tr class="row">
      <td>
        <a data-row class="strong" href={hrefOf(["regions", name])}>
          {name}
        </a>
      </td>
      <td>
        <Badge is={is}>{word}</Badge>
      </td>
      <td>{led.length === 0 ? <span class="quiet">none</span> : led.join(", ")}</td>
      <td class="second">{plural(status?.standbys?.length ?? 0, "market")}</td>
      <td class="mono">{status?.cell ?? "–"}</td>
      <td class="number">
        {(status?.leaseValidMs ?? 0) > 0 ? grouped(status?.leaseValidMs ?? 0) : "–"}
      </td>
      <td class="number">{grouped(status?.reconnects ?? 0)}</td>
      <td>{status === null ? "–" : ageText(now.value - status.startedUnixMs)}</td>
      <td class="second">
        {last == null
          ? "none"
          : `${last.from} → ${last.to} ${last.state}, ${ageText(now.value - (last.startedUnixMs ?? 0))} ago`}
      </td>
    </tr>
  );
}

function Standbys({ of }: { of: readonly RegionView[] }) {
  const all = of.flatMap(({ name, status }) =>
    (status?.standbys ?? []).map((standby) => ({ region: name, ...standby })),
  );
  if (all.length === 0) {
    return (
      <Empty
        what="No region tells of a market that it follows."
        command="npx meridian region status"
      />
    );
  }
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="table of standbys">
      <table class="dense">
        <thead>
          <tr>
            <th scope="col">Market</th>
            <th scope="col">Led by</th>
            <th scope="col">Followed by</th>
            <th scope="col">State</th>
            <th scope="col" class="number">
              Applied
            </th>
            <th scope="col" class="number">
              Lag <span class="unit">records</span>
            </th>
            <th scope="col" class="number">
              Lag <span class="unit">ms</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {all.map((standby) => (
            <tr key={`${standby.region}/${standby.market}`} title={standby.detail ?? ""}>
              <td class="strong">{standby.market}</td>
              <td title={standby.owner ?? ""}>{(standby.owner ?? "").split("/")[0]}</td>
              <td>{standby.region}</td>
              <td>
                <StateBadge state={standby.state ?? ""} />
              </td>
              <td class="number">{grouped(standby.sequence ?? 0)}</td>
              <td class="number">{grouped(standby.lagRecords ?? 0)}</td>
              <td class="number">{grouped(standby.lagMs ?? 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function OneRegion({ of }: { of: RegionView }) {
  const { name, status, source } = of;
  const [is, word] = regionMeaning(of, now.value);
  const led: readonly MarketView[] = markets.value.filter((each) => each.region === name);
  const refusals = Object.entries(status?.refusals ?? {}).sort(([, a], [, b]) => b - a);
  return (
    <div class="page">
      <div class="page-head">
        <a class="link" href={hrefOf(["regions"])}>
          Regions
        </a>
        <h1>{name}</h1>
        <Badge is={is}>{word}</Badge>
        <span class="push buttons">
          <a class="button" href={hrefOf(["tree", name])}>
            Tree
          </a>
          <a class="button danger-link" href={hrefOf(["regions", name, "failover"])}>
            Fail over…
          </a>
        </span>
      </div>
      <Approvals />
      <div class="regions-grid">
        <Panel title="Cell" of={source} flush>
          <div class="padded">
            <Facts
              of={[
                ["cell", status?.cell ?? "–"],
                ["incarnation", grouped(status?.incarnation ?? 0)],
                [
                  "takes orders",
                  status === null ? "–" : status.ready ? "yes" : `no: ${status.notReadyReason}`,
                ],
                ["engine", status?.engine ?? "–"],
                [
                  "NATS",
                  status === null
                    ? "–"
                    : `${status.natsServer}, ${status.natsState}, ${plural(status.reconnects, "reconnect")}`,
                ],
                ["started", status === null ? "–" : dateTimeText(status.startedUnixMs)],
                ["build", status?.build ?? "–"],
                ["health", status?.http ?? "–"],
                ["dead letters", grouped(status?.deadLetters ?? 0)],
              ]}
            />
          </div>
        </Panel>
        <Panel title="Refused outside the markets" of={source} flush>
          {refusals.length === 0 ? (
            <Empty what="Nothing was refused before a market was reached." />
          ) : (
            <div class="padded">
              <Facts of={refusals.map(([code, count]) => [code, grouped(count)] as const)} />
            </div>
          )}
        </Panel>
        <Panel title="Markets it leads" of={source} flush class="all-regions">
          {led.length === 0 ? (
            <Empty what={`${name} leads no market at the moment.`} />
          ) : (
            <div class="scroll" tabIndex={0} role="group" aria-label="markets that it leads">
              <table>
                <thead>
                  <tr>
                    <th scope="col">Market</th>
                    <th scope="col">State</th>
                    <th scope="col">Home</th>
                    <th scope="col" class="number">
                      Epoch
                    </th>
                    <th scope="col" class="number">
                      Matched
                    </th>
                    <th scope="col" class="number">
                      Durable
                    </th>
                    <th scope="col" class="number">
                      Committed
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {led.map(({ market, status: each }) => (
                    <tr key={market} class="row">
                      <td>
                        <a data-row class="strong" href={hrefOf(["markets", market])}>
                          {market}
                        </a>
                      </td>
                      <td>
                        <StateBadge state={each.state} />
                      </td>
                      <td>{each.home}</td>
                      <td class="number">{grouped(each.epoch)}</td>
                      <td class="number">{grouped(each.matched)}</td>
                      <td class="number">{grouped(each.durable)}</td>
                      <td class="number">{grouped(each.committed)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Panel>
      </div>
      <Command line="npx meridian status" />
    </div>
  );
}
