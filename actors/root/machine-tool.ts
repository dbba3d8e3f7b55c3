import { loadAddon, type MachineProbe } from "../../native/addon.ts";
import { ok, type Result } from "../kernel/result.ts";

/**
 * What this machine offers the native engine: `node actors/root/machine-tool.ts` prints a Result as one
 * JSON value; `meridian doctor` runs it. Starts no thread of the engine. Failure codes: addon_missing,
 * layout_differs.
 */
function probe(): Result<MachineProbe> {
  const addon = loadAddon();
  return addon.ok ? ok(addon.value.probe()) : addon;
}

console.log(JSON.stringify(probe()));
