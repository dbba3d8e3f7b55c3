import protobuf from "protobufjs/minimal.js";

/**
 * Without this, 64-bit fields are Long objects instead of the numbers that the generated types
 * promise. It must run before the generated messages are loaded, because they make the values of
 * absent fields while loading. Every 64-bit field of ours fits 2^53; receivers check the range.
 */
protobuf.util.Long = undefined as unknown as typeof protobuf.util.Long;
protobuf.configure();
