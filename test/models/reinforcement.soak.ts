import { dealerEpisode, type QuotePolicy } from "../../actors/models/learning/dealer-episode.ts";
import { proximalPolicy } from "../../actors/models/learning/proximal-policy.ts";
import { carteaJaimungalControl } from "../../actors/models/market-making/cartea-jaimungal.ts";
import {
  emptyQuoteTable,
  lookUpQuotes,
  rebuildQuoteTable,
} from "../../actors/models/market-making/quote-table.ts";
import { certain } from "../../actors/models/numerics/failure.ts";
import { modelRandomness } from "../../actors/models/random/generator.ts";
import type { SoakOptions } from "../soak.ts";

const EPISODES = 2_000;
const BATCHES = 200;
const RATE = 0.004;
const market = {
  arrivalRate: 140,
  arrivalDecay: 1.5,
  inventoryPenalty: 0.2,
  inventoryBound: 30,
  horizon: 1,
  step: 0.005,
};

/**
 * The learned dealer between the one that ignores its inventory and the exact one, on the same episodes: it
 * must close at least 60 % of the gap, and the gap must be more than 5 standard errors wide.
 */
export function soak({ seed }: SoakOptions): void {
  const table = certain(
    emptyQuoteTable(
      market.inventoryBound,
      market.horizon,
      Math.round(market.horizon / market.step),
      1,
    ),
  );
  const control = certain(
    carteaJaimungalControl({
      buyRate: market.arrivalRate,
      sellRate: market.arrivalRate,
      arrivalDecay: market.arrivalDecay,
      runningPenalty: market.inventoryPenalty,
      terminalPenalty: 0,
      inventoryBound: market.inventoryBound,
    }),
  );
  const wrong = rebuildQuoteTable(table, [control]);
  if (wrong !== null) throw new Error(wrong.reason);
  const learner = certain(
    proximalPolicy(
      market,
      {
        distances: [0.1, 0.3, 0.5, 0.7, 0.9, 1.2, 1.6, 2.2],
        hidden: 24,
        clip: 0.2,
        decay: 0.95,
        entropy: 0.003,
        rate: RATE,
        episodes: 24,
        passes: 4,
        samples: 256,
      },
      modelRandomness(seed),
    ),
  );
  for (let batch = 0; batch < BATCHES; batch += 1) learner.improve(RATE * (1 - batch / BATCHES));
  const exact = rewards(seed, (inventory, timeLeft, into) =>
    lookUpQuotes(table, inventory, timeLeft, 0, into),
  );
  const symmetric = rewards(seed, (_inventory, _timeLeft, into) => {
    into[0] = 1 / market.arrivalDecay;
    into[1] = 1 / market.arrivalDecay;
  });
  const learned = rewards(seed, learner.policy);
  const [gap, gapError] = difference(exact, symmetric);
  const [gain, gainError] = difference(learned, symmetric);
  const closed = gain / gap;
  console.log(
    `reinforcement: exact - symmetric ${gap.toFixed(3)} (${gapError.toFixed(3)}), learned - symmetric ${gain.toFixed(3)} (${gainError.toFixed(3)}): ${(100 * closed).toFixed(1)} % of the gap`,
  );
  if (!(gap > 5 * gapError && gain > 3 * gainError && closed >= 0.6))
    throw new Error(
      `SEED=${seed} the learned dealer closes ${(100 * closed).toFixed(1)} % of the gap`,
    );
}

const rewards = (seed: number, policy: QuotePolicy): readonly number[] =>
  Array.from({ length: EPISODES }, (_, at) =>
    dealerEpisode(market, policy, modelRandomness(seed + 1_000_000 + at)),
  );

/** Mean of the paired differences, and its standard error. */
function difference(
  first: readonly number[],
  second: readonly number[],
): readonly [number, number] {
  const apart = first.map((value, at) => value - (second[at] ?? 0));
  const mean = apart.reduce((sum, one) => sum + one, 0) / apart.length;
  const squares = apart.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  return [mean, Math.sqrt(squares / (apart.length - 1) / apart.length)];
}
