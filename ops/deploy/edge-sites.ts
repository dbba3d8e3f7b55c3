import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import { type SiteFile, siteFileSchema } from "../../schemas/edge-site.ts";
import { isToken, patterns, siteUserName } from "../../schemas/subjects.ts";
import type { CertificateFiles } from "../../actors/bus/login-files.ts";
import { authorityFile, isForeign } from "./authority.ts";
import {
  ensureCertificates,
  ensureUserCertificates,
  renewCertificate,
  renewUserCertificates,
} from "./certificates.ts";
import { isFree } from "./ports.ts";
import { siteUser } from "./roles.ts";
import { type Credentials, ensureSeeds } from "./seeds.ts";
import { type ClusterPlan, loopback, natsUrl, serversOf } from "./topology.ts";
import { writeWhole } from "./whole-file.ts";

/** An edge site: a server and a cache near clients, which a region lets read. */
export interface EdgeSite {
  readonly name: string;
  readonly region: string;
}

const sitesFolder = (dataDirectory: string): string => join(dataDirectory, "edge-sites");
/** What the machine of a site is given. */
export const siteFolder = (dataDirectory: string, site: string): string =>
  join(sitesFolder(dataDirectory), site);
const siteFile = (folder: string): string => join(folder, "site.json");

/** What the server of a site shows and whom it trusts: copies of what the cluster keeps for it. */
const certificateFiles = (folder: string) => ({
  ca_file: join(folder, "ca.pem"),
  cert_file: join(folder, "server.pem"),
  key_file: join(folder, "server-key.pem"),
});
const copy = (from: string, to: string): void => writeWhole(to, readFileSync(from, "utf8"));
function copyCertificate({ certificateFile, keyFile }: CertificateFiles, folder: string): void {
  const { cert_file, key_file } = certificateFiles(folder);
  copy(keyFile, key_file);
  copy(certificateFile, cert_file);
}

/** Users of a site's own server: its cache, and whoever reads. Their keys and certificates are in its folder. */
const usersOfSite = (folder: string, { name, region }: EdgeSite): readonly Credentials[] =>
  ensureSeeds(join(folder, "users"), [
    siteUser(region, name),
    { name: "reader", role: "observer", region: null },
  ]);

/** A site's file. Failure code: site_unusable. */
export function readSite(folder: string): Result<SiteFile> {
  try {
    return ok(siteFileSchema.parse(JSON.parse(readFileSync(siteFile(folder), "utf8"))));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    return refuse(
      "site_unusable",
      `${siteFile(folder)}: ${reason}`,
      "npx meridian edge add makes the folder of a site",
    );
  }
}

/** The sites that were made in a data folder; what cannot be read is none. */
export function readSites(dataDirectory: string): readonly EdgeSite[] {
  const folder = sitesFolder(dataDirectory);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const site = readSite(join(folder, name));
      return site.ok ? [{ name, region: site.value.region }] : [];
    });
}

const defaultPort = 4622;
const highestPort = 65_535;

async function choosePort(wanted: number): Promise<Result<number>> {
  for (let port = wanted === 0 ? defaultPort : wanted; port <= highestPort; port += 1) {
    if (await isFree(port)) return ok(port);
    if (wanted !== 0) return refuse("port_taken", `port ${port} is taken`, "choose another one");
  }
  return refuse("ports_exhausted", `no free port from ${defaultPort} on`, "ss -ltn");
}

/**
 * Makes the folder of a site: certificate, keys, the configuration of its server, what its cache goes by. The
 * servers of the region must be told of the user that comes back. Failure codes: region_unknown, site_invalid,
 * site_exists, port_taken, ports_exhausted, certificate_foreign.
 */
export async function makeSite(
  plan: ClusterPlan,
  { name, region }: EdgeSite,
  wantedPort: number,
): Promise<Result<{ readonly folder: string; readonly credentials: Credentials }>> {
  const hubs = serversOf(plan, region).filter(({ ports }) => ports.leaf !== null);
  if (hubs.length === 0) {
    return refuse(
      "region_unknown",
      `no server of ${region} takes leaf nodes`,
      "npx meridian status",
    );
  }
  if (!isToken(siteUserName(isToken(name) ? name : "x")) || !isToken(name) || name.length > 32) {
    return refuse("site_invalid", `${name} is no name of a site`, "1 to 32 of [A-Za-z0-9_-]");
  }
  const folder = siteFolder(plan.dataDirectory, name);
  if (existsSync(siteFile(folder))) {
    return refuse("site_exists", `${folder} is there already`, "choose another name");
  }
  const port = await choosePort(wantedPort);
  if (!port.ok) return port;
  const user = siteUser(region, name);
  const tls = join(plan.dataDirectory, "tls");
  const { servers } = await ensureCertificates(tls, [user.name], Date.now());
  const certificate = servers[user.name];
  if (certificate === undefined || !existsSync(certificate.certificateFile)) {
    return refuse("certificate_foreign", `${tls} has no ca-key.pem`, `put ${user.name}.pem there`);
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = certificateFiles(folder);
  copy(authorityFile(tls), files.ca_file);
  copyCertificate(certificate, folder);
  const [credentials] = ensureSeeds(join(plan.dataDirectory, "users"), [user]);
  const own = usersOfSite(folder, { name, region });
  await ensureUserCertificates(tls, own, Date.now());
  const [cache, reader] = own;
  if (credentials === undefined || cache === undefined || reader === undefined) {
    throw new RangeError("a seed for each user");
  }
  const urls = hubs.map(({ ports }) => `tls://${loopback}:${ports.leaf}`);
  const seed = readFileSync(credentials.seedFile, "utf8").trim();
  const proven = plan.profile === "production";
  const configuration = siteServer(
    name,
    { port: port.value, proven },
    files,
    { urls, seed },
    { cache, reader },
  );
  writeWhole(join(folder, "server.conf"), `${JSON.stringify(configuration, null, 2)}\n`);
  const site: SiteFile = {
    name,
    region,
    regions: plan.regions.map((each) => each.name),
    nats: natsUrl({ nats: port.value }),
    caFile: files.ca_file,
    serverFile: join(folder, "server.conf"),
    cacheSeedFile: cache.seedFile,
    readerSeedFile: reader.seedFile,
    boundMs: 2_000,
  };
  writeWhole(siteFile(folder), `${JSON.stringify(site, null, 2)}\n`);
  return ok({ folder, credentials });
}

/**
 * Takes a site's folder and keys away; copies of them elsewhere are of no use once the servers have read who is
 * left. Failure code: site_unknown.
 */
export function forgetSite(dataDirectory: string, site: string): Result<EdgeSite> {
  const found = readSites(dataDirectory).find(({ name }) => name === site);
  if (found === undefined) {
    return refuse(
      "site_unknown",
      `this cluster has no edge site ${site}`,
      "npx meridian edge add makes one",
    );
  }
  // Its file first: interrupted here, the next start of the cluster lets nobody in for it.
  rmSync(siteFile(siteFolder(dataDirectory, site)));
  rmSync(siteFolder(dataDirectory, site), { recursive: true });
  rmSync(join(dataDirectory, "users", `${siteUserName(site)}.nk`), { force: true });
  return ok(found);
}

/** Tells the folders of the sites whom to trust from now on. */
export function trustAtSites(dataDirectory: string): void {
  for (const { name } of readSites(dataDirectory)) {
    const { ca_file } = certificateFiles(siteFolder(dataDirectory, name));
    copy(authorityFile(join(dataDirectory, "tls")), ca_file);
  }
}

/** New certificates for the servers and users of the sites, in their folders. Failure code: certificate_foreign. */
export async function renewSites(dataDirectory: string): Promise<Result<readonly string[]>> {
  const tls = join(dataDirectory, "tls");
  const renewed: string[] = [];
  for (const site of readSites(dataDirectory)) {
    const folder = siteFolder(dataDirectory, site.name);
    const made = await renewCertificate(tls, siteUserName(site.name), Date.now());
    if (!made.ok) return made;
    copyCertificate(made.value, folder);
    const users = await renewUserCertificates(tls, usersOfSite(folder, site), Date.now());
    if (!users.ok) return users;
    renewed.push(site.name);
  }
  return ok(renewed);
}

/** Renews what is about to end in the folders of the sites, as at a start of the cluster. */
export async function ensureSites(dataDirectory: string, now: number): Promise<void> {
  const tls = join(dataDirectory, "tls");
  if (isForeign(tls)) return;
  trustAtSites(dataDirectory);
  for (const site of readSites(dataDirectory)) {
    const folder = siteFolder(dataDirectory, site.name);
    const name = siteUserName(site.name);
    const { servers } = await ensureCertificates(tls, [name], now, true);
    const certificate = servers[name];
    if (certificate !== undefined) copyCertificate(certificate, folder);
    await ensureUserCertificates(tls, usersOfSite(folder, site), now);
  }
}

/**
 * The server of a site: no JetStream, one account that is joined to the region's as a leaf node. What its users
 * may do is said again by the region's server (role `site`), which is the one that counts. `proven`: its clients
 * need certificates.
 */
function siteServer(
  name: string,
  { port, proven }: { readonly port: number; readonly proven: boolean },
  files: Readonly<Record<"ca_file" | "cert_file" | "key_file", string>>,
  hub: { readonly urls: readonly string[]; readonly seed: string },
  users: { readonly cache: Credentials; readonly reader: Credentials },
): Record<string, unknown> {
  const tls = { ...files, min_version: "1.3", timeout: 5 };
  return {
    server_name: `site-${name}`,
    listen: `${loopback}:${port}`,
    tls: proven ? { ...tls, verify: true } : tls,
    leafnodes: {
      reconnect_interval: "1s",
      remotes: [{ urls: hub.urls, account: "SITE", nkey: hub.seed, tls }],
    },
    // Finds a link that carries nothing any more.
    ping_interval: "1s",
    ping_max: 2,
    accounts: {
      SITE: {
        users: [
          {
            nkey: users.cache.publicKey,
            permissions: {
              publish: { allow: [patterns.books] },
              subscribe: {
                allow: [
                  patterns.marketData,
                  patterns.siteOf(name),
                  patterns.inbox(users.cache.user.name),
                ],
              },
              allow_responses: { max: 1, expires: "1m" },
            },
          },
          {
            nkey: users.reader.publicKey,
            permissions: {
              publish: { allow: [patterns.siteOf(name)] },
              subscribe: { allow: [patterns.marketData, patterns.inbox(users.reader.user.name)] },
            },
          },
        ],
      },
      SYS: { users: [] },
    },
    system_account: "SYS",
  };
}
