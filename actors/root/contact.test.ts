import { suite } from "uvu";
import * as assert from "uvu/assert";

import { MemoryBroker, MemoryBus } from "../bus/memory.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import { refuse } from "../kernel/result.ts";
import { cellContactSubject } from "../../schemas/subjects.ts";
import { manualClock } from "../kernel/manual-clock.ts";
import { durationNs } from "../kernel/units.ts";
import { LeaseBoard } from "./lease-board.ts";
import { encodeLease, encodeOwnership, keys } from "../region/codec.ts";
import { answerContacts, answersContact } from "../region/contact.ts";
import { silentAfter } from "../region/silence.ts";
import { Succession } from "../region/succession.ts";

const test = suite("contact with cells");

const step = durationNs(100_000_000);
const secondNs = 1_000_000_000;
const owner = { region: "eu", cell: "eu-1", incarnation: 2 };
const candidate = { market: "BTC-EUR", shard: "atlas-00", home: "eu", blocked: null };

/** The owner of a shard, whose lease was written once, and a cell of another region that follows the shard. */
async function world() {
  const clock = manualClock();
  const broker = new MemoryBroker();
  const there = new MemoryBus(broker, clock);
  const here = new MemoryBus(broker, clock);
  const put = (key: string, bytes: Uint8Array) =>
    there.keys.compareAndSet(keys.leaseBucket, key, bytes, 0);
  const lease = { renewal: 1, nonce: new Uint8Array(), fenced: false, released: false };
  await put(keys.lease("eu", "eu-1"), encodeLease({ ...owner, ...lease, node: "n", actors: null }));
  const record = encodeOwnership({ ...owner, shard: "atlas-00", epoch: 4, since: 4 });
  await put(keys.ownership("atlas-00"), record);
  const answers = (holder: Parameters<typeof answersContact>[1]): Promise<boolean> =>
    answersContact(here, holder, []);
  const succession = new Succession({
    keys: here.keys,
    clock,
    region: "us",
    cell: "us-1",
    regionsOf: () => ["eu", "us"],
    automatic: true,
    answers,
  });
  const board = new LeaseBoard(here.keys, clock, answers);
  return {
    there,
    here,
    succession,
    /** Seconds until the cell may claim the shard, and until the board holds its owner for silent. */
    takes: async (): Promise<{ readonly claim: number; readonly silent: number }> => {
      const found = { claim: Number.POSITIVE_INFINITY, silent: Number.POSITIVE_INFINITY };
      for (let at = 0; at < 20 * secondNs; at += step) {
        const { may } = await succession.candidacy(candidate);
        if (may === "claim") found.claim = Math.min(found.claim, at / secondNs);
        const read = await board.read();
        const [seen] = read.ok ? read.value.leases : [];
        if ((seen?.silentNs ?? 0) >= silentAfter) {
          found.silent = Math.min(found.silent, at / secondNs);
        }
        if (Number.isFinite(found.claim + found.silent)) break;
        await clock.advance(step);
      }
      return found;
    },
  };
}

test("B9.1 an owner that does not answer is replaced when its lease has run out", async () => {
  const { takes, succession } = await world();
  const { claim, silent } = await takes();
  succession.stop();
  for (const seconds of [claim, silent]) {
    assert.ok(seconds >= 2.3 && seconds <= 3.8, `${seconds} s`);
  }
});

test("B9.1 an owner that answers for itself is given four seconds more to reach the store, and no longer", async () => {
  const { there, takes, succession } = await world();
  answerContacts(there, owner);
  const { claim, silent } = await takes();
  succession.stop();
  for (const seconds of [claim, silent]) {
    assert.ok(seconds >= 6.3 && seconds <= 7.8, `${seconds} s`);
  }
});

test("B9.1 another life of the owner's process does not answer for the one that holds the lease", async () => {
  const { there, takes, succession } = await world();
  answerContacts(there, { ...owner, incarnation: 3 });
  const { claim } = await takes();
  succession.stop();
  assert.ok(claim <= 3.8, `${claim} s`);
});

test("a cell answers while it holds its lease, and for itself only", async () => {
  const { there, here } = await world();
  assert.not.ok(await answersContact(here, owner, []));
  const served = answerContacts(there, owner);
  assert.ok(await answersContact(here, owner, []));
  assert.not.ok(await answersContact(here, { ...owner, cell: "eu-2" }, []));
  const subject = cellContactSubject(owner.region, owner.cell);
  const within = durationNs(secondNs);
  for (const cell of ["eu.1", "*", ""]) {
    const lease = { renewal: 1, nonce: new Uint8Array(), fenced: false, released: false };
    const about = encodeLease({ ...owner, ...lease, cell, node: "", actors: null });
    const reply = await here.request(subject, about, within);
    assert.is(reply.ok ? reply.value.length : -1, 0, `${cell} is the name of no cell`);
  }
  const garbage = await here.request(subject, new Uint8Array([255, 255, 255]), within);
  assert.is(garbage.ok ? garbage.value.length : -1, 0);
  assert.ok(await answersContact(here, owner, []), "it goes on answering");
  served.unsubscribe();
  assert.not.ok(await answersContact(here, owner, []));
});

test("B9.1 a cell that is cut from this one lives when another cell is answered by it", async () => {
  const { there, here } = await world();
  const toOwner = cellContactSubject(owner.region, owner.cell);
  const cut: Pick<Bus, "request"> = {
    request: (subject, payload, within) =>
      subject === toOwner
        ? Promise.resolve(refuse("timeout", "it is cut off"))
        : here.request(subject, payload, within),
  };
  const witness = { region: "ap", cell: "ap-1", incarnation: 7 };
  const asked = (): Promise<boolean> => answersContact(cut, owner, [witness, owner]);
  assert.not.ok(await asked(), "nobody lives");
  const answering = answerContacts(there, owner);
  assert.not.ok(await asked(), "nobody sees it");
  const witnessing = answerContacts(here, witness);
  assert.ok(await asked());
  assert.not.ok(await answersContact(cut, { ...owner, incarnation: 1 }, [witness]));
  answering.unsubscribe();
  assert.not.ok(await asked(), "its witness is not answered");
  witnessing.unsubscribe();
});

test.run();
