import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import protobuf from "protobufjs";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { type KeptSchemas, nameOf, plain, presentRoot, samplesOf, typesOf } from "./samples.ts";

/** Programs of two releases speak to each other: what either writes, the other reads. */
const test = suite("schema compatibility");

const folder = join(import.meta.dirname, "kept");
const kept = globSync("*.json", { cwd: folder })
  .sort()
  .map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as KeptSchemas);

/** The generated code of a message: what the product encodes and decodes with. */
function generated(name: string): {
  decode(bytes: Uint8Array): object;
  encode(message: object): { finish(): Uint8Array };
} {
  const [, ...steps] = name.split(".");
  return steps.reduce<unknown>(
    (namespace, step) => (namespace as Record<string, unknown>)[step],
    wire,
  ) as ReturnType<typeof generated>;
}

test("B8.4 the schemas of at least one release are kept, every message of it", () => {
  assert.ok(kept.length > 0);
  for (const { samples, descriptor } of kept) {
    const names = typesOf(protobuf.Root.fromJSON(descriptor).resolveAll()).map(nameOf);
    assert.equal([...new Set(samples.map(({ type }) => type))].sort(), names.sort());
  }
});

for (const { release, descriptor, samples } of kept) {
  test(`B8.4 what ${release} wrote is read as it was meant, and nothing of it is lost on the way through`, () => {
    const present = presentRoot();
    for (const { type, bytes, value } of samples) {
      const written = Buffer.from(bytes, "hex");
      const read = plain(present.lookupType(type), written);
      assert.equal(read, value, type);
      const code = generated(type);
      const through = Buffer.from(code.encode(code.decode(written)).finish());
      assert.is(through.toString("hex"), bytes, type);
    }
  });

  test(`B8.4 what this program writes is read by ${release}, as far as it knows the fields`, () => {
    const old = protobuf.Root.fromJSON(descriptor).resolveAll();
    for (const { type, bytes, value, member } of samplesOf(presentRoot())) {
      const known = old.lookup(type);
      if (!(known instanceof protobuf.Type)) continue;
      const read = plain(known, Buffer.from(bytes, "hex"));
      for (const field of known.fieldsArray) {
        if (field.partOf !== null && field.name !== member && member !== "") continue;
        if (field.resolvedType instanceof protobuf.Type) continue;
        assert.equal(read[field.name], value[field.name], `${type}.${field.name}`);
      }
    }
  });

  test(`B8.4 no field number of ${release} has another meaning now`, () => {
    const present = presentRoot();
    for (const type of typesOf(protobuf.Root.fromJSON(descriptor).resolveAll())) {
      const now = present.lookupType(nameOf(type));
      for (const { id, name, type: kind, repeated, partOf } of type.fieldsArray) {
        const field = now.fieldsById[id];
        const reserved = now.isReservedId(id);
        assert.ok(field !== undefined || reserved, `${nameOf(type)}.${name} went unreserved`);
        if (field === undefined) continue;
        assert.equal(
          [field.name, field.type, field.repeated, field.partOf?.name],
          [name, kind, repeated, partOf?.name],
          `${nameOf(type)}.${name}`,
        );
      }
    }
  });
}

test.run();
