import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { epoch } from "../../actors/kernel/units.ts";
import { loadNativeEngine } from "../../native/index.ts";
import type { SoakOptions } from "../soak.ts";
import { LogOwner } from "../support/log-owner.ts";
import { repository } from "../support/shared-data.ts";

const MILLION = 1_000_000;
const DEFAULT_MILLIONS = 20;
const sizes = { recordsKept: MILLION, snapshotInterval: MILLION / 4 };
const BLOCK = 8_192;
const RECORD = 96;
const SEGMENT = 16 * 2 ** 20;
/** What is kept, two snapshots' distance, a segment at each end and the spare; and as much for snapshots and seals. */
const BOUND =
  (sizes.recordsKept + 2 * sizes.snapshotInterval) * RECORD + 4 * SEGMENT + 64 * 2 ** 20;

/** A long run with segments of the usual size: `count` million records (default 20), a bounded folder. */
export async function soak({ count }: SoakOptions): Promise<void> {
  const root = await mkdtemp(join(repository, "build", "log-trim-"));
  const folder = join(root, "log");
  const loaded = loadNativeEngine(sizes);
  if (!loaded.ok) throw new Error(loaded.failure.reason);
  try {
    const market = await loaded.value.open({ market: "m", directory: folder, epoch: epoch(1) });
    const owner = new LogOwner(market);
    const total = (count ?? DEFAULT_MILLIONS) * MILLION;
    let most = 0;
    for (let sent = BLOCK; sent <= total; sent += BLOCK) {
      await owner.round(BLOCK);
      owner.digests.clear();
      await market.trim(sent);
      most = Math.max(most, await bytesIn(folder));
      if (most > BOUND)
        throw new Error(`${most} bytes after ${sent} records, the bound is ${BOUND}`);
    }
    const { digest, durable } = market.progress();
    await market.close();
    const again = await loaded.value.open({ market: "m", directory: folder, epoch: epoch(1) });
    if (again.progress().digest !== digest) throw new Error("the restart gives another digest");
    console.log(
      `${durable} records were ${Math.round((durable * RECORD) / MILLION)} MB; the folder never had more than ${Math.round(most / MILLION)} MB, and the restart has the same digest`,
    );
  } finally {
    await loaded.value.stop();
    await rm(root, { recursive: true });
  }
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder)) {
    // Snapshots are renamed, and segments go, while this looks.
    bytes += (await stat(join(folder, name)).catch(() => null))?.size ?? 0;
  }
  return bytes;
}
