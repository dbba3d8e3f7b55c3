import type { KeyStore } from "../../actors/kernel/ports/bus.ts";
import { encodeOwnership, keys } from "../../actors/region/codec.ts";
import { actorShardName, actorShards } from "../../schemas/subjects.ts";

/**
 * What an operator does when the bucket of leases was lost while the owner of actors was down: nobody knows the
 * epochs any more, so the shards wait (`own.<shard> is missing although the shard has had an owner`) until
 * somebody writes the keys with an epoch above all that were given. True when none is missing.
 */
export async function restoreActorOwners(
  store: KeyStore,
  regions: readonly string[],
  epoch: number,
): Promise<boolean> {
  let isWhole = true;
  for (const region of regions) {
    for (let number = 0; number < actorShards; number += 1) {
      const shard = actorShardName(region, number);
      const mark = await store.get(keys.directoryBucket, keys.shard(shard));
      const owner = await store.get(keys.leaseBucket, keys.ownership(shard));
      if (!mark.ok || !owner.ok) {
        isWhole = false;
        continue;
      }
      // A shard that nobody has had yet is claimed without anybody's help.
      if (mark.value === null || owner.value !== null) continue;
      const nobody = { shard, epoch, since: 0, region, cell: "", incarnation: 0 };
      const bytes = encodeOwnership(nobody);
      const stored = await store.compareAndSet(keys.leaseBucket, keys.ownership(shard), bytes, 0);
      isWhole &&= stored.ok;
    }
  }
  return isWhole;
}
