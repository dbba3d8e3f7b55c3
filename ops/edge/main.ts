import { connect } from "nats";

import { loginFrom } from "../../actors/bus/login-files.ts";
import { connectionOptions } from "../../actors/bus/nats.ts";
import { siteUserName } from "../../schemas/subjects.ts";
import { readSite } from "../deploy/edge-sites.ts";
import { EdgeCache } from "./cache.ts";

/** The cache of an edge site: `node ops/edge/main.ts FOLDER`. It exits with 2 when the folder is no site's. */
const site = readSite(process.argv[2] ?? "");
if (!site.ok) {
  process.stderr.write(`${site.failure.reason}\n`);
  process.exit(2);
}
const { name, nats, caFile, cacheSeedFile } = site.value;
const connection = await connect({
  ...connectionOptions({
    servers: [nats],
    user: siteUserName(name),
    ...loginFrom(cacheSeedFile, caFile),
  }),
  // Its server may start after it.
  waitOnFirstConnect: true,
});
const cache = new EdgeCache(site.value, connection, () => performance.now());
process.stdout.write(`the cache of ${name} answers\n`);
const stop = (): void => {
  cache.stop();
  void connection.close();
};
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
