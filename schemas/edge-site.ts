import { z } from "zod";

/** <folder of a site>/site.json: what the cache of an edge site and its readers go by. */
export const siteFileSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,32}$/),
  /** Whose servers it is a leaf node of, and which it asks first. */
  region: z.string(),
  regions: z.array(z.string()).min(1),
  /** Where its own server listens. */
  nats: z.string(),
  caFile: z.string(),
  /** Configuration of its server. */
  serverFile: z.string(),
  cacheSeedFile: z.string(),
  readerSeedFile: z.string(),
  /** Copies that are older are marked stale, in milliseconds. */
  boundMs: z.int().min(100).max(3_600_000),
});
export type SiteFile = z.infer<typeof siteFileSchema>;
