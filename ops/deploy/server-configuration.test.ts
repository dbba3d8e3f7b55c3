import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { siteFileSchema } from "../../schemas/edge-site.ts";
import { testPorts } from "../../test/support/launched-cluster.ts";
import { regionOf } from "../../test/support/regions.ts";
import { certificatesFolder, planCluster } from "./cluster.ts";
import { makeSite } from "./edge-sites.ts";
import { type Profile, profiles } from "./roles.ts";
import { serverConfiguration } from "./server-configuration.ts";
import { type ClusterPlan, type Topology, topologies } from "./topology.ts";

const test = suite<{ folder: string }>("generated configuration", { folder: "" });
const regions = ["north", "south", "west"].map((name) => regionOf(name));

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "meridian-servers-"));
});
test.after.each(({ folder }) => {
  rmSync(folder, { recursive: true, force: true });
});

const planned = (
  folder: string,
  profile: Profile,
  topology: Topology = "compact",
): ReturnType<typeof planCluster> =>
  planCluster(folder, { topology, profile, regions, declared: regions, firstPorts: testPorts });

async function planOf(...of: Parameters<typeof planned>): Promise<ClusterPlan> {
  const made = await planned(...of);
  if (!made.ok) throw new Error(made.failure.reason);
  return made.value.plan;
}

interface Listener {
  readonly tls?: {
    readonly verify?: boolean;
    readonly min_version?: string;
    readonly ca_file?: string;
  };
  readonly no_tls?: boolean;
}
interface Configuration extends Listener {
  readonly cluster: Listener;
  readonly gateway?: Listener;
  readonly leafnodes?: Listener;
  readonly websocket?: Listener;
}

for (const topology of topologies) {
  for (const profile of profiles) {
    test(`B9.2 every listener of a ${topology} ${profile} cluster has TLS, and asks who connects where it may`, async ({
      folder,
    }) => {
      const plan = await planOf(folder, profile, topology);
      for (const server of plan.servers) {
        const made = JSON.parse(serverConfiguration(plan, server)) as Configuration;
        const { cluster, gateway, leafnodes, websocket } = made;
        const peers = [cluster, gateway, leafnodes].filter((listener) => listener !== undefined);
        for (const { tls } of [made, ...peers]) {
          assert.is(tls?.min_version, "1.3");
          assert.is(tls?.ca_file, plan.certificates.authorityFile);
        }
        assert.is(made.tls?.verify, profile === "production" ? true : undefined);
        for (const { tls } of peers) assert.is(tls?.verify, true);
        if (websocket === undefined) continue;
        assert.is(websocket.no_tls, profile === "demo" ? true : undefined);
        assert.is(websocket.tls !== undefined, profile === "production");
        assert.is(websocket.tls?.verify, undefined, "a browser has no certificate of ours");
      }
      assert.ok(plan.servers.some(({ ports }) => ports.websocket !== null));
      assert.is(
        plan.servers.some(({ ports }) => ports.gateway !== null),
        topology === "supercluster",
      );
    });
  }
}

for (const profile of profiles) {
  test(`B9.2 the server of an edge site of a ${profile} cluster asks its clients as the cluster's do`, async ({
    folder,
  }) => {
    const plan = await planOf(folder, profile);
    const made = await makeSite(plan, { name: "oslo", region: "north" }, 0);
    assert.ok(made.ok);
    if (!made.ok) return;
    const site = siteFileSchema.parse(
      JSON.parse(readFileSync(join(made.value.folder, "site.json"), "utf8")),
    );
    const { tls } = JSON.parse(readFileSync(site.serverFile, "utf8")) as Listener;
    assert.is(tls?.verify, profile === "production" ? true : undefined);
  });
}

test("B9.2 users' certificates of somebody else's authority have to be there in production, and in the demo need not", async ({
  folder,
}) => {
  await planOf(folder, "demo");
  rmSync(join(certificatesFolder(folder), "ca-key.pem"));
  assert.ok((await planned(folder, "production")).ok, "they are taken as they are");
  const missing = join(folder, "users", "cell-south.pem");
  rmSync(missing);
  const refused = await planned(folder, "production");
  assert.is(
    refused.ok ? "" : `${refused.failure.code}: ${refused.failure.reason}`,
    `certificate_invalid: ${missing}: it is missing or cannot be read`,
  );
  assert.ok((await planned(folder, "demo")).ok);
});

test.run();
