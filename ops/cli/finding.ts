/** One thing the exchange needs. */
export interface Finding {
  readonly check: string;
  readonly verdict: "ok" | "warning" | "failed";
  readonly detail: string;
  /** What it is to be without; empty when all is well, or when nothing works without. */
  readonly cost: string;
  /** What to do when it is not well. */
  readonly next: string;
}
