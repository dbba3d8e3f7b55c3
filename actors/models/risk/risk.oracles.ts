import { certain } from "../numerics/failure.ts";
import type { Oracle } from "../oracle.ts";
import { normalRisk, studentRisk } from "./parametric.ts";
import { christoffersenTest, kupiecTest } from "./var-backtest.ts";

const parametric = [
  [0.95, "1.6448536270", "2.0627128075", "1.5608497583", "2.2386842555"],
  [0.975, "1.9599639845", "2.3378027922", "1.9911641279", "2.7278020716"],
  [0.99, "2.3263478740", "2.6652142203", "2.6064635694", "3.4488367600"],
] as const;

const tails: readonly Oracle[] = parametric.flatMap(
  ([confidence, normalVar, normalEs, studentVar, studentEs]) => {
    const normal = {
      model: "VaR and ES, normal",
      formula: "VaR = z sigma, ES = phi(z) / (1 - c) sigma",
      source: "computed with a statistics library",
      provenance: "C",
    } as const;
    const student = {
      ...normal,
      model: "VaR and ES, Student t",
      formula: "ES = f(q) (nu + q^2) / ((nu - 1)(1 - c)) sqrt((nu - 2) / nu) sigma",
    };
    return [
      {
        ...normal,
        quantity: `VaR, c = ${confidence}`,
        expected: normalVar,
        compute: () => certain(normalRisk(confidence, 1)).valueAtRisk,
      },
      {
        ...normal,
        quantity: `ES, c = ${confidence}`,
        expected: normalEs,
        compute: () => certain(normalRisk(confidence, 1)).expectedShortfall,
      },
      {
        ...student,
        quantity: `VaR, nu = 5, unit variance, c = ${confidence}`,
        expected: studentVar,
        compute: () => certain(studentRisk(confidence, 5, 1)).valueAtRisk,
      },
      {
        ...student,
        quantity: `ES, nu = 5, unit variance, c = ${confidence}`,
        expected: studentEs,
        compute: () => certain(studentRisk(confidence, 5, 1)).expectedShortfall,
      },
    ];
  },
);

const kupiec = {
  model: "VaR backtest, Kupiec",
  formula: "-2 ln[(1-p)^(T-N) p^N / ((1-f)^(T-N) f^N)]",
  source: "Kupiec 1995; computed apart",
  provenance: "C",
} as const;

const coverage: readonly Oracle[] = [
  [250, 5, 0.01, "1.956809788231"],
  [250, 0, 0.01, "5.025167926751"],
  [1_000, 17, 0.01, "4.090972554546"],
  [500, 35, 0.05, "3.765076007510"],
].map(([periods, exceptions, probability, expected]) => ({
  ...kupiec,
  quantity: `LR, T = ${periods}, N = ${exceptions}, p = ${probability}`,
  expected: expected as string,
  compute: () =>
    certain(kupiecTest(periods as number, exceptions as number, probability as number)).statistic,
}));

/** 100 periods with exceptions at these, counted from 0. */
export function exampleHits(): Uint8Array {
  const hits = new Uint8Array(100);
  for (const at of [10, 11, 12, 40, 70, 71]) hits[at] = 1;
  return hits;
}

const christoffersen = {
  model: "VaR backtest, Christoffersen",
  formula: "LR of a Markov chain against one probability",
  source: "Christoffersen 1998; computed apart",
  provenance: "C",
} as const;

export const oracles: readonly Oracle[] = [
  ...tails,
  ...coverage,
  {
    ...kupiec,
    quantity: "p value, T = 250, N = 5, p = 0.01",
    expected: ".161854917196",
    compute: () => certain(kupiecTest(250, 5, 0.01)).pValue,
  },
  {
    ...christoffersen,
    quantity: "LR of independence, 100 periods, 6 exceptions",
    expected: "10.445253467638",
    compute: () => certain(christoffersenTest(exampleHits(), 0.05)).independence.statistic,
  },
  {
    ...christoffersen,
    quantity: "LR of coverage at p = 0.05",
    expected: ".198422127387",
    compute: () => certain(christoffersenTest(exampleHits(), 0.05)).unconditional.statistic,
  },
];
