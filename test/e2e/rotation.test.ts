import { X509Certificate } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { certificateFilesOf } from "../../actors/bus/login-files.ts";
import { trustedAuthorities } from "../../ops/deploy/authority.ts";
import { ensureCertificates, ensureUserCertificates } from "../../ops/deploy/certificates.ts";
import { clientsOf, credentialsOf } from "../../ops/deploy/cluster.ts";
import { connectAs } from "../../ops/deploy/connection.ts";
import { servedFingerprint } from "../../ops/deploy/served-certificate.ts";
import { natsUrl } from "../../ops/deploy/topology.ts";
import { clusterFileSchema } from "../../schemas/configuration.ts";
import { wire } from "../../schemas/messages.ts";
import { type DeploymentVerb, deploymentSubject } from "../../schemas/subjects.ts";
import { meridian } from "../support/command-line.ts";
import { NumberedOrders } from "../support/numbered-orders.ts";
import { type OneRegion, eventually, marketName, withOneRegion } from "../support/one-region.ts";

const test = suite("rotation of certificates");
const { DeploymentRequest, DeploymentReply } = wire.region.v1;

async function change(region: OneRegion, verb: DeploymentVerb): Promise<readonly string[]> {
  const request = DeploymentRequest.encode({}).finish();
  const reply = await region.connection.request(deploymentSubject(verb), request, {
    timeout: 120_000,
  });
  const { refusal, steps } = DeploymentReply.decode(reply.data);
  assert.is(refusal ?? null, null, JSON.stringify(refusal));
  return (steps ?? []).map(({ what }) => what ?? "");
}

const clusterOf = (data: string): ReturnType<typeof clusterFileSchema.parse> =>
  clusterFileSchema.parse(JSON.parse(readFileSync(join(data, "cluster.json"), "utf8")));

/** Fingerprints of what the first servers of all regions show. */
async function shown(data: string): Promise<readonly string[]> {
  const file = clusterOf(data);
  return Promise.all(
    file.regions.map(async ({ nats }) => {
      const served = await servedFingerprint(Number(new URL(nats).port), file.caFile);
      return "fault" in served ? served.fault : served.fingerprint;
    }),
  );
}

/** Certificates of all users who connect as clients. */
const usersOf = ({ plan }: OneRegion): readonly X509Certificate[] =>
  clientsOf(plan.users).map(
    ({ seedFile }) =>
      new X509Certificate(readFileSync(certificateFilesOf(seedFile).certificateFile)),
  );

/** All changes of certificates, with what servers show and users have after each of them. */
async function rotateTwice(region: OneRegion): Promise<void> {
  const folder = join(region.data, "tls");
  const [authority] = trustedAuthorities(folder);
  const seen = async (): Promise<readonly string[]> => [
    ...(await shown(region.data)),
    ...usersOf(region).map(({ fingerprint256 }) => fingerprint256),
  ];
  const first = await seen();
  await change(region, "certificates-rotate");
  const second = await seen();
  assert.equal(trustedAuthorities(folder), [authority], "the authority has signed again");

  const steps = await change(region, "authority-rotate");
  assert.is(steps.length, 6, steps.join("; "));
  const third = await seen();
  const replaced = trustedAuthorities(folder);
  assert.is(replaced.length, 1, "the old one is not trusted any more");
  assert.is.not(replaced[0], authority);
  assert.is(third.length, 3 + clientsOf(region.plan.users).length);
  for (const [index, fingerprint] of third.entries()) {
    assert.match(fingerprint, /^[0-9A-F:]{95}$/);
    assert.is(new Set([first[index], second[index], fingerprint]).size, 3);
  }
  const { publicKey } = new X509Certificate(replaced[0] ?? "");
  const own = new X509Certificate(readFileSync(join(folder, "home.pem")));
  for (const certificate of [own, ...usersOf(region)]) assert.ok(certificate.verify(publicKey));
}

/** The operator's seed in a folder of its own, without a certificate. */
function copiedSeed({ data, plan }: OneRegion, name: string): string {
  mkdirSync(join(data, name));
  const seedFile = join(data, name, "operator.nk");
  copyFileSync(credentialsOf(plan, "operator").seedFile, seedFile);
  return seedFile;
}

/** A server that closes while the client still writes may take its reason with it. */
const withoutReason = /ECONNRESET|EPIPE|CONNECTION_CLOSED|DISCONNECT/;

/** What each server says to whoever has this seed and the certificate beside it. */
const answersTo = ({ plan }: OneRegion, seedFile: string): Promise<readonly string[]> =>
  Promise.all(
    plan.servers.map(({ ports }) =>
      eventually("a server answers", async () => {
        try {
          const connection = await connectAs({
            user: "operator",
            seedFile,
            authorityFile: plan.certificates.authorityFile,
            servers: [natsUrl(ports)],
          });
          await connection.close();
          return "welcome";
        } catch (error) {
          return withoutReason.test(String(error)) ? null : String(error);
        }
      }),
    ),
  );

async function checkStrangers(region: OneRegion): Promise<void> {
  const { plan, data } = region;
  const own = await answersTo(region, credentialsOf(plan, "operator").seedFile);
  assert.equal(own, ["welcome", "welcome", "welcome"]);
  for (const answer of await answersTo(region, copiedSeed(region, "without"))) {
    assert.match(answer, /certificate required/, "the right seed alone");
  }
  const seedFile = copiedSeed(region, "stranger");
  const elsewhere = join(data, "stranger", "tls");
  await ensureCertificates(elsewhere, [], Date.now());
  const stranger = { ...credentialsOf(plan, "operator"), seedFile };
  await ensureUserCertificates(elsewhere, [stranger], Date.now());
  for (const answer of await answersTo(region, seedFile)) {
    assert.match(answer, /bad certificate|unknown ca/, "a certificate of another authority");
  }
}

/** A page has no certificate to show: its handshake goes through, and what comes after is no websocket. */
async function checkBrowser({ plan }: OneRegion): Promise<void> {
  const ca = readFileSync(plan.certificates.authorityFile);
  for (const { ports } of plan.servers) {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      get(`https://127.0.0.1:${ports.websocket}/`, { ca }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      }).on("error", reject);
    });
    assert.is(status, 400);
  }
}

/** An order as a person enters it, out of the way of those that are counted. */
async function placeByHand({ data }: OneRegion): Promise<void> {
  const order = ["order", "place", marketName, "sell", "1", "7", "-q", "--as", "operator"];
  const placed = await meridian(data, order);
  assert.is(placed.code, 0, placed.errors);
  assert.match(placed.output, /^\d+\n$/);
}

/** A user's strategy in a process of its own, which its cell gives the certificate of a guest. */
async function spawnByHand({ data }: OneRegion): Promise<void> {
  const file = join(data, "mine.ts");
  writeFileSync(
    file,
    `import { noQuotes, type Strategy } from "meridian/strategy";
     const strategy: Strategy<null> = {
       name: "watches",
       start: null,
       decide: (state) => ({ state, desired: noQuotes }),
     };
     export default strategy;`,
  );
  const words = ["--from", file, "--market", marketName, "--key", "mine", "-q", "--as", "operator"];
  const mine = await meridian(data, ["strategy", "spawn", ...words]);
  assert.is(mine.code, 0, mine.errors);
}

test("B9.2 in production a client needs a certificate of the cluster; certificates and their authority change while orders come, and no order is lost, doubled or refused", async () => {
  await withOneRegion(
    "replicated",
    async (region) => {
      await region.ready();
      await placeByHand(region);
      await spawnByHand(region);
      await checkStrangers(region);
      await checkBrowser(region);
      const former = copiedSeed(region, "former");
      const had = certificateFilesOf(credentialsOf(region.plan, "operator").seedFile);
      const copied = certificateFilesOf(former);
      copyFileSync(had.certificateFile, copied.certificateFile);
      copyFileSync(had.keyFile, copied.keyFile);
      assert.equal(await answersTo(region, former), ["welcome", "welcome", "welcome"]);
      const orders = new NumberedOrders(region, { resends: false });
      try {
        await rotateTwice(region);
      } finally {
        await orders.stop();
      }
      await orders.check();
      for (const answer of await answersTo(region, former)) {
        assert.match(answer, /bad certificate|unknown ca/, "one of the former authority");
      }
      await placeByHand(region);
      // A cell that was there before has read the new authority and its own new certificate when it has to
      // connect again.
      const [ours] = region.region.servers;
      process.kill(ours?.pid ?? 0, "SIGKILL");
      await eventually("its cell is at a server again", async () =>
        (await region.status())?.ready === true ? true : null,
      );
    },
    { profile: "production" },
  );
});

test.run();
