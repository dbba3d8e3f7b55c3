import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { renewBefore, trustedAuthorities } from "../deploy/authority.ts";
import { certificatesIn } from "../deploy/certificates.ts";
import { openPortsOf, statedPorts } from "../deploy/open-ports.ts";
import { type Objection, defaultCredentials, readableByOthers } from "../deploy/production.ts";
import type { Target } from "./cluster.ts";
import type { Finding } from "./finding.ts";

/** What the doctor looks at in the files and processes of a cluster on this machine. */
export function examineDeployment(target: Target): readonly Finding[] {
  const { value: folder } = target.folder;
  return [
    validity(target),
    ports(target),
    secrets(target, readableByOthers(folder)),
    ...(target.cluster.profile === "production" ? [access(defaultCredentials(folder))] : []),
  ];
}

const good = (check: string, detail: string): Finding => ({
  check,
  verdict: "ok",
  detail,
  cost: "",
  next: "",
});

function validity(target: Target): Finding {
  const folder = join(target.folder.value, "tls");
  const users = join(target.folder.value, "users");
  const servers = target.cluster.regions.flatMap((region) => region.servers);
  try {
    const certificates = [
      ...trustedAuthorities(folder).map((pem) => ({ name: "authority", pem })),
      ...servers.map(({ name }) => ({ name, pem: readFileSync(join(folder, `${name}.pem`)) })),
      ...certificatesIn(users).map((file) => ({
        name: `user ${basename(file, ".pem")}`,
        pem: readFileSync(join(users, file)),
      })),
    ].map(({ name, pem }) => ({ name, until: Date.parse(new X509Certificate(pem).validTo) }));
    const first = certificates.reduce((a, b) => (b.until < a.until ? b : a));
    const date = new Date(first.until).toISOString();
    if (first.until > Date.now() + renewBefore) {
      return good("certificates", `${certificates.length}, the first ends on ${date}`);
    }
    return {
      check: "certificates",
      verdict: "warning",
      detail: `that of ${first.name} ends on ${date}`,
      cost: "from then on nobody can connect",
      next: `npx meridian certificates rotate${first.name === "authority" ? " --authority" : ""}`,
    };
  } catch (error) {
    return {
      check: "certificates",
      verdict: "failed",
      detail: (error as Error).message,
      cost: "",
      next: "npx meridian certificates show",
    };
  }
}

function ports(target: Target): Finding {
  const { regions } = target.cluster;
  const servers = regions.flatMap((region) => region.servers);
  const pids = [...servers.map(({ pid }) => pid), ...regions.map(({ cellPid }) => cellPid)];
  const open = openPortsOf(pids.filter((pid) => pid > 0));
  const stated = statedPorts(
    target.folder.value,
    servers.map(({ name }) => name),
    regions.map(({ name }) => name),
  );
  const wrong = open.filter(({ address, port }) => address !== "loopback" || !stated.has(port));
  if (wrong.length === 0) return good("ports", `${open.length} open, all stated and on loopback`);
  const named = wrong.map(({ address, port }) => `${port} (${address})`).join(", ");
  return {
    check: "ports",
    verdict: target.cluster.profile === "production" ? "failed" : "warning",
    detail: `open without being stated, or beyond loopback: ${named}`,
    cost: "whoever reaches them can try",
    next: "ss -ltnp; npx meridian down, and up again",
  };
}

function secrets(target: Target, objections: readonly Objection[]): Finding {
  const [first] = objections;
  if (first === undefined) return good("secrets", "keys and tokens are their owner's to read");
  return {
    check: "secrets",
    verdict: target.cluster.profile === "production" ? "failed" : "warning",
    detail: objections.map(({ what }) => what).join("; "),
    cost: "whoever reads them can act as their owner",
    next: first.next,
  };
}

function access(objections: readonly Objection[]): Finding {
  const [first] = objections;
  if (first === undefined) return good("access", "nobody is let in by default");
  return {
    check: "access",
    verdict: "failed",
    detail: objections.map(({ what }) => what).join("; "),
    cost: "",
    next: first.next,
  };
}
