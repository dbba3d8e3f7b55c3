import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "./messages.ts";

const test = suite("messages");

test("an absent 64-bit field is the number 0", () => {
  const { session, commands } = wire.market.v1.SubmitRequest.decode(
    wire.market.v1.SubmitRequest.encode({ commands: [{ cancel: {} }] }).finish(),
  );
  assert.is(session, 0);
  assert.is(commands[0]?.number, 0);
  assert.is(commands[0]?.cancel?.orderId, 0);
});

test("64-bit fields hold every safe integer", () => {
  const most = Number.MAX_SAFE_INTEGER;
  const place = { price: -most, quantity: most };
  const command = wire.market.v1.Command.encode({ number: most, place }).finish();
  const decoded = wire.market.v1.Command.decode(command);
  assert.is(decoded.number, most);
  assert.is(decoded.place?.price, -most);
  assert.is(decoded.place?.quantity, most);
});

test.run();
