import { suite } from "uvu";
import * as assert from "uvu/assert";

import { checkBooks, moveMaker } from "../../test/support/moving-maker.ts";
import { seed } from "../../test/support/seed.ts";

const test = suite("a market maker that moves");

test("B7.7 over cut cells, stops, market restarts and lost replies no order is lost or done twice", async () => {
  const first = seed(5_005);
  const books = await moveMaker({ seed: first, moves: 6 });
  checkBooks(books, `SEED=${first} npm run soak -- moving-maker --seed=${first}`);
  assert.ok(books.trades > 20, `${books.trades} trades`);
  assert.ok(books.incarnations > 1, "it has moved");
  assert.ok(books.lostReplies > 0, "replies were lost");
});

test.run();
