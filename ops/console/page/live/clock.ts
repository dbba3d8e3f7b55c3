import { computed, signal } from "@preact/signals";

/** Milliseconds since 1970, twice a second: what ages on the page are told by. */
export const now = signal(Date.now());
export const second = computed(() => Math.floor(now.value / 1_000) * 1_000);

setInterval(() => {
  now.value = Date.now();
}, 500);
