import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { NatsConnection } from "nats";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { locateNatsServer } from "../../ops/bootstrap/nats-server.mjs";
import { connectAs } from "../../ops/deploy/connection.ts";
import { RunningSite } from "../../ops/edge/run.ts";
import { type SiteFile, siteFileSchema } from "../../schemas/edge-site.ts";
import { wire } from "../../schemas/messages.ts";
import { siteReadSubject } from "../../schemas/subjects.ts";
import { meridian } from "../support/command-line.ts";
import { missingNatsServer } from "../support/nats-cluster.ts";
import {
  eventually,
  marketName,
  type OneRegion,
  place,
  regionName,
  withOneRegion,
} from "../support/one-region.ts";
import { testUnless } from "../support/skip.ts";
import { SlowRelay } from "../support/slow-relay.ts";

const test = suite("edge site on real servers");
const { EdgeReadReply } = wire.market.v1;
type Reply = wire.market.v1.EdgeReadReply;

interface LeafConfiguration {
  readonly leafnodes: { readonly remotes: { urls: string[] }[] };
  readonly accounts: { readonly SITE: { readonly users: { permissions?: object }[] } };
}

/** Changes the configuration of the site's server. */
function reconfigure(site: SiteFile, change: (configuration: LeafConfiguration) => void): void {
  const configuration = JSON.parse(readFileSync(site.serverFile, "utf8")) as LeafConfiguration;
  change(configuration);
  writeFileSync(site.serverFile, JSON.stringify(configuration));
}

const readerOf = (site: SiteFile): Promise<NatsConnection> =>
  connectAs(
    {
      user: "reader",
      seedFile: site.readerSeedFile,
      authorityFile: site.caFile,
      servers: [site.nats],
    },
    5_000,
  );

/** With the one inbox that the region lets answers to the site through to. */
const rogueOf = (site: SiteFile): Promise<NatsConnection> =>
  connectAs(
    {
      user: "site-oslo",
      seedFile: site.cacheSeedFile,
      authorityFile: site.caFile,
      servers: [site.nats],
    },
    5_000,
  );

/** The reader's seed is not enough at the site of a production cluster. */
async function checkCertificate(site: SiteFile, data: string): Promise<void> {
  const seedFile = join(data, "reader.nk");
  copyFileSync(site.readerSeedFile, seedFile);
  const login = { user: "reader", authorityFile: site.caFile, servers: [site.nats] };
  const refusal = await eventually("the site's server answers", async () => {
    try {
      await (await connectAs({ ...login, seedFile }, 5_000)).close();
      return "welcome";
    } catch (error) {
      // A server that closes while the client still writes may take its reason with it.
      const reason = String(error);
      return /ECONNRESET|EPIPE|CONNECTION_CLOSED|DISCONNECT/.test(reason) ? null : reason;
    }
  });
  assert.match(refusal, /certificate required/);
}

async function read(reader: NatsConnection, market = marketName): Promise<Reply | null> {
  try {
    const reply = await reader.request(siteReadSubject("oslo", market), "", { timeout: 2_000 });
    return EdgeReadReply.decode(reply.data);
  } catch {
    return null;
  }
}

const readUntil = (
  reader: NatsConnection,
  what: string,
  holds: (reply: Reply) => boolean,
): Promise<Reply> =>
  eventually(what, async () => {
    const reply = await read(reader);
    return reply !== null && holds(reply) ? reply : null;
  });

async function checkReads(region: OneRegion, reader: NatsConnection): Promise<void> {
  const first = await readUntil(reader, "the first read", ({ refusal }) => !refusal);
  assert.is(first.region, regionName);
  await region.submit(31, [place(1, "buy", 500, 7)]);
  const next = await readUntil(reader, "the copy follows", ({ bids }) => bids?.[0]?.price === 500);
  assert.is(next.stale, false);
  assert.is(next.hit, true);
  await region.submit(32, [place(1, "sell", 500, 2)]);
  const traded = await readUntil(reader, "the trade", ({ trades }) => (trades ?? []).length > 0);
  assert.is(traded.trades?.[0]?.quantity, 2);
  assert.is(traded.l1?.lastPrice, 500);
  const unknown = await read(reader, "NOTHING");
  assert.is(unknown?.refusal?.code, "market_unknown");
}

async function checkStaleness(
  region: OneRegion,
  reader: NatsConnection,
  relay: SlowRelay,
): Promise<void> {
  relay.frozen = true;
  const cutAt = performance.now();
  // Each answer says how old it is: at no pace of a machine does one that is too old pass for fresh.
  const answers: Reply[] = [];
  let askedAfterMs = 0;
  const old = await readUntil(reader, "reads are stale", (reply) => {
    answers.push(reply);
    // What was asked for so long after the cut is older than the bound, whatever it says of itself.
    assert.ok(reply.stale || askedAfterMs < 3_000, `fresh ${Math.round(askedAfterMs)} ms after it`);
    askedAfterMs = performance.now() - cutAt;
    return reply.stale;
  });
  for (const { ageMs, stale } of answers) assert.is(stale, ageMs > 2_000, `${ageMs} ms`);
  assert.ok(old.bids?.[0]?.price === 500, "what it has is still told");
  await region.submit(33, [place(1, "buy", 510, 3)]);
  const later = await read(reader);
  assert.is(later?.stale, true);
  assert.is.not(later?.bids?.[0]?.price, 510);
  relay.frozen = false;
  const healed = await readUntil(reader, "reads are fresh again", (reply) => !reply.stale);
  assert.ok(healed.ageMs <= 2_000);
  await readUntil(reader, "and up to date", ({ bids }) => bids?.[0]?.price === 510);
}

/** A busy machine may not let a command connect in its time: then nothing was asked, and it is asked again. */
const asked = (region: OneRegion, words: readonly string[]): ReturnType<typeof meridian> =>
  eventually(words.join(" "), async () => {
    const ran = await meridian(region.data, words);
    return /not_connected|disconnected|no_launcher/.test(ran.errors) ? null : ran;
  });

/** The authority is another one afterwards, and the site is let in by its new certificate. */
async function checkRotation(
  region: OneRegion,
  { folder, site }: { readonly folder: string; readonly site: SiteFile },
  reader: NatsConnection,
  relay: SlowRelay,
): Promise<void> {
  const shown = ["server.pem", join("users", "site-oslo.pem"), join("users", "reader.pem")];
  const shownNow = (): readonly string[] =>
    shown.map((name) => readFileSync(join(folder, name), "utf8"));
  const before = shownNow();
  const rotate = ["certificates", "rotate", "--authority", "--as", "operator"];
  const rotated = await asked(region, rotate);
  assert.is(rotated.code, 0, rotated.errors);
  assert.match(rotated.output, /site oslo has a new certificate/);
  for (const [index, now] of shownNow().entries()) assert.is.not(now, before[index], shown[index]);
  assert.is(
    readFileSync(join(folder, "ca.pem"), "utf8"),
    readFileSync(join(region.data, "tls", "ca.pem"), "utf8"),
  );
  relay.drop();
  await region.submit(34, [place(1, "buy", 505, 1)]);
  await readUntil(
    reader,
    "the site is let in again",
    ({ stale, bids }) => !stale && (bids ?? []).some(({ price }) => price === 505),
  );
  const again = await eventually("the reader is, too", () => readerOf(site).catch(() => null));
  await again.close();
}

/** Its link ends, and its server is not let in again: nobody answers what it was allowed to ask. */
async function checkRemoval(region: OneRegion, folder: string, site: SiteFile): Promise<void> {
  const subject = `cmd.${regionName}.${marketName}.book`;
  const inside = await eventually("the site's server", () => rogueOf(site).catch(() => null));
  await eventually("it is let in", () =>
    inside.request(subject, "", { timeout: 1_000 }).catch(() => null),
  );
  const remove = ["edge", "remove", "oslo", "--as", "operator"];
  const removed = await asked(region, remove);
  assert.is(removed.code, 0, removed.errors);
  assert.not(existsSync(folder));
  const refused = await inside.request(subject, "", { timeout: 10_000 }).then(
    () => "it is answered",
    (error: unknown) => String(error),
  );
  assert.match(refused, /no responders/i);
  const again = await asked(region, remove);
  assert.match(again.errors, /site_unknown/);
  await inside.close();
}

/** A site whose server lets its users do anything: the region's server refuses all the same. */
async function checkRogue(region: OneRegion, site: SiteFile): Promise<void> {
  const rogue = await rogueOf(site);
  const before = await region.status();
  // Whoever in the region hears most.
  const cell = await connectAs({
    user: `cell-${regionName}`,
    seedFile: join(region.data, "users", `cell-${regionName}.nk`),
    authorityFile: join(region.data, "tls", "ca.pem"),
    servers: [region.region.nats],
  });
  const seen: string[] = [];
  const own = wire.market.v1.SubmitRequest.encode({
    session: 66,
    commands: [place(1, "buy", 600, 1)],
  }).finish();
  for (const subject of ["md.>", "evt.>", "audit.>", `cmd.${regionName}.>`, "ctl.>"]) {
    cell.subscribe(subject, {
      callback: (error, message) => {
        if (error === null && Buffer.from(message.data).equals(own)) seen.push(message.subject);
      },
    });
  }
  await cell.flush();
  for (const subject of [
    `cmd.${regionName}.${marketName}.submit`,
    `cmd.${regionName}.${marketName}.orders`,
    `ops.${regionName}.market-halt`,
    `ctl.${regionName}.spawn`,
    "ops.launcher.region-remove",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.DELETE.JRN_atlas_00",
  ]) {
    const answer = await rogue.request(subject, own, { timeout: 400 }).catch(() => null);
    assert.is(answer, null, `${subject} is answered`);
  }
  for (const subject of ["md.ACME.l1", "evt.ACME.block", "jrn.ACME", "audit.home.operation"]) {
    rogue.publish(subject, own);
  }
  await rogue.flush();
  const book = await rogue.request(`cmd.${regionName}.${marketName}.book`, "", { timeout: 5_000 });
  assert.ok(book.data.length > 0, "what it may ask comes after all that, and is answered");
  await cell.flush();
  assert.equal(seen, [], "nobody in the region has heard any of it");
  const last = await cell.request(
    "$JS.API.STREAM.MSG.GET.JRN_atlas_00",
    JSON.stringify({ last_by_subj: `jrn.${marketName}` }),
  );
  const { message } = last.json<{ readonly message?: { readonly data: string } }>();
  assert.not.ok(Buffer.from(message?.data ?? "", "base64").equals(own), "nor has the journal");
  await cell.close();
  const after = await region.status();
  const orders = (status: typeof before): number => status?.markets?.[0]?.orders ?? -1;
  assert.is(orders(after), orders(before));
  assert.is((await region.book()).bids?.[0]?.price, 510);
  await rogue.close();
}

testUnless(
  test,
  missingNatsServer(),
  "B9.1 B9.5 an edge site answers reads near the client, marks them stale within its bound when its link is cut, heals, lets no write through, gets new certificates with the cluster and is out once it is removed",
  async () => {
    const inProduction = { profile: "production" } as const;
    const body = async (region: OneRegion): Promise<void> => {
      await region.ready();
      const add = ["edge", "add", "oslo", "--region", regionName, "--as", "operator", "-o", "json"];
      const added = await asked(region, add);
      assert.is(added.code, 0, added.errors);
      const again = await asked(region, add);
      assert.match(again.errors, /site_exists/);
      const { folder } = JSON.parse(added.output) as { readonly folder: string };
      const site = siteFileSchema.parse(
        JSON.parse(readFileSync(join(folder, "site.json"), "utf8")),
      );
      const { server } = await locateNatsServer();
      if (server === null) throw new Error("no nats-server");
      let relay: SlowRelay | null = null;
      const configuration = JSON.parse(readFileSync(site.serverFile, "utf8")) as LeafConfiguration;
      const hub = Number(configuration.leafnodes.remotes[0]?.urls[0]?.split(":").at(-1));
      relay = await SlowRelay.to(hub, 1);
      const { port } = relay;
      reconfigure(site, ({ leafnodes: { remotes } }) => {
        for (const remote of remotes) remote.urls = [`tls://127.0.0.1:${port}`];
      });
      const running = new RunningSite(site, folder, server.path, () => undefined);
      running.start();
      try {
        const reader = await eventually("the site's server", () =>
          readerOf(site).catch(() => null),
        );
        await checkCertificate(site, region.data);
        await checkReads(region, reader);
        await checkStaleness(region, reader, relay);
        await checkRotation(region, { folder, site }, reader, relay);
        await reader.close();
        const told = await asked(region, ["edge", "status", folder, "-o", "json"]);
        const status = JSON.parse(told.output) as Readonly<Record<string, number>>;
        for (const name of ["hits", "misses", "staleReads", "confirmations", "updates"]) {
          assert.ok((status[name] ?? 0) > 0, `${name}: ${told.output}`);
        }
        assert.ok((status["hitRatio"] ?? 0) > 0 && (status["hitRatio"] ?? 0) < 1);
        const shown = await asked(region, ["edge", "read", folder, marketName]);
        assert.match(shown.output, /ms old at most/, shown.errors);
        const asMade = readFileSync(site.serverFile);
        reconfigure(site, ({ accounts: { SITE } }) => {
          for (const user of SITE.users) delete user.permissions;
        });
        process.kill(running.serverPid, "SIGKILL");
        await eventually("the rogue server", async () => {
          const rogue = await rogueOf(site).catch(() => null);
          const book = await rogue
            ?.request(`cmd.${regionName}.${marketName}.book`, "", { timeout: 1_000 })
            .catch(() => null);
          await rogue?.close();
          return book ?? null;
        });
        await checkRogue(region, site);
        writeFileSync(site.serverFile, asMade);
        process.kill(running.serverPid, "SIGKILL");
        await checkRemoval(region, folder, site);
      } finally {
        await running.stop();
        relay.stop();
      }
    };
    await withOneRegion("matched", body, inProduction);
  },
);

test.run();
