import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { ClusterFile } from "../../../schemas/configuration.ts";
import { consoleAddress } from "./console.ts";

const test = suite("meridian console");

async function serving(status: number): Promise<Server> {
  const server = createServer((_request, reply) => reply.writeHead(status).end("not built"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const clusterOf = (servers: Readonly<Record<string, Server>>): ClusterFile =>
  ({
    regions: Object.entries(servers).map(([name, server]) => ({
      name,
      http: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    })),
  }) as unknown as ClusterFile;

test("B8.7 meridian console names the first cell that serves it, and says of each why it does not", async () => {
  const broken = await serving(503);
  const sound = await serving(200);
  try {
    const both = clusterOf({ a: broken, b: sound });
    const found = await consoleAddress(both, undefined);
    assert.equal(found, { ok: true, value: `${both.regions[1]?.http}/console/` });
    const none = await consoleAddress(both, "a");
    assert.is(none.ok ? "" : none.failure.code, "console_silent");
    assert.match(none.ok ? "" : none.failure.reason, /a: 503 not built/);
    const unknown = await consoleAddress(both, "c");
    assert.is(unknown.ok ? "" : unknown.failure.next, "one of: a, b");
  } finally {
    broken.close();
    sound.close();
  }
});

test.run();
