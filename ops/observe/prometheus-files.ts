import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

import { writeWhole } from "../deploy/whole-file.ts";
import { dashboardJson } from "./dashboard.ts";
import { dashboards } from "./dashboards.ts";
import { ruleFile } from "./rule-files.ts";

/** A cell that is scraped. */
export interface Target {
  readonly region: string;
  readonly cell: string;
  /** http://host:port */
  readonly http: string;
}

/** How often cells are scraped and rules evaluated; Prometheus durations. */
export interface Pace {
  readonly scrape: string;
  readonly rules: string;
}

export const defaultPace: Pace = { scrape: "2s", rules: "5s" };

/** A sample older than this is not shown any more in the view over all regions. */
export const globalLookback = "8s";

const text = (content: unknown): string => `${JSON.stringify(content, null, 2)}\n`;

/** The targets as Prometheus discovers them in files (file_sd). */
export const targetsFile = (targets: readonly Target[]): string =>
  text(
    targets.map(({ region, cell, http }) => ({
      targets: [new URL(http).host],
      labels: { region, cell },
    })),
  );

/**
 * The configuration of a region's Prometheus; JSON is YAML. `global`: where it sends all it has, as
 * http://host:port of the Prometheus over all regions, which catches up after a cut because what could
 * not be sent is kept in the write-ahead log for two hours.
 */
export const prometheusFile = (targetFiles: string, global: string | null, pace: Pace): string =>
  text({
    global: { scrape_interval: pace.scrape, evaluation_interval: pace.rules },
    rule_files: ["rules.json"],
    scrape_configs: [
      {
        job_name: "meridian-cell",
        scrape_timeout: pace.scrape,
        file_sd_configs: [{ files: [targetFiles], refresh_interval: "10s" }],
      },
    ],
    ...(global === null
      ? {}
      : {
          remote_write: [
            {
              url: `${global}/api/v1/write`,
              queue_config: { max_shards: 4, batch_send_deadline: "1s", max_backoff: "1s" },
            },
          ],
        }),
  });

/** The Prometheus over all regions: it scrapes nothing, regions send. */
export const globalPrometheusFile = (pace: Pace): string =>
  text({
    global: { scrape_interval: pace.scrape, evaluation_interval: pace.rules },
    rule_files: ["global-rules.json"],
  });

/** Alerts about regions that tell nothing belong to the one who hears all of them. */
export const globalRules = (pace: Pace): string => ruleFile(pace.rules, "global");

/** Writes who is scraped; a Prometheus that runs there notices. */
export function writeTargets(directory: string, targets: readonly Target[]): void {
  mkdirSync(directory, { recursive: true });
  writeWhole(join(directory, "targets.json"), targetsFile(targets));
}

/** Writes all that Prometheus and Grafana need into `directory`. */
export function writeObservation(
  directory: string,
  targets: readonly Target[],
  options: { readonly global?: string; readonly pace?: Pace } = {},
): void {
  const { global = null, pace = defaultPace } = options;
  const files: Readonly<Record<string, string>> = {
    "prometheus.yml": prometheusFile("targets.json", global, pace),
    "global.yml": globalPrometheusFile(pace),
    "rules.json": ruleFile(pace.rules, "region"),
    "global-rules.json": globalRules(pace),
    "targets.json": targetsFile(targets),
    ...Object.fromEntries(
      dashboards.map((dashboard) => [`dashboards/${dashboard.uid}.json`, dashboardJson(dashboard)]),
    ),
  };
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeWhole(path, content);
  }
}
