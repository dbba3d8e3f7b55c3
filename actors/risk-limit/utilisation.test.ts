import { suite } from "uvu";
import * as assert from "uvu/assert";

import { quantityLots } from "../kernel/units.ts";
import { initialState, type RiskLimitState } from "./decide.ts";
import { noLimits } from "./limits.ts";
import { RiskUtilisation, utilisationOf } from "./utilisation.ts";

const test = suite("utilisation of risk limits");

const limited: RiskLimitState = {
  ...initialState({
    ...noLimits,
    maximumOpenQuantity: quantityLots(100),
    maximumPosition: 50,
    maximumLoss: 1_000,
  }),
  reserved: 30,
  holds: { a: { epoch: 1, number: 1, quantity: 15, markets: [] } },
  holdings: {
    a: { profit: -1_500, position: 20, accounts: [] },
    b: { profit: 600, position: 5, accounts: [] },
  },
};

test("B1.4 what is used of a limit counts clients and members, the loss of all together, and no profit", () => {
  assert.equal(utilisationOf(limited), {
    stopped: false,
    used: { open: 0.45, position: 0.5, loss: 0.9 },
  });
  const winning = { ...limited, holdings: { b: { profit: 600, position: 5, accounts: [] } } };
  assert.is(utilisationOf(winning).used.loss, 0);
});

test("B1.4 a limit of 0 is all used by anything open, and does not limit position and loss", () => {
  const state = { ...limited, limits: noLimits };
  assert.equal(utilisationOf(state).used, { open: 1, position: null, loss: null });
  const quiet = { ...initialState(noLimits), stopped: "drill" };
  assert.equal(utilisationOf(quiet), {
    stopped: true,
    used: { open: 0, position: null, loss: null },
  });
});

test("B1.4 a cell tells the highest use of each kind and how many limits are nearly used, of those that run", () => {
  const cell = new RiskUtilisation();
  cell.note("a", utilisationOf(limited));
  cell.note("b", { stopped: true, used: { open: 0.95, position: null, loss: 0.2 } });
  assert.equal(cell.summary(), {
    limits: 2,
    stopped: 1,
    byKind: {
      open: { highest: 0.95, nearly: 1 },
      position: { highest: 0.5, nearly: 0 },
      loss: { highest: 0.9, nearly: 1 },
    },
  });
  cell.forget("b");
  assert.is(cell.summary().byKind.open.highest, 0.45);
  cell.forget("a");
  assert.is(cell.summary().limits, 0);
});

test.run();
