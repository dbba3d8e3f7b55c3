import { certain } from "../numerics/failure.ts";
import { type Oracle, type OracleSource, vectorOracles } from "../oracle.ts";
import {
  fitRegimes,
  type GaussianRegimes,
  likeliestRegimes,
  regimeProbabilities,
} from "./hidden-markov.ts";

/** A calm and a wild regime. */
export const calmAndWild: GaussianRegimes = {
  transition: [
    [0.9, 0.1],
    [0.2, 0.8],
  ],
  initial: [0.6, 0.4],
  means: [0, 0],
  deviations: [0.5, 1.5],
};
export const observations = [0.1, -0.3, 1.2, -2, 0.4, 2.2];

/** Blocks of forty calm and forty wild values without chance in them. */
const blocks = Float64Array.from({ length: 200 }, (_, i) => {
  const t = i + 1;
  const calm = Math.floor(t / 40) % 2 === 0;
  return Math.sin(t * t) * (calm ? 0.5 : 1.5) + (calm ? 0.1 : -0.2);
});

const source: OracleSource = {
  model: "Gaussian hidden Markov model",
  formula: "forward-backward; Viterbi",
  source: "enumeration of all 64 paths, computed independently",
  provenance: "C",
};

export const oracles: readonly Oracle[] = [
  {
    ...source,
    quantity: "log-likelihood",
    expected: "-10.950932308380",
    compute: () => certain(regimeProbabilities(observations, calmAndWild)).logLikelihood,
  },
  {
    ...source,
    quantity: "log joint density of the likeliest path",
    expected: "-11.857399156901",
    compute: () => certain(likeliestRegimes(observations, calmAndWild)).logJoint,
  },
  ...vectorOracles(
    source,
    "likeliest path",
    [0, 0, 1, 1, 1, 1],
    () => certain(likeliestRegimes(observations, calmAndWild)).regimes,
  ),
  ...vectorOracles(
    source,
    "P(wild | all)",
    [".3017713", ".42586198", ".8772745", ".99866668", ".9329419", ".99954155"],
    () =>
      certain(regimeProbabilities(observations, calmAndWild)).smoothed.filter(
        (_, i) => i % 2 === 1,
      ),
  ),
  ...vectorOracles(
    {
      ...source,
      formula: "Baum-Welch",
      source: "hmmlearn 0.3.3, GaussianHMM without priors, from the same start",
      tolerance: 1e-6,
    },
    "P(0 stays), P(1 stays), means, deviations, log-likelihood",
    [
      0.9749215582931592, 0.9745623790792536, 0.08028972940270022, -0.05737440331980395,
      0.3391437399162932, 1.0792483039481076, -181.23390109765634,
    ],
    () => {
      const start = {
        transition: [
          [0.9, 0.1],
          [0.1, 0.9],
        ],
        initial: [0.5, 0.5],
        means: [0.1, -0.1],
        deviations: [0.5, 1],
      };
      const { model, logLikelihood } = certain(fitRegimes(blocks, start, { tolerance: 1e-11 }));
      return [
        model.transition[0]![0]!,
        model.transition[1]![1]!,
        ...model.means,
        ...model.deviations,
        logLikelihood,
      ];
    },
  ),
];
