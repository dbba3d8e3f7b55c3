import {
  multiAssetQuotes,
  stationaryMultiAsset,
} from "../../actors/models/market-making/gueant-lehalle-tapia-multi.ts";
import { twoAssets } from "../../actors/models/market-making/gueant-lehalle-tapia-multi.oracles.ts";
import {
  solveTwoAssets,
  twoAssetQuotes,
} from "../../actors/models/market-making/two-asset-exact.ts";
import { certain } from "../../actors/models/numerics/failure.ts";
import { near } from "./closeness.ts";

/** [q1, q2, bid1, bid2, ask1, ask2] as computed in another language with |q| <= 34 and a horizon of 1,500 s. */
const computed = [
  [0, 0, 3.31080217, 2.48481893, 3.31080217, 2.48481893],
  [1, 0, 3.3744393, 2.50296842, 3.2471624, 2.46666917],
  [3, -2, 3.46539818, 2.4770342, null, null],
] as const;

/** The exact two-asset solution at full size: its digits, and how near the closed form is. */
export function checkTwoAssets(): void {
  const solution = certain(solveTwoAssets(twoAssets, 34, 1_500, 7_500));
  const value = certain(stationaryMultiAsset(twoAssets));
  for (const [first, second, ...expected] of computed) {
    const exact = certain(twoAssetQuotes(solution, first, second));
    const { bids, asks } = certain(multiAssetQuotes(value, [first, second]));
    const closed = [bids[0]!, bids[1]!, asks[0]!, asks[1]!];
    for (const [index, printed] of expected.entries()) {
      if (printed === null) continue;
      const what = `q = (${first}, ${second}), distance ${index}`;
      near(exact[index]!, printed, 3e-9, what);
      near(closed[index]!, exact[index]!, 3e-4, what);
    }
  }
}
