import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import type { Duplex } from "node:stream";
import { nkeyAuthenticator, wsconnect } from "nats";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { connectionOptions } from "../../actors/bus/nats.ts";
import { credentialsOf } from "../../ops/deploy/cluster.ts";
import { type LaunchedCluster, withCluster } from "../support/launched-cluster.ts";

const test = suite("websocket");

/** What a browser gets that asks for a websocket from a page of `origin`. */
async function upgrade(url: string, origin: string): Promise<number> {
  const { hostname, port } = new URL(url);
  const asking = request({
    hostname,
    port,
    headers: {
      Connection: "Upgrade",
      Upgrade: "websocket",
      Origin: origin,
      "Sec-WebSocket-Key": Buffer.from("0123456789abcdef").toString("base64"),
      "Sec-WebSocket-Version": "13",
    },
  });
  asking.end();
  const answer: readonly [IncomingMessage, Duplex?] = await Promise.race([
    once(asking, "upgrade") as Promise<[IncomingMessage, Duplex]>,
    once(asking, "response") as Promise<[IncomingMessage]>,
  ]);
  answer[1]?.destroy();
  answer[0].resume();
  return answer[0].statusCode ?? 0;
}

async function refusalOf(cluster: LaunchedCluster, url: string, user: string): Promise<string> {
  const seed = Buffer.from(
    readFileSync(credentialsOf(cluster.overview.plan, user).seedFile, "utf8").trim(),
  );
  const { inboxPrefix } = connectionOptions({ servers: [], user, seed, authority: null });
  try {
    const connection = await wsconnect({
      servers: url,
      authenticator: nkeyAuthenticator(seed),
      ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
      reconnect: false,
      timeout: 5_000,
    });
    await connection.flush();
    await connection.close();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

test("B9.8 people log in over the websocket with their keys, programs of the cluster may not", async () => {
  await withCluster(async (cluster) => {
    for (const { websocket } of cluster.overview.cluster.regions) {
      for (const user of ["observer", "operator", "approver"]) {
        assert.is(await refusalOf(cluster, websocket, user), "", `${user} at ${websocket}`);
      }
      assert.match(await refusalOf(cluster, websocket, "cell-eu-central"), /authorization/i);
    }
    const [first, second] = cluster.overview.cluster.regions;
    const url = first?.websocket ?? "";
    assert.match(url, /^ws:\/\/127\.0\.0\.1:\d+$/);
    assert.is(await upgrade(url, first?.http ?? ""), 101);
    const beside = (second?.http ?? "").replace("127.0.0.1", "localhost");
    assert.is(await upgrade(url, beside), 101, "a page of another region of the cluster");
    assert.is(await upgrade(url, "http://example.org"), 403, "a page of somebody else");
  });
});

test.run();
