import { globSync } from "node:fs";
import { join } from "node:path";

import protobuf from "protobufjs";

import { repository } from "../support/shared-data.ts";

/** The messages of one release: how they were, and one of each as bytes and as plain data. */
export interface KeptSchemas {
  readonly release: string;
  /** protobufjs' JSON descriptor of all packages. */
  readonly descriptor: protobuf.INamespace;
  readonly samples: readonly Sample[];
}
export interface Sample {
  /** meridian.market.v1.SubmitRequest */
  readonly type: string;
  /** The member set of a oneof; empty when the message has none. */
  readonly member: string;
  readonly bytes: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** All .proto files as they stand. */
export function presentRoot(): protobuf.Root {
  const folder = join(repository, "schemas");
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => (target.startsWith("/") ? target : join(folder, target));
  const files = globSync("*/v*/*.proto", { cwd: folder }).sort();
  root.loadSync(files.map((file) => join(folder, file)));
  root.resolveAll();
  return root;
}

export function typesOf(namespace: protobuf.NamespaceBase): protobuf.Type[] {
  return namespace.nestedArray.flatMap((nested) => [
    ...(nested instanceof protobuf.Type ? [nested] : []),
    ...(nested instanceof protobuf.Namespace ? typesOf(nested) : []),
  ]);
}

export const nameOf = (type: protobuf.Type): string => type.fullName.replace(/^\./, "");

const depthLimit = 3;

/** A message of every type with every field set, once for each member of its oneof. */
export function samplesOf(root: protobuf.Root): readonly Sample[] {
  return typesOf(root).flatMap((type) => {
    const [oneof] = type.oneofsArray;
    const members = oneof === undefined ? [""] : oneof.fieldsArray.map(({ name }) => name);
    return members.map((member) => {
      const fields = filled(type, member, 0);
      const bytes = Buffer.from(type.encode(type.fromObject(fields)).finish());
      return {
        type: nameOf(type),
        member,
        bytes: bytes.toString("hex"),
        value: plain(type, bytes),
      };
    });
  });
}

/** What the bytes say, by this descriptor: absent fields are left out. */
export function plain(type: protobuf.Type, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  return type.toObject(type.decode(bytes), {
    longs: String,
    enums: String,
    bytes: String,
  });
}

function filled(type: protobuf.Type, member: string, depth: number): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const field of type.fieldsArray) {
    const inOneof = field.partOf;
    const chosen = member === "" ? inOneof?.fieldsArray[0]?.name : member;
    if (inOneof !== null && inOneof !== undefined && field.name !== chosen) continue;
    const value = valueOf(field, depth);
    if (value === undefined) continue;
    if (field instanceof protobuf.MapField) fields[field.name] = { key: value };
    else fields[field.name] = field.repeated ? [value, value] : value;
  }
  return fields;
}

function valueOf(field: protobuf.Field, depth: number): unknown {
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Type) {
    return depth === depthLimit ? undefined : filled(resolvedType, "", depth + 1);
  }
  if (resolvedType instanceof protobuf.Enum) return Object.values(resolvedType.values).at(-1);
  switch (field.type) {
    case "string":
      return `${field.name} ü`;
    case "bytes":
      return Buffer.from([field.id, 0, 255]);
    case "bool":
      return true;
    case "double":
    case "float":
      return field.id + 0.5;
    default:
      return field.id + (field.type.includes("64") ? 2 ** 40 : 2 ** 20);
  }
}
