import { useEffect } from "preact/hooks";

import { marketNamed, regions } from "../data/status.ts";
import { type ActorStatus, isGivenUp, strategies, strategiesOf } from "../data/strategies.ts";
import { Bar } from "../parts/bar.tsx";
import { Badge, StateBadge } from "../parts/badge.tsx";
import { grouped, moneyText, plural, priceText, signed } from "../parts/format.ts";
import { Empty, Panel } from "../parts/panel.tsx";
import { Sparkline } from "../parts/sparkline.tsx";
import { amend, hrefOf, place } from "../router.ts";
import { profitsOf } from "../data/profits.ts";
import { SpawnPage } from "./spawn.tsx";

export function StrategiesPage() {
  const names = regions.value.map(({ name }) => name);
  useEffect(() => {
    const releases = names.map((name) => strategiesOf(name).hold());
    return () => {
      for (const release of releases) release();
    };
  }, [names.join()]);
  if (place.value.path[1] === "spawn") return <SpawnPage />;
  return <StrategyList />;
}

function StrategyList() {
  const filter = place.value.query["filter"] ?? "";
  const shown = strategies.value.filter((each) => found(each, filter));
  const makers = shown.filter(({ execution }) => execution == null);
  const executions = shown.filter(({ execution }) => execution != null);
  const sources = regions.value.map(({ name }) => strategiesOf(name));
  return (
    <div class="page">
      <div class="page-head">
        <h1>Strategies</h1>
        <input
          data-filter
          class="mono filter"
          type="search"
          aria-label="filter strategies"
          placeholder="name, model, market, state"
          value={filter}
          onInput={(event) => amend({ filter: event.currentTarget.value })}
        />
        <span class="second">{plural(shown.length, "actor")}</span>
        <a class="button primary-link push" href={hrefOf(["strategies", "spawn"])}>
          Spawn…
        </a>
      </div>
      <Panel title="Market makers and custom strategies" of={sources} flush>
        {makers.length === 0 ? (
          <Empty
            what={
              filter === ""
                ? "No strategy runs. Spawn one with the form, or:"
                : `None is like ${filter}.`
            }
            command="npx meridian strategy spawn avellaneda-stoikov --market BTC-EUR --as operator"
          />
        ) : (
          <StrategyTable of={makers} />
        )}
      </Panel>
      <Panel title="Executions" of={sources} flush>
        {executions.length === 0 ? (
          <Empty
            what="No parent order is worked."
            command="npx meridian strategy spawn twap --market BTC-EUR --set side=buy --set quantity=100 --set duration=60 --as operator"
          />
        ) : (
          <ExecutionTable of={executions} />
        )}
      </Panel>
    </div>
  );
}

const found = (actor: ActorStatus, filter: string): boolean => {
  const text = `${actor.id} ${actor.type} ${actor.parameters["market"] ?? ""} ${actor.state} ${actor.region}`;
  return filter
    .toLowerCase()
    .split(" ")
    .every((word) => text.toLowerCase().includes(word));
};

const decimalsOf = (actor: ActorStatus): number =>
  marketNamed(actor.parameters["market"] ?? "")?.status.definition?.priceDecimals ?? 0;

const rowOf = (actor: ActorStatus) => {
  const open = `strategy:${actor.region}/${actor.id}`;
  return {
    href: hrefOf(["strategies"], { ...place.value.query, open }),
    selected: place.value.query["open"] === open,
  };
};

function StrategyTable({ of }: { of: readonly ActorStatus[] }) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="table of strategies">
      <table class="dense">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col" class="wide-only">
              Model
            </th>
            <th scope="col">Market</th>
            <th scope="col">State</th>
            <th scope="col">
              Inventory <span class="unit">units</span>
            </th>
            <th scope="col" class="number">
              PnL
            </th>
            <th scope="col" class="wide-only">
              Last minutes
            </th>
            <th scope="col" class="number">
              Bid
            </th>
            <th scope="col" class="number">
              Ask
            </th>
            <th scope="col" class="number">
              Fills
            </th>
            <th scope="col" class="number wide-only" title="fills of the commands it has sent">
              Filled <span class="unit">%</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {of.map((actor) => (
            <StrategyRow key={`${actor.region}/${actor.id}`} of={actor} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Codes before the words: the row has room for what happened, its title for all of it. */
const leadingCodes = /^(?:[a-z]+_[a-z_]+: )+/;

function StrategyRow({ of }: { of: ActorStatus }) {
  const { strategy } = of;
  const decimals = decimalsOf(of);
  const { href, selected } = rowOf(of);
  const mid = strategy?.mid ?? 0;
  const quantity = Number(of.parameters["quantity"] ?? 0);
  const bound = Number(of.parameters["maximumInventory"] ?? 10 * quantity);
  const inventory = strategy?.inventory ?? 0;
  const profit = strategy?.profit ?? "0";
  return (
    <tr class={selected ? "row selected" : "row"}>
      <td>
        <a data-row class="strong" href={href}>
          {of.id}
        </a>
      </td>
      <td class="second wide-only">{of.type}</td>
      <td>{of.parameters["market"]}</td>
      <td title={of.detail}>
        <ActorState of={of} />
      </td>
      <td>
        <span class="with-bar">
          <Bar value={inventory} bound={bound} label={`inventory ${inventory} of ${bound}`} />
          <span class="value number">{signed(inventory)}</span>
        </span>
      </td>
      <td class="number">{moneyText(profit, decimals)}</td>
      <td class="wide-only">
        <Sparkline values={profitsOf(of)} width={72} label={`profit of ${of.id}`} />
      </td>
      {of.detail !== "" && strategy?.bid == null && strategy?.ask == null ? (
        <td colSpan={2} class="second why" title={of.detail}>
          {of.detail.replace(leadingCodes, "")}
        </td>
      ) : (
        <>
          <Offset price={strategy?.bid?.price ?? 0} mid={mid} decimals={decimals} side="bid" />
          <Offset price={strategy?.ask?.price ?? 0} mid={mid} decimals={decimals} side="ask" />
        </>
      )}
      <td class="number">{grouped(strategy?.fills ?? 0)}</td>
      <td class="number wide-only" title={`of ${plural(strategy?.sent ?? 0, "command")}`}>
        {(strategy?.sent ?? 0) === 0
          ? "–"
          : ((100 * (strategy?.fills ?? 0)) / (strategy?.sent ?? 1)).toFixed(1)}
      </td>
    </tr>
  );
}

/** One that its supervision gave up is no actor that somebody stopped. */
export function ActorState({ of: { state, detail } }: { of: ActorStatus }) {
  return isGivenUp(state, detail) ? (
    <Badge is="fail">given up</Badge>
  ) : (
    <StateBadge state={state} />
  );
}

function Offset({
  price,
  mid,
  decimals,
  side,
}: {
  price: number;
  mid: number;
  decimals: number;
  side: "bid" | "ask";
}) {
  if (price === 0) return <td class="number quiet">–</td>;
  const offset =
    mid === 0 ? "" : `${price >= mid ? "+" : "−"}${priceText(Math.abs(price - mid), decimals)}`;
  return (
    <td class="number">
      <span class={side}>{priceText(price, decimals)}</span> <span class="quiet">{offset}</span>
    </td>
  );
}

function ExecutionTable({ of }: { of: readonly ActorStatus[] }) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="table of executions">
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Schedule</th>
            <th scope="col">Market</th>
            <th scope="col">State</th>
            <th scope="col">
              Executed <span class="unit">units, of the parent</span>
            </th>
            <th scope="col" class="number wide-only">
              Scheduled
            </th>
            <th scope="col" class="number">
              Paid
            </th>
            <th scope="col" class="number wide-only">
              Commands
            </th>
          </tr>
        </thead>
        <tbody>
          {of.map((actor) => (
            <ExecutionRow key={`${actor.region}/${actor.id}`} of={actor} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ExecutionRow({ of }: { of: ActorStatus }) {
  const { execution } = of;
  const { href, selected } = rowOf(of);
  const executed = execution?.executed ?? 0;
  const quantity = execution?.quantity ?? 0;
  return (
    <tr class={selected ? "row selected" : "row"}>
      <td>
        <a data-row class="strong" href={href}>
          {of.id}
        </a>
      </td>
      <td class="second">
        {of.type} {of.parameters["side"]}
      </td>
      <td>{of.parameters["market"]}</td>
      <td title={of.detail}>
        <ActorState of={of} />
      </td>
      <td>
        <span class="with-bar">
          <Bar
            value={executed}
            bound={quantity}
            from="left"
            label={`executed ${executed} of ${quantity}`}
          />
          <span class="value number">
            {grouped(executed)} / {grouped(quantity)}
          </span>
        </span>
      </td>
      <td class="number wide-only">{grouped(execution?.scheduled ?? 0)}</td>
      <td class="number">{moneyText(execution?.paid ?? "0", decimalsOf(of))}</td>
      <td class="number wide-only">{grouped(execution?.sent ?? 0)}</td>
    </tr>
  );
}
