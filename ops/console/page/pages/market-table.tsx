import { histories, markets, type MarketView, remembered, stateOf } from "../data/status.ts";
import { StateBadge } from "../parts/badge.tsx";
import { durationText, grouped, priceText, rateText } from "../parts/format.ts";
import { Empty } from "../parts/panel.tsx";
import { Sparkline } from "../parts/sparkline.tsx";
import { hrefOf } from "../router.ts";

export function MarketTable() {
  void remembered.value;
  if (markets.value.length === 0) {
    return (
      <Empty
        what="No market is known. A file in regions/<home>/markets/ makes one, or this command:"
        command="npx meridian market create ETH-EUR --file ETH-EUR.toml --as operator"
      />
    );
  }
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="table of markets">
      <table class="dense">
        <thead>
          <tr>
            <th scope="col">Market</th>
            <th scope="col">State</th>
            <th scope="col">Led by</th>
            <th scope="col">Mode</th>
            <th scope="col" class="number" title="between the best bid and the best ask">
              Mid
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
        <StateBadge state={stateOf(status)} />
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
          width={64}
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
