import { readFileSync } from "node:fs";

import { type CellConfiguration, cellConfigurationSchema } from "../../schemas/configuration.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { describeIssues } from "./reference-data.ts";

/** Failure codes: usage (bad arguments), configuration_invalid (the file, with key and reason). */
export function readConfiguration(argv: readonly string[]): Result<CellConfiguration> {
  const [flag, file, ...rest] = argv;
  if (flag !== "--configuration" || file === undefined || rest.length > 0) {
    return refuse(
      "usage",
      `expected --configuration FILE, got ${argv.length === 0 ? "nothing" : argv.join(" ")}`,
      "node actors/root/main.ts --configuration FILE; `npm start` writes such files and starts cells",
    );
  }
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return bad(file, error instanceof Error ? error.message : "it cannot be read");
  }
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    return bad(file, error instanceof Error ? error.message : "it is no JSON");
  }
  const checked = cellConfigurationSchema.safeParse(data);
  if (!checked.success) return bad(file, describeIssues(checked.error));
  if (!checked.data.regions.includes(checked.data.region)) {
    return bad(file, `region: ${checked.data.region} is not one of regions`);
  }
  return ok(checked.data);
}

const bad = (file: string, fault: string): Result<never> =>
  refuse("configuration_invalid", `${file}: ${fault}`, "correct the file and start again");
