import { suite } from "uvu";
import * as assert from "uvu/assert";

import { markPoundReturns } from "../../../test/models/mark-pound.ts";
import { certain } from "../numerics/failure.ts";
import { garchPath } from "../volatility/garch.ts";
import { fitGarch } from "../volatility/garch-fit.ts";
import { filteredRisk } from "./filtered-historical.ts";
import { historicalRisk } from "./historical.ts";
import { christoffersenTest } from "./var-backtest.ts";

const test = suite("value at risk of an exchange rate");

const markPound = markPoundReturns("value at risk of an exchange rate");
if (markPound !== null) {
  const first = 1_000;
  // Parameters from the days before the first forecast; a variance forgets its start by 4 % a day.
  const { parameters } = certain(fitGarch(markPound.slice(0, first)));
  const deviations = certain(garchPath(markPound, parameters)).variances.map(Math.sqrt);
  const losses = Float64Array.from(markPound, (value) => -value);

  test("B5.3 out of sample filtered exceptions come as promised and apart, plain historical ones cluster", () => {
    for (const window of [250, 1_000]) {
      const exceptions = { filtered: [] as number[], plain: [] as number[] };
      for (let day = first; day < losses.length; day += 1) {
        const past = losses.subarray(day - window, day);
        const scales = deviations.subarray(day - window, day);
        const filtered = certain(filteredRisk(past, scales, deviations[day]!, 0.95));
        const plain = certain(historicalRisk(past, 0.95));
        exceptions.filtered.push(losses[day]! > filtered.valueAtRisk ? 1 : 0);
        exceptions.plain.push(losses[day]! > plain.valueAtRisk ? 1 : 0);
      }
      const [filtered, plain] = [exceptions.filtered, exceptions.plain].map((hits) =>
        certain(christoffersenTest(Uint8Array.from(hits), 0.05)),
      );
      assert.is(exceptions.filtered.length, 974);
      assert.ok(filtered!.conditional.pValue > 0.1, `${window}: ${filtered!.conditional.pValue}`);
      assert.ok(filtered!.independence.pValue > 0.1, `${window}`);
      assert.ok(plain!.conditional.pValue < 0.01, `${window}: ${plain!.conditional.pValue}`);
    }
  });
}

test.run();
