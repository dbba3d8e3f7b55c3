import { join } from "node:path";

import type { NatsConnection } from "nats";
import * as assert from "uvu/assert";

import type { SoakOptions } from "../soak.ts";
import { meridian } from "../support/command-line.ts";
import { FollowingClient } from "../support/following-client.ts";
import { withCluster } from "../support/launched-cluster.ts";
import { repository } from "../support/shared-data.ts";

/** Declared and not in the cluster at first; its market's journal is kept by eu-central and us-east as well. */
const joining = { region: "uk-south", market: "BTC-GBP", takesOver: "eu-central" };

type Asked = (...given: string[]) => ReturnType<typeof meridian>;

/** A region is taken into the cluster by the command, while a client trades: it serves, and the others follow it. */
async function checkJoining(connection: NatsConnection, asked: Asked): Promise<void> {
  const client = new FollowingClient(connection, "BTC-USD", "us-east");
  await client.place();
  const running = client.run();
  const added = await asked("add", joining.region);
  assert.is(added.code, 0, added.errors + added.output);
  const newcomer = new FollowingClient(connection, joining.market, joining.region);
  await newcomer.place();
  assert.is(newcomer.region, joining.region, "its own cell serves its market");
  // Who was not told of the market could not take it.
  const { region, takesOver } = joining;
  const moved = await asked("failover", region, "--to", takesOver, "--confirm", region);
  assert.is(moved.code, 0, moved.errors + moved.output);
  await newcomer.place();
  assert.is(newcomer.region, takesOver);
  await client.place();
  client.stop();
  await running;
  assert.equal([...client.refused, ...newcomer.refused], []);
}

/** A region joins a cluster that trades; `count` clusters one after the other (default 1). */
export async function soak({ count }: SoakOptions): Promise<void> {
  const cellProgram = join(repository, "actors", "root", "main.ts");
  for (let cluster = 0; cluster < (count ?? 1); cluster += 1) {
    await withCluster(
      async ({ overview, ...joined }) => {
        const data = overview.plan.dataDirectory;
        const asked: Asked = (...given) =>
          meridian(data, ["region", ...given, "--as", "operator", "-o", "json"]);
        await checkJoining(await joined.connect("operator"), asked);
      },
      { cellProgram, engine: "portable", takeover: "automatic" },
    );
  }
}
