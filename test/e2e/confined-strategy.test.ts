import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { createUser } from "@nats-io/nkeys";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { connectNats, type NatsBus } from "../../actors/bus/nats.ts";
import { ConfinedPool } from "../../actors/confined/pool.ts";
import { confinedLimits, ConfinedProcess } from "../../actors/confined/process.ts";
import type { Result } from "../../actors/kernel/result.ts";
import { durationNs } from "../../actors/kernel/units.ts";
import { wire } from "../../schemas/messages.ts";
import { type ControlJson, type MemoryCell, startMemoryCell } from "../support/memory-cell.ts";
import { missingNatsServer, natsServer } from "../support/nats-cluster.ts";
import { testUnless } from "../support/skip.ts";

/** Strategies that misbehave, each in a process of its own, against a real nats-server. */
const test = suite("a user's strategy in a process of its own");
const missing = missingNatsServer();
const run = (title: string, body_: () => Promise<void>): void =>
  testUnless(test, missing, title, body_);

const subject = "guest.test.0.decide";
let server: ChildProcess | null = null;
let bus: NatsBus;
let folder = "";
let seed = "";
let url = "";

test.before(async () => {
  if (missing !== null) return;
  folder = mkdtempSync(join(tmpdir(), "meridian-confined-"));
  const [cell, guest] = [createUser(), createUser()];
  const port = await freePort();
  url = `nats://127.0.0.1:${port}`;
  seed = new TextDecoder().decode(guest.getSeed());
  const permissions = {
    subscribe: { allow: ["guest.test.0.>"] },
    publish: { deny: [">"] },
    allow_responses: { max: 1, expires: "5s" },
  };
  const users = [{ nkey: cell.getPublicKey() }, { nkey: guest.getPublicKey(), permissions }];
  const configuration = { listen: `127.0.0.1:${port}`, authorization: { users } };
  const file = join(folder, "server.conf");
  writeFileSync(file, JSON.stringify(configuration));
  server = spawn(natsServer() ?? "", ["-c", file], { stdio: "ignore" });
  process.once("exit", () => server?.kill("SIGKILL"));
  const options = { servers: [url], user: "cell", seed: cell.getSeed(), authority: null };
  for (let tries = 0; ; tries += 1) {
    try {
      bus = await connectNats(options);
      break;
    } catch (error) {
      if (tries > 100) throw error;
      await sleep(50);
    }
  }
});

test.after(async () => {
  if (missing !== null) return;
  await bus.close();
  server?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

let folders = 0;
const start = (source: string, limits = confinedLimits): Promise<Result<ConfinedProcess>> => {
  folders += 1;
  return ConfinedProcess.start({
    source,
    directory: join(folder, `s${folders}`),
    user: { servers: [url], seed, authority: null, subject },
    bus,
    limits,
  });
};
async function started(source: string, limits = confinedLimits): Promise<ConfinedProcess> {
  const process_ = await start(source, limits);
  if (!process_.ok) throw new Error(process_.failure.reason);
  return process_.value;
}
const strategyFile = (decide: string): string => `
  import { noQuotes, type Strategy } from "meridian/strategy";
  const strategy: Strategy<{ n: number }> = {
    name: "mine",
    start: { n: 0 },
    decide(state, view) { ${decide} },
  };
  export default strategy;
`;
const ask = (process_: ConfinedProcess, state: unknown = null): Promise<Result<unknown>> =>
  process_.ask({ state, fresh: state === null, view: { features: [null], bidPrice: 7 } });
const said = (result: Result<unknown>): string =>
  result.ok ? JSON.stringify(result.value) : `${result.failure.code} ${result.failure.reason}`;

run(
  "B8.4 it imports the library, decides on what it is shown, and remembers what it is given back",
  async () => {
    const mine = await started(
      strategyFile(
        "return { state: { n: state.n + 1 }, desired: { ...noQuotes, bid: { price: view.bidPrice, quantity: 1 } } };",
      ),
    );
    const desired = { bid: { price: 7, quantity: 1 }, ask: null, take: null };
    assert.is(said(await ask(mine)), JSON.stringify({ state: { n: 1 }, desired }));
    assert.is(said(await ask(mine, { n: 41 })), JSON.stringify({ state: { n: 42 }, desired }));
    mine.end("enough");
    assert.is(await mine.ended, "enough");
  },
);

run(
  "a syntax error, a throw at the start and a file that is no strategy are told with file and line",
  async () => {
    const broken = await start("const a: number = 1;\nlet b = = 2;\n");
    assert.match(said(broken), /^strategy_invalid strategy\.ts:2: /);
    const thrown = await start("\n\nthrow new RangeError('no good');\n");
    assert.match(said(thrown), /^strategy_invalid strategy\.ts:3: RangeError: no good/);
    assert.match(said(await start("export const a = 1;")), /^strategy_invalid .*default export/);
    assert.match(said(await start("x".repeat(50_000))), /^too_large /);
  },
);

run("a throw in a decision is told with file and line, and the next decision is made", async () => {
  const mine = await started(
    strategyFile("if (state.n === 0) throw new TypeError('zero');\nreturn state.n;"),
  );
  assert.match(said(await ask(mine)), /^strategy_failed strategy\.ts:6: TypeError: zero/);
  assert.is(said(await ask(mine, { n: 5 })), "5");
  mine.end("enough");
});

run("one that never answers is ended and named", async () => {
  const mine = await started(strategyFile("for (;;) { state.n += 1; }"));
  assert.match(said(await ask(mine)), /^strategy_ended loops: it did not answer in time/);
  assert.match(await mine.ended, /^loops/);
});

run("one that burns its core between answers is ended and named", async () => {
  const mine = await started(
    `setInterval(() => { const end = performance.now() + 45; while (performance.now() < end); }, 50);${strategyFile("return 1;")}`,
    { ...confinedLimits, coreShare: 0.2, answerWithin: durationNs(20_000_000_000) },
  );
  assert.match(await within(90_000, mine.ended), /^loops: it takes/);
});

run("one that takes memory without end is ended, and the cell goes on", async () => {
  const hoard = "const all = []; for (;;) all.push(new Array(10000).fill(state.n));";
  const mine = await started(strategyFile(hoard), {
    ...confinedLimits,
    answerWithin: durationNs(20_000_000_000),
  });
  const answer = ask(mine);
  await within(90_000, mine.ended);
  void answer;
  const other = await started(strategyFile("return 2;"));
  assert.is(said(await ask(other)), "2");
  other.end("enough");
});

run("one that floods its output is ended and named, at its start or later", async () => {
  const flood = 'setInterval(() => console.log("x".repeat(9000)), 1);';
  const mine = await started(`setTimeout(() => { ${flood} }, 1000);${strategyFile("return 1;")}`);
  assert.match(await within(90_000, mine.ended), /^floods/);
  const early = `${flood} await new Promise((resolve) => setTimeout(resolve, 5000));`;
  assert.match(
    said(await start(`${early}${strategyFile("return 1;")}`)),
    /^strategy_invalid floods/,
  );
});

run(
  "it reads no file, starts no process, signals nobody, imports nothing and reaches no network",
  async () => {
    const tries = [
      "await import('node:fs')",
      "await import('node:net')",
      "await import('../../package.json', { with: { type: 'json' } })",
      "process.kill(process.ppid, 'SIGKILL')",
      "process.getBuiltinModule('node:child_process').execSync('true')",
      "await fetch('http://127.0.0.1:1')",
      "new WebSocket('ws://127.0.0.1:1')",
      "process.binding('tcp_wrap')",
    ];
    const attempts = tries.map(
      (attempt, index) =>
        `try { ${attempt}; got.push(${index}); } catch (error) { why.push(String(error)); }`,
    );
    const mine = await started(
      `const got = []; const why = [];\n${attempts.join("\n")}\n${strategyFile("return { got, why };")}`,
    );
    const answer = await ask(mine);
    assert.ok(answer.ok, said(answer));
    const { got, why } = answer.ok
      ? (answer.value as { got: number[]; why: string[] })
      : { got: [0], why: [] };
    assert.equal(got, [], `${got.map((index) => tries[index]).join(", ")} went through`);
    assert.is(why.length, tries.length);
    mine.end("enough");
    await mine.ended;
    assert.equal(readdirSync(join(folder, `s${folders}`)), ["strategy.ts"]);
  },
);

run(
  "its NATS user can answer what it is asked, and publish and listen to nothing else",
  async () => {
    const guest = await connectNats({
      servers: [url],
      user: "guest",
      seed: new TextEncoder().encode(seed),
      authority: null,
    });
    const heard: string[] = [];
    const spying = bus.subscribe("cmd.>", (name) => heard.push(name));
    guest.publish("cmd.eu.X.submit", new Uint8Array(1));
    guest.subscribe("md.>", (name) => heard.push(`leaked ${name}`));
    await sleep(200);
    bus.publish("md.X.l1", new Uint8Array(1));
    bus.publish("cmd.mark", new Uint8Array(1));
    await sleep(200);
    assert.equal(heard, ["cmd.mark"]);
    spying.unsubscribe();
    await guest.close();
  },
);

/** A cell whose pool asks over the real server, as a deployed one does. */
async function withCell(body: (cell: MemoryCell) => Promise<void>): Promise<void> {
  const guest = { servers: [url], seed, authority: null, subject };
  const pool = new ConfinedPool({ users: [guest], directory: join(folder, "pool"), bus });
  const cell = await startMemoryCell({ processes: pool });
  try {
    await cell.ready();
    await body(cell);
  } finally {
    await cell.stop();
    pool.end();
  }
}
const spawnRequest = (key: string, source: string): object => ({
  key,
  type: "custom",
  parameters: { market: "TEST", account: "77", quantity: "100", interval: "100", source },
});
async function spawned(cell: MemoryCell, request: object): Promise<ControlJson> {
  for (let tries = 0; tries < 2_400; tries += 1) {
    const reply = await cell.control("spawn", request);
    if (reply.refusal?.code !== "no_cell") return reply;
    await sleep(25);
  }
  throw new Error("the cell gets no shards");
}
async function describedWhen(
  cell: MemoryCell,
  id: string,
  holds: (actor: NonNullable<ControlJson["actor"]>) => boolean,
): Promise<NonNullable<ControlJson["actor"]>> {
  let last = "";
  for (let tries = 0; tries < 2_400; tries += 1) {
    const { actor } = await cell.control("describe", { id });
    if (actor !== undefined && holds(actor)) return actor;
    last = JSON.stringify(actor);
    await sleep(25);
  }
  throw new Error(`${id} does not come there: ${last}`);
}
const quoting = strategyFile(
  "return { state: { n: state.n + 1 }, desired: { ...noQuotes, bid: { price: 900, quantity: 3 }, ask: { price: 1100, quantity: 300 } } };",
);

run(
  "B8.4 spawned by request it quotes within its bounds; a file that cannot start is refused with its line",
  () =>
    withCell(async (cell) => {
      const broken = await spawned(cell, spawnRequest("c0", "let a: number = = 1;"));
      assert.is(broken.refusal?.code, "strategy_invalid");
      assert.match(broken.refusal?.reason ?? "", /^strategy\.ts:1: /);
      const made = await spawned(cell, spawnRequest("c1", quoting));
      assert.is(made.refusal, undefined, JSON.stringify(made));
      const actor = await describedWhen(cell, "c1", ({ strategy }) =>
        Boolean(strategy?.bid && strategy.ask),
      );
      assert.equal([actor.strategy?.bid?.price, actor.strategy?.bid?.quantity], [4_500, 30]);
      assert.equal([actor.strategy?.ask?.price, actor.strategy?.ask?.quantity], [5_500, 100]);
      assert.match(actor.parameters["source"] ?? "", /^\d+ bytes, sha256 /);
      const second = await cell.control("spawn", spawnRequest("c2", quoting));
      assert.is(second.refusal?.code, "no_room");
      const stopped = await cell.control("stop", { id: "c1" });
      assert.is(stopped.actor?.state, "stopped", JSON.stringify(stopped));
    }),
);

run(
  "B8.4 one that begins to loop is stopped, named, leaves nothing resting, and a market maker beside it goes on",
  () =>
    withCell(async (cell) => {
      const loops = quoting.replace("return {", "if (state.n > 3) for (;;) state.n += 1; return {");
      const neighbour = await spawned(cell, {
        key: "m1",
        type: "avellaneda-stoikov",
        parameters: {
          market: "TEST",
          account: "78",
          quantity: "100",
          interval: "100",
          reference: "5000",
        },
      });
      assert.is(neighbour.refusal, undefined);
      await spawned(cell, spawnRequest("c1", loops));
      await describedWhen(cell, "c1", ({ strategy }) => Boolean(strategy?.bid));
      const stopped = await describedWhen(cell, "c1", ({ state }) => state === "stopped");
      assert.match((stopped as { detail?: string }).detail ?? "", /strategy_ended: loops/);
      const resting = wire.market.v1.OrdersReply.decode(
        (await cell.raw(
          "cmd.eu-central.TEST.orders",
          wire.market.v1.OrdersRequest.encode({ account: 77 }).finish(),
        )) ?? new Uint8Array(),
      );
      assert.equal(resting.orders, []);
      await describedWhen(cell, "m1", ({ strategy }) => Boolean(strategy?.bid && strategy.ask));
    }),
);

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const late = sleep(milliseconds, null, { ref: false }).then(() => {
    throw new Error(`not within ${milliseconds} ms`);
  });
  return Promise.race([work, late]);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const listener = createServer();
    listener.listen(0, "127.0.0.1", () => {
      const address = listener.address();
      listener.close(() =>
        resolve(typeof address === "object" && address !== null ? address.port : 0),
      );
    });
  });
}

test.run();
