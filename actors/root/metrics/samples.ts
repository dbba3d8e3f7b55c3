import type { Registry } from "prom-client";

import {
  type FamilyName,
  familyOf,
  type HistogramName,
  type LabelsOf,
  metricFamilies,
  type ValueName,
} from "../../../schemas/metrics/families.ts";
import { labelBounds } from "../../../schemas/metrics/definition.ts";

/** One line of the text: the family's name unless `metricName` says otherwise. */
interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** Durations counted by bucket; one count more than bounds when some lie above all of them. */
export interface Buckets {
  readonly boundsNs: readonly number[];
  readonly counts: readonly number[];
  readonly sumNs: number;
}

/**
 * What one scrape shows. A family and its labels are those of the table (schemas/metrics), or it does
 * not compile; a label with more values than the table allows is left out and counted.
 */
export class Samples {
  readonly #samples = new Map<FamilyName, Sample[]>();
  readonly #labelValues = new Map<string, Set<string>>();
  #leftOut = 0;

  get leftOut(): number {
    return this.#leftOut;
  }

  /** Null: not known, and then it is not shown. */
  set<N extends ValueName>(name: N, value: number | null, labels: LabelsOf<N>): void {
    if (value === null || Number.isNaN(value) || !this.#admits(name, labels)) return;
    this.#of(name).push({ labels, value });
  }

  histogram<N extends HistogramName>(name: N, buckets: Buckets, labels: LabelsOf<N>): void {
    if (!this.#admits(name, labels)) return;
    const into = this.#of(name);
    let total = 0;
    for (const [index, boundNs] of buckets.boundsNs.entries()) {
      total += buckets.counts[index] ?? 0;
      const le = Number((boundNs / 1e9).toPrecision(12));
      into.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: total });
    }
    for (const rest of buckets.counts.slice(buckets.boundsNs.length)) total += rest;
    into.push({ metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: total });
    into.push({ metricName: `${name}_sum`, labels, value: buckets.sumNs / 1e9 });
    into.push({ metricName: `${name}_count`, labels, value: total });
  }

  of(name: FamilyName): readonly Sample[] {
    return this.#samples.get(name) ?? [];
  }

  #of(name: FamilyName): Sample[] {
    const found = this.#samples.get(name) ?? [];
    this.#samples.set(name, found);
    return found;
  }

  #admits(name: FamilyName, labels: Readonly<Record<string, string>>): boolean {
    for (const label of familyOf(name).labels ?? []) {
      const key = `${name} ${label}`;
      const values = this.#labelValues.get(key) ?? new Set();
      this.#labelValues.set(key, values);
      const value = labels[label] ?? "";
      if (!values.has(value) && values.size >= labelBounds[label]) {
        this.#leftOut += 1;
        return false;
      }
      values.add(value);
    }
    return true;
  }
}

/** Lets the registry of prom-client write every family of the table from `current`. */
export function register(registry: Registry, current: () => Samples): void {
  for (const name of Object.keys(metricFamilies) as FamilyName[]) {
    const { type, help } = familyOf(name);
    const metric = {
      name,
      get: () => Promise.resolve({ name, help, type, values: current().of(name) }),
    };
    // Its own classes count by themselves; here the counts are made elsewhere and only written.
    registry.registerMetric(metric as unknown as Parameters<Registry["registerMetric"]>[0]);
  }
}
