import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { type Result, ok } from "../../actors/kernel/result.ts";
import { checkCertificates, renewCertificate } from "./certificates.ts";
import { certificatesFolder } from "./cluster.ts";
import type { Fleet } from "./fleet.ts";
import type { Steps } from "./launcher-service.ts";
import { settled } from "./membership.ts";
import { servedFingerprint } from "./served-certificate.ts";
import type { ClusterPlan } from "./topology.ts";

/**
 * New certificates for all servers, one after the other: the files are replaced, the server reads them again
 * (SIGHUP) and has to show the new one before the next is touched. Connections stay. Failure codes:
 * certificate_foreign, certificate_invalid, reload_failed.
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
  return ok(undefined);
}
