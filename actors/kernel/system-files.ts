import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";

import type { Files } from "./ports/files.ts";

/** The files port over the local file system. */
export class SystemFiles implements Files {
  /** Replacements under way by path: two of one file would write the same draft. */
  readonly #replacing = new Map<string, Promise<void>>();

  async read(path: string): Promise<Uint8Array | null> {
    try {
      return await readFile(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  }

  /** Of one file at a time: what was given last is what stays. */
  replace(path: string, content: Uint8Array): Promise<void> {
    const before = this.#replacing.get(path) ?? Promise.resolve();
    const replaced = before.catch(() => {}).then(() => this.#replace(path, content));
    this.#replacing.set(path, replaced);
    const done = (): void => {
      if (this.#replacing.get(path) === replaced) this.#replacing.delete(path);
    };
    replaced.then(done, done);
    return replaced;
  }

  async #replace(path: string, content: Uint8Array): Promise<void> {
    const folder = dirname(path);
    await mkdir(folder, { recursive: true });
    const draft = `${path}.draft`;
    await writeSynced(draft, content);
    await rename(draft, path);
    await syncFolder(folder);
  }

  async move(from: string, to: string): Promise<void> {
    await rename(from, to);
    for (const folder of new Set([dirname(from), dirname(to)])) await syncFolder(folder);
  }
}

/** A rename is durable only when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeSynced(path: string, content: Uint8Array): Promise<void> {
  const handle = await open(path, "w", 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
