import { suite } from "uvu";
import * as assert from "uvu/assert";

import {
  asItch,
  asLobsterMessages,
  generateSession,
} from "../../test/support/session-generator.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import { sessionFormat } from "./format.ts";

const test = suite("format of a session file");
const session = generateSession({
  random: seededRandomness(3),
  steps: 200,
  levels: null,
  outOfOrderPerMille: 0,
});

test("each format is told by its first bytes, a damaged first message included", () => {
  const itch = asItch(session, "TEST").subarray(0, 4_096);
  assert.is(sessionFormat(itch), "itch");
  const damaged = Buffer.from(itch);
  damaged[2] = 0x21;
  assert.is(sessionFormat(damaged), "itch");
  const lobster = Buffer.from(asLobsterMessages(session)).subarray(0, 4_096);
  assert.is(sessionFormat(lobster), "lobster");
  const spotted = Buffer.from(lobster);
  spotted[10] = 0;
  assert.is(sessionFormat(spotted), "lobster");
});

test("what is neither is refused", () => {
  assert.is(
    sessionFormat(Buffer.from(Array.from({ length: 4_096 }, (_, index) => index % 7))),
    null,
  );
});

test.run();
