import { marketNamed } from "../data/status.ts";
import { strategies } from "../data/strategies.ts";
import { grouped, moneyText, priceText, signed } from "../parts/format.ts";
import { Command, Facts } from "../parts/panel.tsx";
import { hrefOf } from "../router.ts";
import { ActorState } from "./strategies.tsx";
import { ActorActions } from "./strategy-actions.tsx";

/** `name`: region/id. */
export function StrategyDrawer({ name }: { name: string }) {
  const at = name.indexOf("/");
  const region = name.slice(0, at);
  const id = name.slice(at + 1);
  const actor = strategies.value.find((each) => each.region === region && each.id === id);
  if (actor === undefined) {
    return (
      <>
        <h1>{id}</h1>
        <p class="second">{region} has not told of it yet.</p>
        <Command line={`npx meridian strategy describe ${id} --region ${region}`} />
      </>
    );
  }
  const market = actor.parameters["market"] ?? "";
  const decimals = marketNamed(market)?.status.definition?.priceDecimals ?? 0;
  const { strategy, execution } = actor;
  const quote = (of: { price?: number | null; quantity?: number | null } | null | undefined) =>
    of == null ? "none" : `${grouped(of.quantity ?? 0)} @ ${priceText(of.price ?? 0, decimals)}`;
  return (
    <>
      <h1>{id}</h1>
      <p>
        <ActorState of={actor} /> <span class="second">{actor.detail}</span>
      </p>
      <ActorActions
        region={region}
        id={id}
        state={actor.state}
        inventory={strategy == null ? null : (strategy.inventory ?? 0)}
      />
      <Facts
        of={[
          ["type", actor.type],
          [
            "market",
            <a key="market" class="link" href={hrefOf(["markets", market])}>
              {market}
            </a>,
          ],
          [
            "cell",
            `${actor.cell}, shard ${actor.shard}, incarnation ${grouped(actor.incarnation)}`,
          ],
          ["asked for by", actor.requestedBy || "nobody named"],
          ...(strategy == null
            ? []
            : ([
                ["inventory", `${signed(strategy.inventory ?? 0)} units`],
                ["profit", moneyText(strategy.profit ?? "0", decimals)],
                ["cash", moneyText(strategy.cash ?? "0", decimals)],
                [
                  "bid",
                  <span key="bid" class="bid">
                    {quote(strategy.bid)}
                  </span>,
                ],
                [
                  "ask",
                  <span key="ask" class="ask">
                    {quote(strategy.ask)}
                  </span>,
                ],
                [
                  "fills",
                  `${grouped(strategy.fills ?? 0)} of ${grouped(strategy.sent ?? 0)} commands`,
                ],
                ["doubtful", `${grouped(strategy.doubtful ?? 0)} units`],
              ] as const)),
          ...(execution == null
            ? []
            : ([
                [
                  "executed",
                  `${grouped(execution.executed ?? 0)} of ${grouped(execution.quantity ?? 0)} units`,
                ],
                ["scheduled", grouped(execution.scheduled ?? 0)],
                ["paid", moneyText(execution.paid ?? "0", decimals)],
              ] as const)),
        ]}
      />
      <section>
        <h2>Parameters</h2>
        <Facts of={Object.entries(actor.parameters)} />
      </section>
      <p>
        <a
          class="link"
          href={hrefOf(["tree", region], {
            open: `node:${region}/${actor.cell}/${region}/${execution == null ? "strategies" : "executions"}/${id}`,
          })}
        >
          Show it in the tree
        </a>
      </p>
      <section>
        <h2>The same by CLI</h2>
        <Command line={`npx meridian strategy describe ${id} --region ${region}`} />
        <Command line={`npx meridian strategy watch ${id} --region ${region}`} />
      </section>
    </>
  );
}
