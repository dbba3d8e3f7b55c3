import * as assert from "uvu/assert";

import {
  avellanedaStoikovControl,
  type ExactParameters,
} from "../../actors/models/market-making/avellaneda-stoikov-exact.ts";
import {
  avellanedaStoikovCoefficients,
  symmetricHalfSpread,
  writeAvellanedaStoikovQuotes,
} from "../../actors/models/market-making/avellaneda-stoikov.ts";
import {
  type DealerOutcome,
  type Experiment,
  type QuotePolicy,
  simulateDealer,
} from "../../actors/models/market-making/dealer-simulation.ts";
import { solveControl } from "../../actors/models/market-making/inventory-control.ts";
import type { MarketParameters } from "../../actors/models/market-making/quotes.ts";
import { certain } from "../../actors/models/numerics/failure.ts";
import { modelRandomness } from "../../actors/models/random/generator.ts";

const market = (riskAversion: number): MarketParameters => ({
  riskAversion,
  volatility: 2,
  arrivalRate: 140,
  arrivalDecay: 1.5,
});
const STEPS = 200;
const experiment = (riskAversion: number, paths: number): Experiment => ({
  market: market(riskAversion),
  horizon: 1,
  steps: STEPS,
  paths,
});

export function closedFormPolicy(parameters: MarketParameters): QuotePolicy {
  const coefficients = certain(avellanedaStoikovCoefficients(parameters));
  return (inventory, timeLeft, into) =>
    writeAvellanedaStoikovQuotes(coefficients, inventory, timeLeft, into);
}

export function symmetricPolicy(parameters: MarketParameters): QuotePolicy {
  const half = symmetricHalfSpread(certain(avellanedaStoikovCoefficients(parameters)), 1);
  return (_, __, into) => into.fill(half);
}

/** The exact quotes on the step grid; beyond the bound of 60 lots nothing that adds to it. */
export function exactPolicy(parameters: MarketParameters): QuotePolicy {
  const inventoryBound = 60;
  const exact: ExactParameters = { ...parameters, inventoryBound };
  const control = certain(avellanedaStoikovControl(exact));
  const ladders = Array.from({ length: STEPS + 1 }, (_, index) =>
    certain(solveControl(control, index / STEPS)),
  );
  return (inventory, timeLeft, into) => {
    const ladder = ladders[Math.round(timeLeft * STEPS)]!;
    const held = Math.max(-inventoryBound, Math.min(inventoryBound, inventory));
    into[0] = ladder.bid[held + inventoryBound]!;
    into[1] = ladder.ask[held + inventoryBound]!;
  };
}

export function moments(values: Float64Array): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(variance / (values.length - 1)) };
}

/** Tables 1 and 2 of Avellaneda and Stoikov (2008), 1,000 simulations each. */
const printed = [
  { riskAversion: 0.1, strategy: "inventory", profit: 65.0, deviation: 6.6, finalDeviation: 2.9 },
  { riskAversion: 0.1, strategy: "symmetric", profit: 68.4, deviation: 12.7, finalDeviation: 8.4 },
  { riskAversion: 0.01, strategy: "inventory", profit: 68.6, deviation: 8.7, finalDeviation: 5.1 },
  { riskAversion: 0.01, strategy: "symmetric", profit: 68.8, deviation: 12.8, finalDeviation: 8.7 },
] as const;

/** Mean and deviation of the profit, within three errors of the table's and four of ours. */
export function checkTables(paths: number, seed: number): void {
  for (const row of printed) {
    const parameters = market(row.riskAversion);
    const policy =
      row.strategy === "inventory" ? closedFormPolicy(parameters) : symmetricPolicy(parameters);
    const outcome = certain(
      simulateDealer(experiment(row.riskAversion, paths), policy, modelRandomness(seed)),
    );
    const profit = moments(outcome.profit);
    const final = moments(outcome.finalInventory);
    const said = `gamma ${row.riskAversion} ${row.strategy}, ${paths} paths, SEED=${seed}`;
    const meanBar =
      (3 * row.deviation) / Math.sqrt(1_000) + (4 * profit.deviation) / Math.sqrt(paths);
    const deviationBar = (ours: number, theirs: number): number =>
      (3 * theirs) / Math.sqrt(2_000) + (4 * ours) / Math.sqrt(2 * paths);
    assert.ok(Math.abs(profit.mean - row.profit) <= meanBar, `mean ${profit.mean}, ${said}`);
    assert.ok(
      Math.abs(profit.deviation - row.deviation) <= deviationBar(profit.deviation, row.deviation),
      `deviation ${profit.deviation}, ${said}`,
    );
    assert.ok(
      Math.abs(final.deviation - row.finalDeviation) <=
        deviationBar(final.deviation, row.finalDeviation),
      `final inventory ${final.deviation}, ${said}`,
    );
    const { premium, inventoryCost } = certain(avellanedaStoikovCoefficients(parameters));
    // The mean of gamma sigma^2 (T - t) over the steps' beginnings, not over the continuum.
    const steps =
      row.strategy === "inventory" ? (inventoryCost * (1 + 1 / STEPS)) / 2 : inventoryCost / 2;
    const spread = 2 * premium + steps;
    assert.ok(
      Math.abs(outcome.averageSpread / spread - 1) < 1e-9,
      `spread ${outcome.averageSpread}, ${said}`,
    );
  }
}

/** t of the mean difference of -exp(-gamma profit) between two policies on the same paths. */
export function utilityDifference(
  riskAversion: number,
  better: QuotePolicy,
  worse: QuotePolicy,
  paths: number,
  seed: number,
): number {
  const run = (policy: QuotePolicy): DealerOutcome =>
    certain(simulateDealer(experiment(riskAversion, paths), policy, modelRandomness(seed)));
  const a = run(better).profit;
  const b = run(worse).profit;
  const difference = a.map(
    (profit, path) => Math.exp(-riskAversion * b[path]!) - Math.exp(-riskAversion * profit),
  );
  const { mean, deviation } = moments(difference);
  return (mean / deviation) * Math.sqrt(paths);
}

/** Where 20,000 paths can tell, by how much (t = 70) at gamma 0.1: exact over the closed form. */
export function checkAverseUtility(paths: number, seed: number, bar: number): void {
  const averse = market(0.1);
  const t = utilityDifference(0.1, exactPolicy(averse), closedFormPolicy(averse), paths, seed);
  assert.ok(t > bar, `exact over closed form at gamma 0.1: t = ${t}, SEED=${seed}`);
}

/** At gamma 0.01 both are better than symmetric quotes (t about 4 and 6.5 with 20,000 paths). */
export function checkMildUtilities(paths: number, seed: number, bar: number): void {
  const mild = market(0.01);
  const symmetric = symmetricPolicy(mild);
  for (const [name, policy] of [
    ["closed form", closedFormPolicy(mild)],
    ["exact", exactPolicy(mild)],
  ] as const) {
    const t = utilityDifference(0.01, policy, symmetric, paths, seed);
    assert.ok(t > bar, `${name} over symmetric at gamma 0.01: t = ${t}, SEED=${seed}`);
  }
}
