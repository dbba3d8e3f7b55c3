import type { SoakOptions } from "../soak.ts";
import { purseDeliveries } from "../support/purse-deliveries.ts";

/** `count`: random histories of one actor. */
const defaultCount = 20_000;

export async function soak({ seed, count }: SoakOptions): Promise<void> {
  const { repeats, crashes } = await purseDeliveries(seed, count ?? defaultCount);
  console.log(`${repeats} commands repeated, ${crashes} crashes, each command done once`);
}
