import { resolve } from "node:path";

import type { Command } from "commander";

import { type Failure, ok, type Result, refuse } from "../../../actors/kernel/result.ts";
import type { SiteFile } from "../../../schemas/edge-site.ts";
import { wire } from "../../../schemas/messages.ts";
import { decodeRefusal } from "../../../schemas/sdk/codec.ts";
import { isToken, siteReadSubject, siteStatusSubject } from "../../../schemas/subjects.ts";
import { locateNatsServer } from "../../bootstrap/nats-server.mjs";
import { connectAs } from "../../deploy/connection.ts";
import { readSite } from "../../deploy/edge-sites.ts";
import { RunningSite } from "../../edge/run.ts";
import { type ExitCode, exitCodes, perform } from "../action.ts";
import { withCluster } from "../cluster.ts";
import { askLauncher, stepLines } from "../deployment.ts";
import { calmOption, type OutputOptions, outputOption, printed, wholeOption } from "../output.ts";
import { type ClusterOptions, facts, print, table, withClusterOptions } from "../terminal.ts";

const { EdgeReadReply, EdgeStatusReply } = wire.market.v1;
const answersWithinMs = 5_000;
const highestPort = 65_535;

type AddOptions = ClusterOptions &
  OutputOptions & { readonly region: string; readonly port?: string };

/** `meridian edge …`: caches of market data near clients that only read. */
export function register(program: Command): void {
  const edge = program.command("edge").description("caches of market data at edge sites");
  withClusterOptions(edge.command("add <site>"))
    .description("make the folder of a site and let its server in, for reading only")
    .requiredOption("--region <region>", "region whose servers it connects to")
    .option("--port <port>", "where its server listens (default: the first free one from 4622 on)")
    .addOption(outputOption())
    .addOption(calmOption())
    .addHelpText(
      "after",
      "\nExamples:\n  npx meridian edge add oslo --region eu-central --as operator",
    )
    .action((site: string, options: AddOptions) => perform(() => add(site, options)));
  withClusterOptions(edge.command("remove <site>"))
    .description("let a site's server in no more, and take its folder and keys away")
    .addOption(outputOption())
    .addHelpText("after", "\nExamples:\n  npx meridian edge remove oslo --as operator")
    .action((site: string, options: ClusterOptions & OutputOptions) =>
      perform(() => remove(site, options)),
    );
  edge
    .command("run <folder>")
    .description("run the server and the cache of a site until Ctrl-C")
    .addHelpText("after", "\nExamples:\n  npx meridian edge run .meridian/edge-sites/oslo")
    .action((folder: string) => perform(() => run(folder)));
  edge
    .command("read <folder> <market>")
    .description("read a market's copy at a site, with its age")
    .addOption(outputOption())
    .addHelpText("after", "\nExamples:\n  npx meridian edge read .meridian/edge-sites/oslo BTC-EUR")
    .action((folder: string, market: string, options: OutputOptions) =>
      perform(() => read(folder, market, options)),
    );
  edge
    .command("status <folder>")
    .description("what a site keeps, and how often it had what was read")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExamples:\n  npx meridian edge status .meridian/edge-sites/oslo -o json",
    )
    .action((folder: string, options: OutputOptions) => perform(() => status(folder, options)));
}

async function add(site: string, options: AddOptions): Promise<Result<ExitCode>> {
  const port = options.port === undefined ? ok(0) : wholeOption(options.port, "port", highestPort);
  if (!port.ok) return port;
  return withCluster(options, async (cluster) => {
    const made = await askLauncher(cluster, "edge-add", options.region, {
      site,
      port: port.value,
    });
    if (!made.ok) return made;
    const { folder, steps } = made.value;
    if (!printed(options, { value: { site, region: options.region, folder, steps } })) {
      for (const line of stepLines(made.value)) print(line);
      print(`next: npx meridian edge run ${folder}`);
    }
    return ok(exitCodes.ok);
  });
}

function remove(site: string, options: ClusterOptions & OutputOptions): Promise<Result<ExitCode>> {
  return withCluster(options, async (cluster) => {
    const removed = await askLauncher(cluster, "edge-remove", "", { site, port: 0 });
    if (!removed.ok) return removed;
    const { steps } = removed.value;
    if (!printed(options, { value: { site, steps } })) {
      for (const line of stepLines(removed.value)) print(line);
    }
    return ok(exitCodes.ok);
  });
}

async function run(given: string): Promise<Result<ExitCode>> {
  const folder = resolve(given);
  const site = readSite(folder);
  if (!site.ok) return site;
  const { server } = await locateNatsServer();
  if (server === null) {
    return refuse("nats_server_missing", "no nats-server here", "node ops/bootstrap.mjs");
  }
  const running = new RunningSite(site.value, folder, server.path, print);
  running.start();
  await new Promise<void>((stop) => {
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
  });
  await running.stop();
  return ok(exitCodes.ok);
}

/** One question to the cache of a site, as its reader. Failure codes: site_unusable, not_connected. */
async function ask(
  given: string,
  subjectOf: (site: SiteFile) => string,
): Promise<Result<{ readonly site: SiteFile; readonly bytes: Uint8Array }>> {
  const site = readSite(resolve(given));
  if (!site.ok) return site;
  const { nats, caFile, readerSeedFile } = site.value;
  try {
    const connection = await connectAs(
      {
        user: "reader",
        seedFile: readerSeedFile,
        authorityFile: caFile,
        servers: [nats],
      },
      answersWithinMs,
    );
    try {
      const reply = await connection.request(subjectOf(site.value), new Uint8Array(), {
        timeout: answersWithinMs,
      });
      return ok({ site: site.value, bytes: new Uint8Array(reply.data) });
    } finally {
      await connection.close();
    }
  } catch (error) {
    return refuse(
      "not_connected",
      `the site's server or cache does not answer: ${(error as Error).message}`,
      `npx meridian edge run ${given}`,
    );
  }
}

async function read(
  folder: string,
  market: string,
  options: OutputOptions,
): Promise<Result<ExitCode>> {
  if (!isToken(market)) {
    return refuse("usage", `${JSON.stringify(market)} is no market`, "[A-Za-z0-9_-]");
  }
  const asked = await ask(folder, ({ name }) => siteReadSubject(name, market));
  if (!asked.ok) return asked;
  const reply = EdgeReadReply.decode(asked.value.bytes);
  const failure: Failure | null = decodeRefusal(reply.refusal);
  if (failure !== null) return { ok: false, failure };
  const { refusal: _none, ...copy } = EdgeReadReply.toObject(reply, {
    defaults: true,
    arrays: true,
  });
  if (!printed(options, { value: copy })) {
    print(
      `${market} in ${reply.region}, ${reply.stale ? "STALE, " : ""}${reply.ageMs} ms old at most, sequence ${reply.sequence}`,
    );
    const rows = [...(reply.asks ?? [])]
      .reverse()
      .map((level) => ["", String(level.price), String(level.quantity)])
      .concat((reply.bids ?? []).map((level) => [String(level.quantity), String(level.price), ""]));
    print(table(["BID", "PRICE UNITS", "ASK"], rows));
  }
  return ok(exitCodes.ok);
}

async function status(folder: string, options: OutputOptions): Promise<Result<ExitCode>> {
  const asked = await ask(folder, ({ name }) => siteStatusSubject(name));
  if (!asked.ok) return asked;
  const told = EdgeStatusReply.decode(asked.value.bytes);
  const value = EdgeStatusReply.toObject(told, { defaults: true, objects: true });
  const ratio = told.reads === 0 ? null : Math.round((told.hits * 1_000) / told.reads) / 1_000;
  if (!printed(options, { value: { ...value, hitRatio: ratio } })) {
    print(
      facts([
        ["site", `${told.site} of ${told.region}`],
        ["markets kept", `${told.markets}, the oldest copy ${told.oldestMs} ms old`],
        [
          "reads",
          `${told.reads}: ${told.hits} hits, ${told.misses} misses, ${told.staleReads} stale`,
        ],
        ["hit ratio", ratio === null ? "-" : String(ratio)],
        ["confirmations", `${told.confirmations}, failed ${told.failedConfirmations}`],
        ["updates", String(told.updates)],
        ["stale above", `${told.boundMs} ms`],
      ]),
    );
  }
  return ok(exitCodes.ok);
}
