import { certain } from "../numerics/failure.ts";
import { type Oracle, type OracleSource, vectorOracles } from "../oracle.ts";
import { type GaussianRegimes, likeliestRegimes, regimeProbabilities } from "./hidden-markov.ts";

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
];
