import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeWhole } from "./whole-file.ts";

/**
 * Keys of encrypted streams over a stop of their server. A nats-server before 2.12.4 that was killed, started
 * and then stopped in good order leaves a new meta.key beside a meta.inf that the old one has encrypted
 * (nats-server 7678): at its next start it shows no stream. What it was given is kept and put back.
 */
const keptSchema = z.record(z.string(), z.object({ inf: z.string(), key: z.string() }));

const keptFile = (store: string): string => join(store, "stream-keys.json");
const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Folders of streams, by account and name. */
function streamFolders(store: string): readonly (readonly [string, string])[] {
  const jetstream = join(store, "jetstream");
  const below = (folder: string): readonly string[] =>
    existsSync(folder) ? readdirSync(folder) : [];
  return below(jetstream).flatMap((account) =>
    below(join(jetstream, account, "streams")).map(
      (stream) => [`${account}/${stream}`, join(jetstream, account, "streams", stream)] as const,
    ),
  );
}

/** To be called before the server is told to stop. */
export function keepStreamKeys(store: string): void {
  if (!existsSync(store)) return;
  const kept: z.infer<typeof keptSchema> = {};
  for (const [name, folder] of streamFolders(store)) {
    try {
      const inf = digestOf(readFileSync(join(folder, "meta.inf")));
      kept[name] = { inf, key: readFileSync(join(folder, "meta.key"), "base64") };
    } catch {
      // Removed while this looked, or not encrypted: there is nothing to be kept.
    }
  }
  writeWhole(keptFile(store), JSON.stringify(kept));
}

/**
 * To be called before the server starts. Returns the streams whose key was put back: those that have another key
 * and the same description as before the stop. Their index is of the other key; the server reads the blocks instead.
 */
export function putBackStreamKeys(store: string): readonly string[] {
  const file = keptFile(store);
  if (!existsSync(file)) return [];
  const kept = keptSchema.safeParse(parsed(readFileSync(file, "utf8")));
  const putBack = streamFolders(store).flatMap(([name, folder]) => {
    const before = kept.data?.[name];
    const [inf, key] = ["meta.inf", "meta.key"].map((part) => join(folder, part));
    if (before === undefined || !inf || !key || !existsSync(inf) || !existsSync(key)) return [];
    if (digestOf(readFileSync(inf)) !== before.inf) return [];
    const given = Buffer.from(before.key, "base64");
    if (given.equals(readFileSync(key))) return [];
    rmSync(join(folder, "msgs", "index.db"), { force: true });
    writeWhole(key, given);
    return [name];
  });
  rmSync(file);
  return putBack;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
