import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { durationNs } from "../kernel/units.ts";
import { systemClock } from "../kernel/system-clock.ts";
import { MarketRoutes } from "./market-routes.ts";
import { MemoryBroker, MemoryBus } from "./memory.ts";

const test = suite("market routes");

const { SubmitReply } = wire.market.v1;
const second = durationNs(1_000_000_000);
const moved = wire.risk.v1.ApplyLimitsReply.encode({
  refusal: { code: "not_owner", reason: "moved", next: "", region: "us-east" },
}).finish();
const done = Uint8Array.of(0x10, 1);

test("B8.3 a request follows its market to the region that the refusal names, byte for byte, and goes there at once the next time", async () => {
  const broker = new MemoryBroker();
  const asked: string[] = [];
  const server = new MemoryBus(broker, systemClock());
  server.serve("cmd.*.*.*", (request) => {
    asked.push(`${request.subject} ${Buffer.from(request.payload).toString()}`);
    const refusal = { code: "not_owner", reason: "", next: "", region: "us" };
    const answer = request.subject.startsWith("cmd.us.") ? { epoch: 7 } : { refusal };
    request.respond(SubmitReply.encode(answer).finish());
  });
  const routes = new MarketRoutes(new MemoryBus(broker, systemClock()));
  for (const payload of ["one", "two"]) {
    const reply = await routes.request("cmd.eu.BTC.submit", Buffer.from(payload), second);
    assert.is(reply.ok ? SubmitReply.decode(reply.value).epoch : -1, 7);
  }
  assert.equal(asked, ["cmd.eu.BTC.submit one", "cmd.us.BTC.submit one", "cmd.us.BTC.submit two"]);
});

test("B8.3 what nobody answers is not sent again by itself, and the next request goes where the owner is known to be", async () => {
  const broker = new MemoryBroker();
  const server = new MemoryBus(broker, systemClock());
  server.serve("cmd.ap.*.*", (request) =>
    request.respond(SubmitReply.encode({ epoch: 3 }).finish()),
  );
  const routes = new MarketRoutes(new MemoryBus(broker, systemClock()), () => "ap");
  const first = await routes.request("cmd.eu.BTC.submit", Buffer.from("x"), second);
  assert.is(first.ok ? "" : first.failure.code, "no_responders");
  const next = await routes.request("cmd.eu.BTC.submit", Buffer.from("x"), second);
  assert.is(next.ok ? SubmitReply.decode(next.value).epoch : -1, 3);
});

test("requests to others than markets pass as they are", async () => {
  const broker = new MemoryBroker();
  const server = new MemoryBus(broker, systemClock());
  server.serve("ops.eu.status", (request) => request.respond(Buffer.from("here")));
  const routes = new MarketRoutes(new MemoryBus(broker, systemClock()), () => "ap");
  const reply = await routes.request("ops.eu.status", new Uint8Array(), second);
  assert.is(reply.ok ? Buffer.from(reply.value).toString() : "", "here");
});

test("B7.8 orders and limits go where a refusal says that the market is, and stay there", async () => {
  const broker = new MemoryBroker();
  const clock = systemClock();
  const markets = new MemoryBus(broker, clock);
  const heard: string[] = [];
  for (const [region, answer] of [
    ["eu-central", moved],
    ["us-east", done],
  ] as const) {
    for (const subject of [`cmd.${region}.M.submit`, `act.${region}.market.M.limits`]) {
      markets.serve(subject, (request) => {
        heard.push(request.subject);
        request.respond(answer);
      });
    }
  }
  const routes = new MarketRoutes(new MemoryBus(broker, clock));
  for (const subject of ["act.eu-central.market.M.limits", "cmd.eu-central.M.submit"]) {
    const reply = await routes.request(subject, new Uint8Array(), second);
    assert.equal(reply.ok && [...reply.value], [...done]);
  }
  assert.equal(heard, [
    "act.eu-central.market.M.limits",
    "act.us-east.market.M.limits",
    "cmd.us-east.M.submit",
  ]);
});

test.run();
