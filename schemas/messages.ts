import "./plain-integers.ts";

/** The generated messages (ops/build-schemas.mjs) by package: wire.market.v1.SubmitRequest, … */
export { meridian as wire } from "../build/schemas/messages.js";
