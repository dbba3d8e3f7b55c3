import type { DataClass } from "../../schemas/placement.ts";

/** What a regulatory profile asks of a region's declaration. */
export interface RegulatoryProfile {
  /** The jurisdiction that regions of this profile are in; null: any. */
  readonly jurisdiction: string | null;
  /** Jurisdictions that may keep a class of data; a class without a list: any. */
  readonly keptIn: Readonly<Partial<Record<DataClass, readonly string[]>>>;
}

/**
 * The profiles that a region may name. They are policies of this exchange, stricter or laxer than a
 * law is for the operator's lawyers to say; what they forbid is refused before anything starts.
 */
export const regulatoryProfiles: Readonly<Record<string, RegulatoryProfile>> = {
  none: { jurisdiction: null, keptIn: {} },
  "eu-mifir": { jurisdiction: "eu", keptIn: { events: ["eu"] } },
  "uk-mifir": { jurisdiction: "uk", keptIn: { positions: ["uk"], events: ["uk"] } },
  "us-sec": { jurisdiction: "us", keptIn: { events: ["us"] } },
  "sg-mas": { jurisdiction: "sg", keptIn: { events: ["sg"] } },
};
