import { certain } from "../numerics/failure.ts";
import { type Oracle, type OracleSource, vectorOracles } from "../oracle.ts";
import { filterLocalLevel, fitLocalLevel } from "./local-level.ts";

/** Annual flow of the Nile at Aswan, 1871 to 1970, 10^8 cubic metres: as in the data set of statsmodels 0.15. */
export const nile = [
  1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180,
  799, 958, 1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701,
  916, 692, 1020, 1050, 969, 831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862,
  698, 845, 744, 796, 1040, 759, 781, 865, 845, 944, 984, 897, 822, 1010, 771, 676, 649, 846, 812,
  742, 801, 1040, 860, 874, 848, 890, 744, 749, 838, 1050, 918, 986, 797, 923, 975, 815, 1020, 906,
  901, 1170, 912, 746, 919, 718, 714, 740,
];

const source: OracleSource = {
  model: "Local level",
  formula: "diffuse likelihood by innovations; Kalman filter",
  source: "Durbin and Koopman 2012, section 2.10, computed independently on the Nile's flow",
  provenance: "C",
};

export const oracles: readonly Oracle[] = [
  {
    ...source,
    quantity: "noise variance",
    expected: "15098.5187",
    tolerance: 0.05,
    compute: () => certain(fitLocalLevel(nile)).noiseVariance,
  },
  {
    ...source,
    quantity: "level variance",
    expected: "1469.177",
    tolerance: 0.02,
    compute: () => certain(fitLocalLevel(nile)).levelVariance,
  },
  {
    ...source,
    quantity: "log-likelihood",
    expected: "-632.5456251",
    compute: () => certain(fitLocalLevel(nile)).logLikelihood,
  },
  ...vectorOracles(source, "last level, its variance", ["798.3673", "4032.173"], () => {
    const { filtered, filteredVariance } = certain(
      filterLocalLevel(nile, { noiseVariance: 15098.5187, levelVariance: 1469.177 }),
    );
    return [filtered.at(-1)!, filteredVariance.at(-1)!];
  }),
  ...vectorOracles(
    {
      ...source,
      formula: "fixed-interval smoother",
      source: "statsmodels 0.15, UnobservedComponents, exact diffuse start",
    },
    "smoothed level of 1871, 1898, 1899, 1970; variance of 1871, 1921",
    [
      1111.6686804560204, 999.5859121312059, 950.9286788470956, 798.3672786476587,
      4032.1731546710344, 2326.7784310524817,
    ],
    () => {
      const { smoothed, smoothedVariance } = certain(
        filterLocalLevel(nile, { noiseVariance: 15098.5187, levelVariance: 1469.177 }),
      );
      return [
        ...[0, 27, 28, 99].map((t) => smoothed[t]!),
        ...[0, 50].map((t) => smoothedVariance[t]!),
      ];
    },
  ),
];
