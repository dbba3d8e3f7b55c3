import { certain } from "../numerics/failure.ts";
import type { Oracle, OracleSource } from "../oracle.ts";
import { solveRegimes } from "./cartea-jaimungal-regimes.ts";
import { type CarteaJaimungalParameters, carteaJaimungalControl } from "./cartea-jaimungal.ts";
import { type QuoteLadder, solveControl } from "./inventory-control.ts";

interface Row {
  readonly setting: string;
  readonly parameters: CarteaJaimungalParameters;
  readonly horizon: number;
  /** h(0, 0); bid and ask at q = 0; bid and ask at q = 1. */
  readonly expected: readonly [string, string, string, string, string];
}

const base = (
  rates: readonly [number, number],
  arrivalDecay: number,
  runningPenalty: number,
  terminalPenalty: number,
  inventoryBound: number,
  impacts: readonly [number, number] = [0, 0],
): CarteaJaimungalParameters => ({
  buyRate: rates[0],
  sellRate: rates[1],
  arrivalDecay,
  runningPenalty,
  terminalPenalty,
  inventoryBound,
  buyImpact: impacts[0],
  sellImpact: impacts[1],
});

const rows: readonly Row[] = [
  {
    setting: "lam 140, kappa 1.5",
    parameters: base([140, 140], 1.5, 0.01, 0.001, 100),
    horizon: 1,
    expected: [
      "68.255834761906",
      "0.672137148832",
      "0.672137148832",
      "0.683077783377",
      "0.661196184502",
    ],
  },
  {
    setting: "lam 100, kappa 1",
    parameters: base([100, 100], 1, 0.01, 0.001, 100),
    horizon: 1,
    expected: [
      "73.225863440295",
      "1.007187850377",
      "1.007187850377",
      "1.021563291240",
      "0.992812149623",
    ],
  },
  {
    setting: "lam 50, kappa 2",
    parameters: base([50, 50], 2, 0.01, 0.001, 100),
    horizon: 1,
    expected: [
      "18.219290516366",
      "0.507199989518",
      "0.507199989518",
      "0.521598921907",
      "0.492800010482",
    ],
  },
  {
    setting: "lam 1, kappa 100",
    parameters: base([1, 1], 100, 1e-5, 1e-4, 3),
    horizon: 30,
    expected: [
      "0.205348302124",
      "0.010822241202",
      "0.010822241202",
      "0.012755570053",
      "0.009177758798",
    ],
  },
  {
    setting: "lam 5, eps 0.05",
    parameters: base([5, 5], 10, 0.02, 0.01, 10, [0.05, 0.05]),
    horizon: 10,
    expected: [
      "1.788472229100",
      "0.173059150364",
      "0.173059150364",
      "0.217717462342",
      "0.126940849636",
    ],
  },
  {
    setting: "lam+ 6, lam- 4, eps+ 0.05, eps- 0.04",
    parameters: base([6, 4], 10, 0.02, 0.01, 10, [0.05, 0.04]),
    horizon: 10,
    expected: [
      "3.915524559246",
      "-0.001245860532",
      "0.325608999643",
      "0.037272588010",
      "0.291245860532",
    ],
  },
];

const source: OracleSource = {
  model: "Cartea-Jaimungal",
  formula: "dw/ds = A w, h = ln(w)/kappa, d = 1/kappa + eps - h(q+-1) + h(q)",
  source: "Cartea, Jaimungal, Penalva 2015, eq. (10.11); matrix exponential in another language",
  provenance: "C",
};

const figures = (
  from: OracleSource,
  setting: string,
  expected: readonly (string | null)[],
  solve: () => QuoteLadder,
  arrivalDecay: number,
): readonly Oracle[] => {
  const names = [
    "h(0, 0)",
    "bid distance, q = 0",
    "ask distance, q = 0",
    "bid distance, q = 1",
    "ask distance, q = 1",
  ];
  const read = ({ inventoryBound: q, logValue, bid, ask }: QuoteLadder): readonly number[] => [
    logValue[q]! / arrivalDecay,
    bid[q]!,
    ask[q]!,
    bid[q + 1]!,
    ask[q + 1]!,
  ];
  return expected.flatMap((printed, index) =>
    printed === null
      ? []
      : [
          {
            ...from,
            quantity: `${names[index]}, ${setting}`,
            expected: printed,
            compute: () => read(solve())[index]!,
          },
        ],
  );
};

const regimes = (["calm", "nervous"] as const).map((_, index) =>
  base([5, 5], 10, index === 0 ? 0.005 : 0.05, 0.01, 10),
);
const switching = [
  [-0.5, 0.5],
  [1, -1],
];
const still = [
  [0, 0],
  [0, 0],
];
const regimeSource: OracleSource = {
  ...source,
  model: "Cartea-Jaimungal, regimes",
  formula: "dh_r/ds = -phi_r q^2 + (lam/(kappa e)) sum e^(kappa dh) + sum_s G_rs h_s",
  source: "own derivation; Runge-Kutta with 20,000 steps in another language",
};
const regime = (generator: readonly (readonly number[])[], index: number) => (): QuoteLadder =>
  certain(solveRegimes(regimes, generator, 10, 4_000))[index]!;

export const oracles: readonly Oracle[] = [
  ...rows.flatMap(({ setting, parameters, horizon, expected }) =>
    figures(
      source,
      setting,
      expected,
      () => certain(solveControl(certain(carteaJaimungalControl(parameters)), horizon)),
      parameters.arrivalDecay,
    ),
  ),
  ...figures(
    regimeSource,
    "regime 0",
    ["3.133244387741", "0.112744424800", "0.112744424800", "0.137822871381", "0.087255575200"],
    regime(switching, 0),
    10,
  ),
  ...figures(
    regimeSource,
    "regime 1",
    ["3.108472137497", "0.124931360116", "0.124931360116", "0.173168046989", "0.075068639884"],
    regime(switching, 1),
    10,
  ),
  ...figures(regimeSource, "regime 0, G = 0", ["3.374343715432"], regime(still, 0), 10),
  ...figures(regimeSource, "regime 1, G = 0", ["2.772208670621"], regime(still, 1), 10),
];
