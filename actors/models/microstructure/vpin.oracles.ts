import { type Oracle, vectorOracles } from "../oracle.ts";
import { vpinOfBars } from "./vpin.ts";

const priceChanges = [0.01, -0.02, 0.03, 0, -0.01, 0.02, -0.03, 0.01];
const volumes = [120, 80, 200, 50, 150, 100, 90, 210];

/** With n - 1, over the whole sample. */
function standardDeviation(values: readonly number[]): number {
  const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
  const squares = values.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

export const oracles: readonly Oracle[] = vectorOracles(
  {
    model: "VPIN",
    formula: "sum |Vb - Vs| / (n V), Vb = V Phi(dP / sd)",
    source: "Easley, López de Prado, O'Hara 2012, eqs. (5)-(7); 8 bars by hand",
    provenance: "C",
  },
  "bucket 200, n = 3",
  [".395693065615", ".391387931864", ".230450846103"],
  () => {
    const result = vpinOfBars({
      priceChanges,
      volumes,
      bucketVolume: 200,
      buckets: 3,
      standardDeviation: standardDeviation(priceChanges),
    });
    return result.ok ? result.value : [];
  },
);
