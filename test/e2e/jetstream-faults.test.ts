import { suite } from "uvu";

import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { drill } from "../jetstream-faults/drills.ts";
import { missingNatsServer } from "../support/nats-cluster.ts";
import { seed } from "../support/seed.ts";
import { testUnless } from "../support/skip.ts";

/** A slice of `npm run soak -- jetstream-faults`; a failure prints the seed in its place. */

const test = suite("faults of JetStream");
const missing = missingNatsServer();
const SEED = seed(20_264);

testUnless(
  test,
  missing,
  `B9.3 B9.7 a bit that turns over on a leader costs a taker no acknowledged order (SEED=${SEED})`,
  async () => void (await drill("damaged_leader", seededRandomness(SEED))),
);

test.run();
