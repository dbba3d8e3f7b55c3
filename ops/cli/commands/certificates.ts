import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Command } from "commander";

import { ok, refuse } from "../../../actors/kernel/result.ts";
import { certificatesIn } from "../../deploy/certificates.ts";
import { certificatesFolder } from "../../deploy/cluster.ts";
import { exitCodes, perform } from "../action.ts";
import { withCluster } from "../cluster.ts";
import { dataFolder } from "../data-folder.ts";
import { askLauncher, askThroughRestarts, stepLines } from "../deployment.ts";
import { calmOption, type OutputFormat, outputOption, printed } from "../output.ts";
import { type ClusterOptions, print, table, withClusterOptions } from "../terminal.ts";

type CertificateOptions = ClusterOptions & { readonly output: OutputFormat };

/** `meridian certificates …`: show and rotate what servers and users prove themselves with. */
export function register(program: Command): void {
  const group = program
    .command("certificates")
    .description("show and rotate the certificates of servers and users")
    .addHelpText(
      "after",
      "\nup makes an authority and a certificate per server in <data>/tls, one per user beside its seed in <data>/users, and\n" +
        "renews what has 30 days or less left. Certificates of your own: put ca.pem and <server>.pem, <server>-key.pem there\n" +
        "and no ca-key.pem, and <user>.pem, <user>-key.pem beside the seeds.",
    );
  group
    .command("show")
    .description("what the data folder holds, and until when")
    .option("--data <folder>", "data folder of the cluster ($MERIDIAN_DATA; default: .meridian)")
    .addOption(outputOption())
    .action((options: CertificateOptions) => perform(async () => show(options)));

  withClusterOptions(group.command("rotate"))
    .description(
      "give every server and user a new certificate, one after the other; connections stay",
    )
    .option("--authority", "a new authority as well: both are trusted until all have changed")
    .addOption(outputOption())
    .addOption(calmOption())
    .action((options: CertificateOptions & { readonly authority?: true }) =>
      perform(() =>
        withCluster(options, async (cluster) => {
          const verb = options.authority ? "authority-rotate" : "certificates-rotate";
          const done = await askLauncher(cluster, verb);
          if (!done.ok) return done;
          const { steps } = done.value;
          if (!printed(options, { value: { steps }, rows: steps ?? [] })) {
            for (const line of stepLines(done.value)) print(line);
          }
          return ok(exitCodes.ok);
        }),
      ),
    );
}

/** `meridian keys rotate-encryption`: what streams are encrypted with on the servers' disks. */
export function registerKeys(program: Command): void {
  const group = program.command("keys").description("replace the keys of a running cluster");
  withClusterOptions(group.command("rotate-encryption"))
    .description(
      "a new key of encryption at rest: server by server, each restarts and gets its streams from the others",
    )
    .addOption(outputOption())
    .addOption(calmOption())
    .addHelpText(
      "after",
      "\nRuns while markets trade; interrupted, it goes on when it is asked again. The key is in <data>/nats/encryption.json: back it up.",
    )
    .action((options: CertificateOptions) =>
      perform(async () => {
        const done = await askThroughRestarts(options, "encryption-rotate");
        if (!done.ok) return done;
        const { steps } = done.value;
        if (!printed(options, { value: { steps }, rows: steps ?? [] })) {
          for (const line of stepLines(done.value)) print(line);
        }
        return ok(exitCodes.ok);
      }),
    );
}

function show(options: CertificateOptions): ReturnType<typeof ok<0>> | ReturnType<typeof refuse> {
  const folder = dataFolder(options.data).value;
  const tls = certificatesFolder(folder);
  let names: readonly string[];
  try {
    names = [
      ...certificatesIn(tls).map((name) => join("tls", name)),
      ...certificatesIn(join(folder, "users")).map((name) => join("users", name)),
    ];
  } catch {
    return refuse("certificates_missing", `${tls} has no certificates yet`, "npx meridian up");
  }
  const certificates = names.map((name) => {
    const certificate = new X509Certificate(readFileSync(join(folder, name)));
    return {
      file: name,
      subject: certificate.subject,
      validTo: new Date(certificate.validTo).toISOString(),
      fingerprint: certificate.fingerprint256,
    };
  });
  const ids = certificates.map(({ file }) => file);
  if (!printed(options, { value: { folder, certificates }, rows: certificates, ids })) {
    print(
      table(
        ["FILE", "SUBJECT", "VALID TO", "SHA-256"],
        certificates.map(({ file, subject, validTo, fingerprint }) => [
          file,
          subject,
          validTo,
          `${fingerprint.slice(0, 23)}…`,
        ]),
      ),
    );
  }
  return ok(exitCodes.ok);
}
