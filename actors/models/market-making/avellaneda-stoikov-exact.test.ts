import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { always, close, near, refusalOf } from "../../../test/models/closeness.ts";
import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { symmetricEigen, Matrix } from "../numerics/linear-algebra.ts";
import { applyScaled, nonNegativeExponential } from "../numerics/matrix-exponential.ts";
import {
  avellanedaStoikovControl,
  certaintyEquivalent,
  type ExactParameters,
} from "./avellaneda-stoikov-exact.ts";
import { avellanedaStoikovQuotes, reservationPrice } from "./avellaneda-stoikov.ts";
import { gueantLehalleTapiaQuotes } from "./gueant-lehalle-tapia.ts";
import {
  type InventoryControl,
  quotesAt,
  solveControl,
  solveControlByRungeKutta,
  stationaryQuotes,
} from "./inventory-control.ts";
import { fillPremium } from "./quotes.ts";

const test = suite("Avellaneda–Stoikov, exact");
const SEED = seed(8_214_690_731);

const avellaneda: ExactParameters = {
  riskAversion: 0.1,
  volatility: 2,
  arrivalRate: 140,
  arrivalDecay: 1.5,
  inventoryBound: 60,
};
const gueant: ExactParameters = {
  riskAversion: 0.01,
  volatility: 0.3,
  arrivalRate: 0.9,
  arrivalDecay: 0.3,
  inventoryBound: 30,
};
const control = (parameters: ExactParameters): InventoryControl =>
  certain(avellanedaStoikovControl(parameters));
const solved = (parameters: ExactParameters, timeLeft: number) =>
  certain(solveControl(control(parameters), timeLeft));
const bidAt = (parameters: ExactParameters, timeLeft: number, inventory: number): number =>
  solved(parameters, timeLeft).bid[inventory + parameters.inventoryBound]!;

/** v by dense squaring, ln v with its scale. */
function logValueBySquaring(problem: InventoryControl, timeLeft: number): Float64Array {
  const { killing, up, down } = problem.generator;
  const size = killing.length;
  const shift = Math.max(...killing);
  const dense = new Float64Array(size * size);
  for (let i = 0; i < size; i += 1) {
    dense[i * size + i] = shift - killing[i]!;
    if (i + 1 < size) dense[i * size + i + 1] = up[i]!;
    if (i > 0) dense[i * size + i - 1] = down[i]!;
  }
  const exponential = certain(nonNegativeExponential(dense, size, timeLeft));
  const value = new Float64Array(size);
  applyScaled(exponential, problem.terminal.map(Math.exp), value);
  return value.map((one) => Math.log(one) + exponential.logScale - shift * timeLeft);
}

test("B4.1 three ways to the exact quotes agree at every inventory, tails included", () => {
  const problem = control(avellaneda);
  const series = certain(solveControl(problem, 1));
  const runge = certain(solveControlByRungeKutta(problem, 1, 8_000));
  const squaring = logValueBySquaring(problem, 1);
  for (let index = 0; index <= 120; index += 1) {
    const smallest = series.logValue[60]! - series.logValue[index]!;
    assert.ok(smallest < 120 && (index !== 0 || smallest > 100), "v spans 1e-48");
    assert.ok(Math.abs(series.logValue[index]! - squaring[index]!) < 2e-12, `squaring ${index}`);
    assert.ok(Math.abs(series.logValue[index]! - runge.logValue[index]!) < 1e-9, `RK ${index}`);
  }
});

test("B4.1 an eigendecomposition is right at q = 0 and wrong in the tails, so it is not used", () => {
  const { generator } = control(avellaneda);
  const size = generator.killing.length;
  const dense = Matrix.zeros(size, size);
  for (let i = 0; i < size; i += 1) {
    dense.set(i, i, generator.killing[i]!);
    if (i + 1 < size) dense.set(i, i + 1, -generator.up[i]!);
    if (i > 0) dense.set(i, i - 1, -generator.down[i]!);
  }
  const { values, vectors } = certain(symmetricEigen("M", dense));
  const ones = Matrix.ones(size, 1);
  const weights = vectors.transpose().mmul(ones);
  for (const [row, value] of values.entries()) weights.mulRow(row, Math.exp(-(value - values[0]!)));
  const v = vectors.mmul(weights).to1DArray();
  const exact = solved(avellaneda, 1);
  const c = fillPremium(0.1, 1.5);
  const bid = (q: number): number => Math.log(v[q + 60]! / v[q + 61]!) / 1.5 + c;
  assert.ok(Math.abs(bid(0) - exact.bid[60]!) < 1e-12);
  assert.not.ok(Math.abs(bid(50) - exact.bid[110]!) < 1e-3);
});

test("B4.1 quotes are symmetric in the inventory without a drift", () => {
  always(
    SEED,
    fc.record({
      riskAversion: fc.double({ min: 1e-4, max: 1, noNaN: true }),
      volatility: fc.double({ min: 0.01, max: 3, noNaN: true }),
      arrivalRate: fc.double({ min: 0.1, max: 200, noNaN: true }),
      arrivalDecay: fc.double({ min: 0.1, max: 100, noNaN: true }),
      inventoryBound: fc.integer({ min: 3, max: 40 }),
      timeLeft: fc.double({ min: 0, max: 5, noNaN: true }),
    }),
    ({ timeLeft, ...parameters }) => {
      const { bid, ask } = solved(parameters, timeLeft);
      const last = bid.length - 1;
      // ln v may be 1e5 with extreme parameters, and a quote is a difference of two.
      return bid.every(
        (distance, index) => index === last || close(distance, ask[last - index]!, 1e-7),
      );
    },
    60,
  );
});

test("B4.1 quotes tend to c as time runs out and as the volatility goes", () => {
  const c = fillPremium(0.1, 1.5);
  for (const q of [-20, 0, 20]) {
    near(bidAt(avellaneda, 0, q), c, 1e-15);
    near(bidAt({ ...avellaneda, volatility: 1e-9, inventoryBound: 100 }, 0.1, q), c, 1e-9);
  }
});

test("B4.1 quotes tend to 1/k as the risk aversion goes", () => {
  near(bidAt({ ...avellaneda, riskAversion: 1e-10, inventoryBound: 100 }, 0.5, 3), 2 / 3, 1e-8);
  near(bidAt({ ...avellaneda, riskAversion: 0, inventoryBound: 100 }, 0.5, 3), 2 / 3, 1e-12);
});

test("B4.1 the closed form is the first-order expansion at the horizon: it errs by the time cubed", () => {
  const error = (j: number): number => {
    const timeLeft = 2 ** -j / 140;
    const closed = certain(avellanedaStoikovQuotes(avellaneda, 3, timeLeft)).bid;
    return Math.abs(bidAt(avellaneda, timeLeft, 3) - closed);
  };
  const errors = [3, 4, 5, 6, 7].map(error);
  near(errors[0]!, 1.9866e-8, 1e-4);
  near(errors[1]!, 2.4835e-9, 1e-4);
  for (let i = 1; i < errors.length; i += 1) {
    const order = Math.log2(errors[i - 1]! / errors[i]!);
    assert.ok(Math.abs(order - 3) < 0.02, `order ${order} from ${errors[i - 1]} to ${errors[i]}`);
  }
});

test("B4.1 far from the horizon the closed form is not the exact solution", () => {
  const exact = bidAt(avellaneda, 1, 0);
  const closed = certain(avellanedaStoikovQuotes(avellaneda, 0, 1)).bid;
  near(closed / exact, 1.2587, 1e-4);
});

test("B4.2 far from the horizon the exact quotes become the stationary ones", () => {
  const stationary = certain(stationaryQuotes(control(gueant)));
  const late = solved(gueant, 3_000);
  for (let index = 0; index < 60; index += 1) {
    near(late.bid[index]!, stationary.bid[index]!, 1e-11, `index ${index}`);
  }
  const far = solved(gueant, 600);
  assert.ok(
    Math.abs(far.bid[31]! - stationary.bid[31]!) > 1e-8,
    "at T = 600 the two can be told apart",
  );
  const closed = certain(gueantLehalleTapiaQuotes(gueant, 5)).bid;
  assert.ok(Math.abs(closed - stationary.bid[35]!) > 1e-3, "and the Gaussian approximation too");
});

test("B4.3 without jumps the jump term is gone, and small jumps act as volatility", () => {
  const plain = solved(gueant, 600);
  assert.equal(solved({ ...gueant, jumps: { rate: 0, deviation: 9 } }, 600).bid, plain.bid);
  assert.equal(solved({ ...gueant, jumps: { rate: 9, deviation: 0 } }, 600).bid, plain.bid);
  const small = solved({ ...gueant, jumps: { rate: 4e4, deviation: 1e-3 } }, 600);
  const diffusive = solved({ ...gueant, volatility: Math.sqrt(0.09 + 0.04) }, 600);
  for (let index = 0; index < 60; index += 1) near(small.bid[index]!, diffusive.bid[index]!, 1e-7);
  const rare = solved({ ...gueant, jumps: { rate: 0.02, deviation: 1.5 } }, 600);
  const equivalent = solved({ ...gueant, volatility: Math.sqrt(0.09 + 0.045) }, 600);
  assert.ok(Math.abs(rare.bid[31]! - equivalent.bid[31]!) > 5e-5, "large jumps can be told apart");
});

test("B4.1 an impact of fills widens quotes by half of it and more, and zero impact changes nothing", () => {
  assert.equal(solved({ ...gueant, fillImpact: 0 }, 600).bid, solved(gueant, 600).bid);
  // At the horizon only the impact of the fill itself and of the inventory it leaves is priced.
  const { bid } = solved({ ...gueant, fillImpact: 1 }, 0);
  for (const q of [-3, 0, 4])
    near(bid[q + 30]!, fillPremium(0.01, 0.3) + 0.5 + (2 * q + 1) / 2, 1e-13);
});

test("B4.1 comparative statics have the signs of GLFT section 6", () => {
  const stationaryBid = (change: Partial<ExactParameters>, q: number): number =>
    certain(stationaryQuotes(control({ ...gueant, ...change }))).bid[q + 30]!;
  const sign = (low: Partial<ExactParameters>, high: Partial<ExactParameters>, q: number): number =>
    Math.sign(stationaryBid(high, q) - stationaryBid(low, q));
  for (const q of [-20, -8, -2]) {
    assert.is(sign({ volatility: 0.3 }, { volatility: 0.33 }, q), -1, `sigma, q = ${q}`);
    assert.is(sign({ arrivalRate: 0.9 }, { arrivalRate: 1 }, q), 1, `A, q = ${q}`);
  }
  for (const q of [0, 1, 8, 20]) {
    assert.is(sign({ volatility: 0.3 }, { volatility: 0.33 }, q), 1, `sigma, q = ${q}`);
    assert.is(sign({ arrivalRate: 0.9 }, { arrivalRate: 1 }, q), -1, `A, q = ${q}`);
    assert.is(sign({ arrivalDecay: 0.3 }, { arrivalDecay: 0.32 }, q), -1, `k, q = ${q}`);
    assert.is(sign({ fillImpact: 0 }, { fillImpact: 0.1 }, q), 1, `xi, q = ${q}`);
  }
  for (const q of [-8, 0, 8]) {
    assert.is(sign({ drift: 0 }, { drift: 1e-4 }, q), -1, `mu, q = ${q}`);
  }
});

test("B4.1 the reservation price is the price of indifference, by quadrature of the utility", () => {
  const { riskAversion: gamma, volatility: sigma } = avellaneda;
  const mid = 100;
  const timeLeft = 0.5;
  const deviation = sigma * Math.sqrt(timeLeft);
  /** ln of -E[-exp(-gamma q (S_T - S))], by the trapezoidal rule: spectrally exact for this integrand. */
  const logUtility = (q: number): number => {
    let sum = 0;
    for (let z = -14; z <= 14; z += 0.01) {
      sum += Math.exp(-gamma * q * deviation * z - (z * z) / 2) * 0.01;
    }
    return Math.log(sum / Math.sqrt(2 * Math.PI));
  };
  for (const q of [-4, 0, 3]) {
    // Buying at r_b, or selling at r_a, leaves the utility of holding q to the horizon as it was.
    const bidPrice = mid - (logUtility(q + 1) - logUtility(q)) / gamma;
    const askPrice = mid + (logUtility(q - 1) - logUtility(q)) / gamma;
    near(
      certain(reservationPrice(avellaneda, mid, q, timeLeft)),
      (bidPrice + askPrice) / 2,
      1e-12,
      `q = ${q}`,
    );
  }
});

test("B4.1 extreme but sane parameters keep finite quotes that fall with the inventory", () => {
  const extremes: ExactParameters[] = [
    { riskAversion: 1, volatility: 5, arrivalRate: 1, arrivalDecay: 100, inventoryBound: 100 },
    {
      riskAversion: 1e-4,
      volatility: 0.001,
      arrivalRate: 500,
      arrivalDecay: 0.1,
      inventoryBound: 100,
    },
    { riskAversion: 1, volatility: 2, arrivalRate: 0.01, arrivalDecay: 0.1, inventoryBound: 3 },
    {
      riskAversion: 1,
      volatility: 1,
      arrivalRate: 10,
      arrivalDecay: 10,
      inventoryBound: 40,
      fillImpact: 5,
    },
  ];
  for (const parameters of extremes) {
    const problem = control(parameters);
    const ladder = certain(solveControl(problem, 1));
    const stationary = certain(stationaryQuotes(problem));
    for (let index = 1; index < 2 * parameters.inventoryBound; index += 1) {
      assert.ok(ladder.bid[index]! >= ladder.bid[index - 1]! - 1e-9, `index ${index}`);
      assert.ok(stationary.ask[index + 1]! <= stationary.ask[index]! + 1e-9, `index ${index}`);
    }
  }
});

test("B4.1 what is quoted at the bounds is one side only, and beyond them a refusal", () => {
  const ladder = solved(gueant, 10);
  assert.is(certain(quotesAt(ladder, 30)).bid, null);
  assert.is(certain(quotesAt(ladder, -30)).ask, null);
  assert.type(certain(quotesAt(ladder, -30)).bid, "number");
  assert.is(refusalOf(quotesAt(ladder, 31)), "out_of_range inventory = 31");
});

test("B4.1 a cost of liquidation lowers the certainty equivalent of a position", () => {
  const problem = { ...gueant, liquidationCost: (q: number) => 0.5 * Math.abs(q) };
  const worth = (parameters: ExactParameters, timeLeft: number): number =>
    certain(certaintyEquivalent(parameters, solved(parameters, timeLeft), 10, 100, 2));
  near(worth(gueant, 0), 210, 1e-15);
  near(worth(problem, 0), 209, 1e-15);
  assert.ok(worth(problem, 5) < worth(gueant, 5));
  const impact = { ...gueant, fillImpact: 0.2 };
  near(worth(impact, 0), 210, 1e-15);
});

test("B4.1 wrong parameters are refused with the reason", () => {
  const code = (wrong: Partial<ExactParameters>): string =>
    refusalOf(avellanedaStoikovControl({ ...gueant, ...wrong }));
  assert.is(code({ inventoryBound: 0 }), "out_of_range inventoryBound = 0");
  assert.is(code({ inventoryBound: 2.5 }), "out_of_range inventoryBound = 2.5");
  assert.is(code({ drift: Number.NaN }), "not_finite drift = NaN");
  assert.is(code({ fillImpact: -1 }), "out_of_range fillImpact = -1");
  assert.is(
    code({ jumps: { rate: 1, deviation: 1e4 } }),
    "not_finite the risk of holding -30 lots",
  );
  assert.is(refusalOf(solveControl(control(gueant), -1)), "out_of_range timeLeft = -1");
  const few = solveControlByRungeKutta(control(avellaneda), 1, 10);
  assert.match(refusalOf(few), "not_converged");
  const oneSided = control(gueant);
  oneSided.generator.up.fill(0);
  assert.match(refusalOf(stationaryQuotes(oneSided)), "undefined a rate of 0");
});

test.run();
