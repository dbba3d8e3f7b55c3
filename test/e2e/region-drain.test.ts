import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { meridian } from "../support/command-line.ts";
import { FollowingClient } from "../support/following-client.ts";
import { withCluster } from "../support/launched-cluster.ts";
import { missingNatsServer } from "../support/nats-cluster.ts";
import { repository } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";

const test = suite("region drain");
const drained = "us-east";
const market = "BTC-USD";

interface RegionsView {
  readonly regions: readonly {
    readonly name: string;
    readonly drain: string;
    readonly owned: readonly { readonly market: string }[];
  }[];
}

testUnless(
  test,
  missingNatsServer(),
  "B9.4 B9.7 a region is drained while a client trades, takes nothing that is given to it, and is undrained",
  async () => {
    const cellProgram = join(repository, "actors", "root", "main.ts");
    await withCluster(
      async ({ overview, ...cluster }) => {
        const data = overview.plan.dataDirectory;
        const asked = async (...given: string[]): ReturnType<typeof meridian> =>
          meridian(data, ["region", ...given, "--as", "operator", "-o", "json"]);
        const status = async (name: string) => {
          const { output } = await asked("status");
          return (JSON.parse(output) as RegionsView).regions.find((one) => one.name === name);
        };
        const client = new FollowingClient(await cluster.connect("operator"), market, drained);
        await client.place();
        const dry = await asked("drain", drained, "--dry-run");
        assert.is(dry.code, 0, dry.errors);
        assert.is((await status(drained))?.drain, "", "a dry run changes nothing");
        const running = client.run();
        const done = await asked("drain", drained, "--confirm", drained);
        assert.is(done.code, 0, done.errors + done.output);
        await client.place();
        client.stop();
        await running;
        assert.equal(client.refused, [], "clients see a pause and no refusal");
        const to = client.region;
        assert.is.not(to, drained);
        const after = await status(drained);
        assert.equal([after?.drain, after?.owned], ["drained", []]);

        const into = await asked("failback", to, "--to", drained, "--confirm", to);
        assert.is(into.code, 3, "nothing moves into a drained region");
        assert.match(into.errors, /undrain/);
        const undone = await asked("undrain", drained);
        assert.is(undone.code, 0, undone.errors);
        assert.is((await status(drained))?.drain, "");
        const again = await asked("undrain", drained);
        assert.is(again.code, 3, again.errors);
      },
      { cellProgram, engine: "portable", takeover: "automatic" },
    );
  },
);

test.run();
