import { certain } from "../numerics/failure.ts";
import type { Oracle, OracleSource } from "../oracle.ts";
import { avellanedaStoikovControl, type ExactParameters } from "./avellaneda-stoikov-exact.ts";
import { type QuoteLadder, solveControl, stationaryQuotes } from "./inventory-control.ts";
import { fillPremium, type InventoryLots } from "./quotes.ts";

/** The parameters of the tables of Avellaneda and Stoikov (2008). */
const avellaneda = (riskAversion: number, inventoryBound: InventoryLots): ExactParameters => ({
  riskAversion,
  volatility: 2,
  arrivalRate: 140,
  arrivalDecay: 1.5,
  inventoryBound,
});
/** The parameters of the figures of Guéant, Lehalle and Fernandez-Tapia (2013): ticks and seconds. */
const gueant: ExactParameters = {
  riskAversion: 0.01,
  volatility: 0.3,
  arrivalRate: 0.9,
  arrivalDecay: 0.3,
  inventoryBound: 30,
};

const ladder = (parameters: ExactParameters, timeLeft: number): QuoteLadder =>
  certain(solveControl(certain(avellanedaStoikovControl(parameters)), timeLeft));

interface Expected {
  readonly inventory: number;
  readonly bid?: string;
  readonly ask?: string;
}
const quotes = (
  source: OracleSource,
  setting: string,
  solve: () => QuoteLadder,
  expected: readonly Expected[],
): readonly Oracle[] =>
  expected.flatMap(({ inventory, bid, ask }) =>
    [
      { side: "bid" as const, printed: bid },
      { side: "ask" as const, printed: ask },
    ].flatMap(({ side, printed }) =>
      printed === undefined
        ? []
        : [
            {
              ...source,
              quantity: `${side} distance, ${setting}, q = ${inventory}`,
              expected: printed,
              compute: () => {
                const solved = solve();
                return solved[side][inventory + solved.inventoryBound]!;
              },
            },
          ],
    ),
  );

const exact: OracleSource = {
  model: "Avellaneda-Stoikov, exact",
  formula: "dv/ds = -alpha q^2 v + eta (v_{q-1} + v_{q+1}); d = ln(v_q/v_{q+-1})/k + c",
  source: "Guéant, Lehalle, Fernandez-Tapia 2013, Theorem 1; positive squaring in another language",
  provenance: "C",
};
const stationary: OracleSource = {
  ...exact,
  model: "Guéant-Lehalle-Tapia, stationary",
  source: "Guéant, Lehalle, Fernandez-Tapia 2013, Theorem 2; computed in another language",
};
const impact: OracleSource = {
  ...exact,
  model: "Avellaneda-Stoikov, exact, with impact",
  formula: "eta e^(-k xi/2), v_q(T) = e^(-k xi q^2/2), quotes + xi/2",
  source: "Guéant, Lehalle, Fernandez-Tapia 2013, section 5.2; computed in another language",
};
const drift: OracleSource = {
  ...exact,
  model: "Avellaneda-Stoikov, exact, with drift",
  formula: "diagonal alpha q^2 - k mu q",
  source: "Guéant, Lehalle, Fernandez-Tapia 2013, section 5; computed in another language",
};
const jumps: OracleSource = {
  ...exact,
  model: "Avellaneda-Stoikov, exact, with jumps",
  formula: "diagonal alpha q^2 + (k nu/gamma)(exp(gamma^2 q^2 sJ^2/2) - 1)",
  source: "own derivation; computed in another language",
};

/** Corners of the sane ranges, up to the last level that quotes. */
const corners: readonly {
  readonly setting: string;
  readonly parameters: ExactParameters;
  readonly timeLeft: number;
  readonly bids: readonly Expected[];
}[] = [
  {
    setting: "gamma 1, k 100, sigma 0.5, A 2, T 1",
    parameters: {
      riskAversion: 1,
      arrivalDecay: 100,
      volatility: 0.5,
      arrivalRate: 2,
      inventoryBound: 20,
    },
    timeLeft: 1,
    bids: [
      { inventory: -20, bid: "-0.07834013162281" },
      { inventory: 0, bid: "0.03838496472717" },
      { inventory: 19, bid: "0.09824079332914" },
    ],
  },
  {
    setting: "gamma 1e-4, k 0.1, sigma 3, A 200, T 0.5",
    parameters: {
      riskAversion: 1e-4,
      arrivalDecay: 0.1,
      volatility: 3,
      arrivalRate: 200,
      inventoryBound: 12,
    },
    timeLeft: 0.5,
    bids: [
      { inventory: -12, bid: "3.144342120416" },
      { inventory: 0, bid: "10.06548266141" },
      { inventory: 11, bid: "16.84566454125" },
    ],
  },
  {
    setting: "gamma 0.05, k 2, sigma 0.4, A 3, xi 0.2, mu -0.01, T 10",
    parameters: {
      riskAversion: 0.05,
      arrivalDecay: 2,
      volatility: 0.4,
      arrivalRate: 3,
      fillImpact: 0.2,
      drift: -0.01,
      inventoryBound: 15,
    },
    timeLeft: 10,
    bids: [
      { inventory: -15, bid: "-0.07479382792042" },
      { inventory: 0, bid: "0.6632308641615" },
      { inventory: 14, bid: "1.327402172163" },
    ],
  },
];
const corner: OracleSource = {
  ...exact,
  source: "Guéant, Lehalle, Fernandez-Tapia 2013; Taylor series of 120 digits in mpmath",
};

export const oracles: readonly Oracle[] = [
  ...quotes(exact, "gamma = 0.1, Q = 60, T = 1", () => ladder(avellaneda(0.1, 60), 1), [
    { inventory: 0, bid: "0.6716276014", ask: "0.6716276014" },
    { inventory: 1, bid: "0.7240702260", ask: "0.6191428213" },
    { inventory: 5, bid: "0.9317797590", ask: "0.4104517919" },
    { inventory: 40, bid: "2.2996980841", ask: "-0.9809879667" },
    { inventory: 59, bid: "2.7525333887", ask: "-1.4399718050" },
  ]),
  ...quotes(exact, "gamma = 0.01, Q = 100, T = 1", () => ladder(avellaneda(0.01, 100), 1), [
    { inventory: 0, bid: "0.6724339995", ask: "0.6724339995" },
    { inventory: 5, bid: "0.7521704047", ask: "0.5926699460" },
  ]),
  ...corners.flatMap(({ setting, parameters, timeLeft, bids }) =>
    quotes(corner, setting, () => ladder(parameters, timeLeft), bids),
  ),
  ...quotes(exact, "A = 0.9, T = 600", () => ladder(gueant, 600), [
    { inventory: -2, bid: "3.1767964907", ask: "3.4492799682" },
    { inventory: 0, bid: "3.3130454098", ask: "3.3130454098" },
    { inventory: 1, bid: "3.3811680739", ask: "3.2449191548" },
    { inventory: 5, bid: "3.6534794429", ask: "2.9725217728" },
  ]),
  ...quotes(
    stationary,
    "A = 0.9",
    () => certain(stationaryQuotes(certain(avellanedaStoikovControl(gueant)))),
    [
      { inventory: -2, bid: "3.1767964640" },
      { inventory: 0, bid: "3.3130454188" },
      { inventory: 1, bid: "3.3811681006" },
      { inventory: 5, bid: "3.6534795405" },
    ],
  ),
  {
    ...stationary,
    formula: "c = ln(1+gamma/k)/gamma",
    quantity: "c",
    expected: "3.278982282299097",
    compute: () => fillPremium(0.01, 0.3),
  },
  ...quotes(impact, "xi = 1, T = 600", () => ladder({ ...gueant, fillImpact: 1 }, 600), [
    { inventory: 0, bid: "3.8157094165", ask: "3.8157094165" },
    { inventory: 1, bid: "3.8891591804", ask: "3.7422551481" },
  ]),
  ...quotes(drift, "mu = 0.0005, T = 600", () => ladder({ ...gueant, drift: 0.0005 }, 600), [
    { inventory: 0, bid: "3.2751974978", ask: "3.3508922138" },
    { inventory: 1, bid: "3.3433230442", ask: "3.2827670668" },
  ]),
  ...quotes(
    jumps,
    "nu = 0.02, sJ = 1.5, T = 600",
    () => ladder({ ...gueant, jumps: { rate: 0.02, deviation: 1.5 } }, 600),
    [
      { inventory: 0, bid: "3.320760674428", ask: "3.320760674428" },
      { inventory: 1, bid: "3.404313207198", ask: "3.237203890170" },
      { inventory: 5, bid: "3.738311326312", ask: "2.903104100395" },
    ],
  ),
  ...quotes(
    { ...exact, formula: "sigma^2 + nu sJ^2 in the place of jumps (not the exact term)" },
    "sigma^2 + nu sJ^2, T = 600",
    () => ladder({ ...gueant, volatility: Math.sqrt(0.09 + 0.02 * 2.25) }, 600),
    [
      { inventory: 0, bid: "3.320737007109" },
      { inventory: 1, bid: "3.404239828090", ask: "3.237227557489" },
      { inventory: 5, bid: "3.737920413199", ask: "2.903388360852" },
    ],
  ),
];
