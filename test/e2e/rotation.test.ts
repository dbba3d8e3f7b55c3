import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { trustedAuthorities } from "../../ops/deploy/authority.ts";
import { servedFingerprint } from "../../ops/deploy/served-certificate.ts";
import { clusterFileSchema } from "../../schemas/configuration.ts";
import { wire } from "../../schemas/messages.ts";
import { type DeploymentVerb, deploymentSubject } from "../../schemas/subjects.ts";
import { NumberedOrders } from "../support/numbered-orders.ts";
import { type OneRegion, eventually, withOneRegion } from "../support/one-region.ts";

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

/** Fingerprints of what the first servers of all regions show. */
async function shown(data: string): Promise<readonly string[]> {
  const file = clusterFileSchema.parse(
    JSON.parse(readFileSync(join(data, "cluster.json"), "utf8")),
  );
  return Promise.all(
    file.regions.map(async ({ nats }) => {
      const served = await servedFingerprint(Number(new URL(nats).port), file.caFile);
      return "fault" in served ? served.fault : served.fingerprint;
    }),
  );
}

/** All changes of certificates, with what servers show after each of them. */
async function rotateTwice(region: OneRegion): Promise<void> {
  const folder = join(region.data, "tls");
  const [authority] = trustedAuthorities(folder);
  const first = await shown(region.data);
  await change(region, "certificates-rotate");
  const second = await shown(region.data);
  assert.equal(trustedAuthorities(folder), [authority], "the authority has signed again");

  const steps = await change(region, "authority-rotate");
  assert.is(steps.length, 5, steps.join("; "));
  const third = await shown(region.data);
  const replaced = trustedAuthorities(folder);
  assert.is(replaced.length, 1, "the old one is not trusted any more");
  assert.is.not(replaced[0], authority);
  for (const [index, fingerprint] of third.entries()) {
    assert.match(fingerprint, /^[0-9A-F:]{95}$/);
    assert.is(new Set([first[index], second[index], fingerprint]).size, 3);
  }
  const own = new X509Certificate(readFileSync(join(folder, "home.pem")));
  assert.ok(own.verify(new X509Certificate(replaced[0] ?? "").publicKey));
}

test("B9.2 certificates and their authority change while orders come, and no order is lost, doubled or refused", async () => {
  await withOneRegion("replicated", async (region) => {
    await region.ready();
    const orders = new NumberedOrders(region, { resends: false });
    try {
      await rotateTwice(region);
    } finally {
      await orders.stop();
    }
    await orders.check();
    // A cell that was there before has read the new authority when it has to connect again.
    const [ours] = region.region.servers;
    process.kill(ours?.pid ?? 0, "SIGKILL");
    await eventually("its cell is at a server again", async () =>
      (await region.status())?.ready === true ? true : null,
    );
  });
});

test.run();
