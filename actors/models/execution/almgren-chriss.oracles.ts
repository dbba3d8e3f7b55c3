import { certain } from "../numerics/failure.ts";
import { type Oracle, vectorOracles } from "../oracle.ts";
import { almgrenChriss, type AlmgrenChrissSchedule } from "./almgren-chriss.ts";

/** Table 1 of the paper: dollars, shares and days. */
export const paperParameters = {
  quantity: 1e6,
  duration: 5,
  intervals: 5,
  volatility: 0.95,
  fixedCost: 0.0625,
  permanentImpact: 2.5e-7,
  temporaryImpact: 2.5e-6,
} as const;

const schedule = (riskAversion: number): AlmgrenChrissSchedule =>
  certain(almgrenChriss({ ...paperParameters, riskAversion }));

const table = [
  [0, "0", ["800000", "600000", "400000", "200000"], "662500", "1.083e12"],
  [
    1e-7,
    ".1946285504675",
    ["757882.3913", "544564.3135", "351939.6796", "172688.7535"],
    "670057.4600",
    "9.247186061e11",
  ],
  [
    1e-6,
    ".6070761632471",
    ["541955.5544", "289854.2194", "147897.4878", "62141.8016"],
    "911226.9863",
    "3.641285721e11",
  ],
  [
    2e-6,
    ".8462971345013",
    ["428598.8457", "182932.8143", "76295.7216", "27643.3774"],
    "1140715.1670",
    "2.019312872e11",
  ],
  [
    1e-5,
    "1.7267108656229",
    ["177868.3097", "31636.1962", "5621.6280", "969.2462"],
    "1845211.2616",
    "2.948515029e10",
  ],
] as const;

export const oracles: readonly Oracle[] = table.flatMap(
  ([lambda, kappa, holdings, cost, variance]) => {
    const source = {
      model: "Almgren-Chriss",
      formula: "x_j = X sinh(kappa (T - t_j)) / sinh(kappa T)",
      source: "Almgren, Chriss 2000, parameters of Table 1; closed form computed apart",
      provenance: "C",
    } as const;
    return [
      {
        ...source,
        quantity: `kappa, lambda = ${lambda}`,
        expected: kappa,
        compute: () => schedule(lambda).urgency,
      },
      ...vectorOracles(source, `holdings after 1 to 4, lambda = ${lambda}`, holdings, () =>
        schedule(lambda).holdings.subarray(1),
      ),
      {
        ...source,
        formula: "gamma X^2 / 2 + eps sum |n| + (eta~ / tau) sum n^2",
        quantity: `E, lambda = ${lambda}`,
        expected: cost,
        compute: () => schedule(lambda).expectedCost,
      },
      {
        ...source,
        formula: "sigma^2 tau sum x_j^2",
        quantity: `V, lambda = ${lambda}`,
        expected: variance,
        compute: () => schedule(lambda).variance,
      },
    ];
  },
);
