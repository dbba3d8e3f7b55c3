import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import {
  type Authority,
  distrustOthers,
  isForeign,
  newAuthority,
  signWith,
  signingAuthority,
  trust,
  trustedAuthorities,
} from "./authority.ts";
import {
  checkCertificates,
  makeServerCertificate,
  renewCertificate,
  renewUserCertificates,
} from "./certificates.ts";
import { certificatesFolder, clientsOf } from "./cluster.ts";
import { renewSites, trustAtSites } from "./edge-sites.ts";
import type { Fleet } from "./fleet.ts";
import type { Steps } from "./launcher-service.ts";
import { settled } from "./membership.ts";
import { peerRefusal } from "./peer-handshake.ts";
import { servedFingerprint } from "./served-certificate.ts";
import type { ClusterPlan } from "./topology.ts";

/**
 * New certificates for all servers, one after the other: the files are replaced, the server reads them again
 * (SIGHUP) and has to show the new one before the next is touched. Users get new ones as well, which their
 * clients show from their next connect on. Connections stay. Failure codes: certificate_foreign,
 * certificate_invalid, reload_failed.
 */
export async function rotateCertificates(
  plan: ClusterPlan,
  fleet: Fleet,
  steps: Steps,
): Promise<Result<void>> {
  const folder = certificatesFolder(plan.dataDirectory);
  const { authorityFile } = plan.certificates;
  for (const { name, ports } of plan.servers) {
    const files = await renewCertificate(folder, name, Date.now());
    if (!files.ok) return files;
    const sound = checkCertificates(
      { authorityFile, servers: { [name]: files.value } },
      Date.now(),
    );
    if (!sound.ok) return sound;
    const wanted = new X509Certificate(readFileSync(files.value.certificateFile)).fingerprint256;
    fleet.server(name)?.signal("SIGHUP");
    const shown = await settled("reload_failed", async () => {
      const served = await servedFingerprint(ports.nats, authorityFile);
      if ("fault" in served) return `${name}: ${served.fault}`;
      return served.fingerprint === wanted ? null : `${name} shows its old certificate`;
    });
    if (!shown.ok) return shown;
    steps.note(`${name} shows certificate ${wanted.slice(0, 23)}…`);
  }
  const clients = clientsOf(plan.users);
  const renewed = await renewUserCertificates(folder, clients, Date.now());
  if (!renewed.ok) return renewed;
  steps.note(
    `${clients.length} users have new certificates; copies elsewhere have to be made again`,
  );
  const sites = await renewSites(plan.dataDirectory);
  if (!sites.ok) return sites;
  for (const site of sites.value) {
    steps.note(`the folder of site ${site} has a new certificate; copy it to where the site runs`);
  }
  return ok(undefined);
}

/**
 * A new authority in place of the old: first everybody trusts both, then every server and user gets a
 * certificate of the new one, then nobody trusts the old one any more. A server has to do each step before the next is
 * asked. Interrupted, both stay trusted until the cluster is started again. Failure codes:
 * as rotateCertificates.
 */
export async function rotateAuthority(
  plan: ClusterPlan,
  fleet: Fleet,
  steps: Steps,
): Promise<Result<void>> {
  const folder = certificatesFolder(plan.dataDirectory);
  const old = await signingAuthority(folder);
  if (isForeign(folder) || old === null) {
    return refuse(
      "certificate_foreign",
      `${folder} has no key of the authority: the certificates were made elsewhere`,
      "put both authorities into ca.pem, then certificates of the new one in place of the old, then take the old one out; send each server SIGHUP after each step",
    );
  }
  const made = await newAuthority(Date.now());
  trust(folder, [made.authority.certificate.toString("pem"), ...trustedAuthorities(folder)]);
  const both = await everyServer(plan, fleet, made.authority, true);
  if (!both.ok) return both;
  trustAtSites(plan.dataDirectory);
  steps.note("every server trusts the new authority beside the old one");
  signWith(folder, made.key);
  const rotated = await rotateCertificates(plan, fleet, steps);
  if (!rotated.ok) return rotated;
  await distrustOthers(folder);
  trustAtSites(plan.dataDirectory);
  const none = await everyServer(plan, fleet, old, false);
  if (!none.ok) return none;
  steps.note("no server trusts the old authority any more");
  return ok(undefined);
}

/** Makes the servers read again whom they trust, one after the other. Failure code: reload_failed. */
async function everyServer(
  plan: ClusterPlan,
  fleet: Fleet,
  authority: Authority,
  trusted: boolean,
): Promise<Result<void>> {
  const made = await makeServerCertificate("rotation", authority, Date.now());
  for (const { name, ports } of plan.servers) {
    fleet.server(name)?.signal("SIGHUP");
    const done = await settled("reload_failed", async () => {
      const authorities = readFileSync(plan.certificates.authorityFile, "utf8");
      const refusal = await peerRefusal(ports.route, { ...made, authorities });
      if (trusted) return refusal === null ? null : `${name}: ${refusal}`;
      // A server that does not answer has not refused anything.
      return refusal !== null && /alert|certificate|unknown ca/i.test(refusal)
        ? null
        : `${name}: ${refusal ?? "it trusts the old authority still"}`;
    });
    if (!done.ok) return done;
  }
  return ok(undefined);
}
