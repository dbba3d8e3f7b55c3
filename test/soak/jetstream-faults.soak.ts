import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { drill, drillNames, missingForPowerCut } from "../jetstream-faults/drills.ts";
import type { SoakOptions } from "../soak.ts";
import { missingNatsServer } from "../support/nats-cluster.ts";

const DEFAULT_DRILLS = 40;

/** Faults of JetStream itself in turn, damage at places of the seed's choice (default 40 drills). */
export async function soak({ seed, count }: SoakOptions): Promise<void> {
  const missing = missingNatsServer() ?? missingForPowerCut();
  if (missing !== null) throw new Error(missing);
  const broken: string[] = [];
  for (let index = 0; index < (count ?? DEFAULT_DRILLS); index += 1) {
    const name = drillNames[index % drillNames.length] ?? "block_bit";
    const started = performance.now();
    try {
      const { what, found, resent } = await drill(name, seededRandomness(seed + index));
      const seconds = ((performance.now() - started) / 1_000).toFixed(1);
      console.log(`${name}: ${what}: ${found} told, ${resent} resent, ${seconds} s`);
    } catch (error) {
      console.log(`BROKEN ${name}, SEED=${seed + index}: ${(error as Error).stack}`);
      broken.push(name);
    }
  }
  if (broken.length > 0) throw new Error(`${broken.join(", ")} broke a promise`);
}
