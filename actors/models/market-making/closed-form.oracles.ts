import type { Oracle, OracleSource } from "../oracle.ts";
import { certain } from "../numerics/failure.ts";
import {
  avellanedaStoikovQuotes,
  symmetricHalfSpread,
  avellanedaStoikovCoefficients,
} from "./avellaneda-stoikov.ts";
import {
  gueantLehalleTapiaCoefficients,
  gueantLehalleTapiaQuotes,
  type GueantLehalleTapiaParameters,
  halfSpreadAndSkew,
} from "./gueant-lehalle-tapia.ts";
import type { MarketParameters } from "./quotes.ts";

/** The parameters of the tables of Avellaneda and Stoikov (2008). */
const avellaneda = (riskAversion: number): MarketParameters => ({
  riskAversion,
  volatility: 2,
  arrivalRate: 140,
  arrivalDecay: 1.5,
});
/** The parameters of the figures of Guéant, Lehalle and Fernandez-Tapia (2013): ticks and seconds. */
const gueant: MarketParameters = {
  riskAversion: 0.01,
  volatility: 0.3,
  arrivalRate: 0.9,
  arrivalDecay: 0.3,
};
const example = {
  riskAversion: 0.05,
  volatility: 10.69,
  arrivalRate: 2.986162360812285,
  arrivalDecay: 0.04235741115084049,
};

const avellanedaSource: OracleSource = {
  model: "Avellaneda-Stoikov, closed form",
  formula: "c + gamma sigma^2 (T-t) (1/2 +- q), c = ln(1+gamma/k)/gamma",
  source: "Avellaneda, Stoikov 2008, section 3.2; evaluated in another language",
  provenance: "C",
};
const gueantSource: OracleSource = {
  model: "Guéant-Lehalle-Tapia, closed form",
  formula: "c + (2q+D)/2 sqrt(gamma sigma^2/(2ADk) (1+xi D/k)^(k/(xi D)+1))",
  source: "Guéant 2017, eqs. (4.6), (4.7); evaluated in another language",
  provenance: "C",
};
const hftbacktest: OracleSource = {
  ...gueantSource,
  source: "hftbacktest, printed output of its GLFT example",
  provenance: "R",
};

const closed = (extra: Partial<GueantLehalleTapiaParameters>, inventory: number) =>
  certain(gueantLehalleTapiaQuotes({ ...gueant, ...extra }, inventory));

export const oracles: readonly Oracle[] = [
  {
    ...avellanedaSource,
    quantity: "distance at q = 0, gamma = 0.1, T = 1",
    expected: "0.8453852114",
    compute: () => certain(avellanedaStoikovQuotes(avellaneda(0.1), 0, 1)).bid,
  },
  {
    ...avellanedaSource,
    quantity: "c, gamma = 0.1",
    expected: "0.6453852113757116",
    compute: () => certain(avellanedaStoikovCoefficients(avellaneda(0.1))).premium,
  },
  {
    ...avellanedaSource,
    quantity: "c, gamma = 0.01",
    expected: "0.664454271866851",
    compute: () => certain(avellanedaStoikovCoefficients(avellaneda(0.01))).premium,
  },
  {
    ...avellanedaSource,
    source: "Avellaneda, Stoikov 2008, table 1",
    provenance: "R",
    quantity: "average spread over the horizon, gamma = 0.1",
    expected: "1.49",
    compute: () =>
      2 * symmetricHalfSpread(certain(avellanedaStoikovCoefficients(avellaneda(0.1))), 1),
  },
  {
    ...avellanedaSource,
    source: "Avellaneda, Stoikov 2008, table 2",
    provenance: "R",
    quantity: "average spread over the horizon, gamma = 0.01",
    expected: "1.35",
    compute: () =>
      2 * symmetricHalfSpread(certain(avellanedaStoikovCoefficients(avellaneda(0.01))), 1),
  },
  {
    ...gueantSource,
    quantity: "c",
    expected: "3.278982282299097",
    compute: () => certain(gueantLehalleTapiaCoefficients(gueant)).base,
  },
  {
    ...gueantSource,
    quantity: "square root",
    expected: "0.0678658325308838",
    compute: () => certain(gueantLehalleTapiaCoefficients(gueant)).slope,
  },
  ...(
    [
      [-2, "3.1771835335"],
      [0, "3.3129151986"],
      [1, "3.3807810311"],
      [5, "3.6522443612"],
    ] as const
  ).map(([inventory, expected]) => ({
    ...gueantSource,
    quantity: `bid distance, q = ${inventory}`,
    expected,
    compute: () => closed({}, inventory).bid,
  })),
  ...(
    [
      [0, "3.8155580349", "3.8155580349"],
      [1, "3.8887095402", "3.7424065297"],
    ] as const
  ).flatMap(([inventory, bid, ask]) => [
    {
      ...gueantSource,
      quantity: `bid distance, impact of a fill 1, q = ${inventory}`,
      expected: bid,
      compute: () => closed({ fillImpact: 1 }, inventory).bid,
    },
    {
      ...gueantSource,
      quantity: `ask distance, impact of a fill 1, q = ${inventory}`,
      expected: ask,
      compute: () => closed({ fillImpact: 1 }, inventory).ask,
    },
  ]),
  ...(
    [
      [0, "3.2752119583", "3.3506184389"],
      [1, "3.3430777908", "3.2827526063"],
    ] as const
  ).flatMap(([inventory, bid, ask]) => [
    {
      ...gueantSource,
      quantity: `bid distance, drift 0.0005, q = ${inventory}`,
      expected: bid,
      compute: () => closed({ drift: 0.0005 }, inventory).bid,
    },
    {
      ...gueantSource,
      quantity: `ask distance, drift 0.0005, q = ${inventory}`,
      expected: ask,
      compute: () => closed({ drift: 0.0005 }, inventory).ask,
    },
  ]),
  {
    ...hftbacktest,
    quantity: "half spread, ticks",
    expected: "20.47208533844371",
    compute: () => certain(halfSpreadAndSkew(example)).halfSpread,
  },
  {
    ...hftbacktest,
    quantity: "skew, ticks per unit",
    expected: "9.76326865029227",
    compute: () => certain(halfSpreadAndSkew(example)).skew,
  },
];
