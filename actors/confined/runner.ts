/**
 * Runs one strategy of a user in a process of its own: `node --permission … actors/confined/runner.ts`.
 * Its settings come as one line of JSON on standard input; what it has to say before it serves, and why it
 * ends, goes to standard output as lines of JSON. It answers requests and can do nothing else: its NATS
 * user may listen on one subject and reply.
 */
import { registerHooks } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

import { type ConnectionOptions, connect, nkeyAuthenticator } from "nats";

import {
  type Answer,
  type Question,
  type RunnerNews,
  type RunnerSettings,
  whereOf,
} from "./protocol.ts";

interface Loaded {
  readonly name: string;
  readonly start: unknown;
  readonly decide: (state: unknown, view: unknown) => unknown;
}

const say = (news: RunnerNews): void => {
  process.stdout.write(`${JSON.stringify(news)}\n`);
};

/** The strategy's file imports one library by the product's name, and nothing else. */
function confineImports(file: string): void {
  const library = new URL("../models/backtest/strategy.ts", import.meta.url).href;
  const own = pathToFileURL(file).href;
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === "meridian/strategy") return { url: library, shortCircuit: true };
      if (context.parentURL === own) {
        throw new Error(`a strategy imports meridian/strategy and nothing else, not ${specifier}`);
      }
      return next(specifier, context);
    },
  });
}

/**
 * What the permission model leaves to a program: signals to other processes of the user, and the network.
 * Behind this stand the namespace of process ids, where the machine has them, and a NATS user that may
 * only answer.
 */
function confineGlobals(): void {
  const taken = [
    "kill",
    "_kill",
    "binding",
    "_linkedBinding",
    "dlopen",
    "getBuiltinModule",
    "_debugProcess",
  ];
  for (const name of taken) Reflect.deleteProperty(process, name);
  for (const name of ["fetch", "WebSocket", "EventSource", "XMLHttpRequest"]) {
    Reflect.deleteProperty(globalThis, name);
  }
}

/** Throws with what is wrong with the file. */
async function load(file: string): Promise<Loaded> {
  const module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
  const strategy = module.default;
  if (typeof strategy !== "object" || strategy === null) {
    throw new TypeError("the file has no default export that is a strategy");
  }
  const { name, start, decide } = strategy as Partial<Loaded>;
  if (typeof name !== "string" || typeof decide !== "function") {
    throw new TypeError("a strategy has a name and a function decide(state, view)");
  }
  return { name, start, decide: decide.bind(strategy) };
}

/** It cannot read new keys or certificates: after half a minute without a server it ends, and is started with those of then. */
const reconnectAttempts = 120;
const reconnectWaitMs = 250;

async function main(): Promise<void> {
  const [line] = await once(createInterface({ input: process.stdin }));
  const settings = JSON.parse(line ?? "") as RunnerSettings;
  const { servers, seed, subject, file, authority, certificate = null } = settings;
  const shown = certificate === null ? {} : { cert: certificate.certificate, key: certificate.key };
  const options: ConnectionOptions = {
    servers: [...servers],
    authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
    maxReconnectAttempts: reconnectAttempts,
    reconnectTimeWait: reconnectWaitMs,
    ...(authority === null ? {} : { tls: { ca: authority, ...shown } }),
  };
  const connection = await connect(options);
  void connection.closed().then(() => process.exit(1));
  confineImports(file);
  confineGlobals();
  let strategy: Loaded;
  try {
    strategy = await load(file);
  } catch (error) {
    say({ news: "failed", ...whereOf(error, file) });
    await connection.close();
    process.exit(1);
  }
  connection.subscribe(subject, {
    callback(_, message) {
      let answer: Answer;
      try {
        const { state, view, fresh } = message.json<Question>();
        const seen = { ...view, features: Float64Array.from(view.features, (one) => one ?? NaN) };
        answer = { ok: true, decision: strategy.decide(fresh ? strategy.start : state, seen) };
      } catch (error) {
        answer = { ok: false, ...whereOf(error, file) };
      }
      message.respond(JSON.stringify(answer));
    },
  });
  await connection.flush();
  say({ news: "serving", name: strategy.name });
}

async function once(lines: AsyncIterable<string>): Promise<readonly [string | undefined]> {
  for await (const line of lines) return [line];
  return [undefined];
}

await main();
