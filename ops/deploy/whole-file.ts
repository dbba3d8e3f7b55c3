import { renameSync, writeFileSync } from "node:fs";

/** Writes a file as a whole, readable by the owner only. */
export function writeWhole(path: string, text: string | Uint8Array): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, path);
}
