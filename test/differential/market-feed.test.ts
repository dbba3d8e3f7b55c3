import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { decodeItch } from "../../schemas/nasdaq/codec.ts";
import { decodeMold } from "../../schemas/nasdaq/mold.ts";
import { build, hostTree, missingBuildTools, pipe } from "../rv32/programs.ts";
import { dissect, missingTshark } from "../support/packet-capture.ts";
import { repository } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";

const test = suite("market feed");

const faults = [
  "_ws.malformed",
  "moldudp64.msglen.invalid",
  "moldudp64.count.invalid",
  "moldudp64.end_of_session_extra",
];

/** What a seeded market sends. */
async function sample(): Promise<Uint8Array[]> {
  await build(hostTree, ["-DMERIDIAN_TESTS=ON", "-DMERIDIAN_ADDON=OFF"], ["feed_sample"]);
  const seed = process.env["MERIDIAN_SEED"] ?? "1";
  const program = join(repository, hostTree, "feed", "feed_sample");
  const run = await pipe(program, [seed, "4000"], new Uint8Array());
  assert.is(run.exitCode, 0, run.said);
  const bytes = Buffer.from(run.answers);
  const packets: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 2 + bytes.readUInt16BE(at))
    packets.push(bytes.subarray(at + 2, at + 2 + bytes.readUInt16BE(at)));
  return packets;
}

testUnless(
  test,
  missingBuildTools,
  "B5.6 the codec of the other language reads all that a market sends, without a gap",
  async () => {
    let next = 1n;
    const kinds = new Set<string>();
    const ends: string[] = [];
    for (const bytes of await sample()) {
      const packet = decodeMold(bytes);
      assert.ok(packet.ok);
      if (!packet.ok) return;
      assert.is(packet.value.sequence, next);
      if (packet.value.kind !== "messages") {
        ends.push(packet.value.kind);
        continue;
      }
      for (const message of packet.value.messages) {
        const decoded = decodeItch(message);
        assert.ok(decoded.ok, Buffer.from(message).toString("hex"));
        if (decoded.ok) kinds.add(decoded.message.kind);
        next += 1n;
      }
    }
    assert.equal(ends, ["heartbeat", "endOfSession"]);
    assert.ok(kinds.size >= 13, [...kinds].join(" "));
  },
);

testUnless(
  test,
  missingBuildTools ?? missingTshark,
  "B5.6 tshark dissects every packet of MoldUDP64 without an error",
  async () => {
    const packets = await sample();
    const dissected = await dissect(
      packets.map((payload) => ({ protocol: "udp", from: 5000, to: 6000, payload })),
      "udp.port==6000,moldudp64",
      ["frame.protocols", "moldudp64.session", "moldudp64.count", ...faults],
    );
    assert.is(dissected.length, packets.length);
    for (const [index, fields] of dissected.entries()) {
      const [protocols, session, count, ...found] = fields;
      const bytes = Buffer.from(packets[index] ?? []);
      assert.match(protocols ?? "", /moldudp64/);
      assert.is(session?.trim(), "MERIDIAN1");
      assert.is(Number(count), bytes.readUInt16BE(18));
      assert.equal(found, ["", "", "", ""], `packet ${index}`);
    }
  },
);

test.run();
