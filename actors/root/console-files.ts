import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/**
 * The built console, read once and kept in memory: what is not in the folder when the cell starts is not served,
 * so no request ever names a file of this machine.
 */

export interface ConsoleFile {
  readonly type: string;
  readonly body: Buffer;
  readonly brotli: Buffer;
  readonly gzip: Buffer;
  readonly etag: string;
  /** Its name carries a digest of its content: it never changes. */
  readonly immutable: boolean;
}

/** By path below /console/, with `/` between folders. */
export type ConsoleFiles = ReadonlyMap<string, ConsoleFile>;

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};
/** A page of more than that is no console. */
const maximumBytes = 8 * 1_048_576;

/** Null when there is no built console in the folder. Throws when it is larger than a console can be. */
export function readConsoleFiles(directory: string): ConsoleFiles | null {
  const files = new Map<string, ConsoleFile>();
  let total = 0;
  for (const path of pathsBelow(directory)) {
    const type = types[extname(path)];
    if (type === undefined) continue;
    const body = readFileSync(path);
    total += body.length;
    if (total > maximumBytes)
      throw new RangeError(`${directory} holds more than ${maximumBytes} B`);
    const name = relative(directory, path).split(sep).join("/");
    files.set(name, {
      type,
      body,
      brotli: brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
      gzip: gzipSync(body, { level: 6 }),
      etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`,
      immutable: name.startsWith("assets/"),
    });
  }
  return files.has("index.html") ? files : null;
}

function pathsBelow(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
