import protobuf from "protobufjs/minimal.js";

// Without this, 64-bit fields arrive as Long objects instead of the numbers the types promise.
// Every 64-bit field of ours fits 2^53; receivers check the range.
protobuf.util.Long = undefined as unknown as typeof protobuf.util.Long;
protobuf.configure();

/** The generated messages (ops/build-schemas.mjs) by package: wire.market.v1.SubmitRequest, … */
export { meridian as wire } from "../build/schemas/messages.js";
