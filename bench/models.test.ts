import { suite } from "uvu";
import * as assert from "uvu/assert";

import { modelsReport, runModels } from "./models.ts";
import { quickSizes, tasks } from "./models/workload.ts";

const test = suite("bench models");

test("the quick form computes every task and says that it compares nothing", async () => {
  const { figures, notes } = await runModels({ quick: true, repeats: 1, file: null });
  assert.equal(
    figures.map(({ name }) => name.split(",")[0]),
    [
      "quote from a table",
      "table of exact Avellaneda-Stoikov quotes",
      "table of stationary Guéant-Lehalle-Tapia quotes",
      "closed form of 5 assets",
      "Hawkes likelihood maximised",
      "GARCH(1",
      "Hawkes intensities of 2 types",
      "features of one quote: imbalance",
      "VaR and ES of 5 positions",
    ],
  );
  assert.ok(figures.every(({ values }) => values.every((value) => value > 0)));
  assert.equal(notes, ["the quick form compares nothing with Python"]);
});

test("a peer that computes something else voids the bench, one that cannot run is named", () => {
  const work = tasks(quickSizes).slice(0, 1);
  const ours = work.map((task) => [task.run()]);
  const result = ours[0]?.[0]?.result ?? [];
  const row = { index: 0, with: "numba", times: [1] };
  assert.is(modelsReport(work, ours, [{ ...row, result }]).figures.length, 2);
  assert.throws(
    () => modelsReport(work, ours, [{ ...row, result: result.map((value) => 1.001 * value) }]),
    /numba gives/,
  );
  assert.throws(() => modelsReport(work, ours, [{ ...row, result: [] }]), /numba gives NaN/);
  const { figures, notes } = modelsReport(work, ours, [{ index: 0, missing: "no numba" }]);
  assert.is(figures.length, 1);
  assert.match(notes[0] ?? "", /left out: no numba/);
});

test.run();
