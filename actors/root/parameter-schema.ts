import { z } from "zod";

/**
 * JSON Schema of what a type of actor is spawned with, out of the rules that check it: names, ranges, choices,
 * defaults, and the units and descriptions that the rules carry. All values are texts.
 */

interface Property extends Record<string, unknown> {
  readonly description?: string;
}

/** The account is left to the exchange when it is not given. */
const leftOut = new Set(["account"]);

export function parameterSchema(title: string, shared: z.ZodObject, own: z.ZodObject): object {
  const fields = { ...shared.shape, ...own.shape };
  const properties: Record<string, Property> = {};
  const required: string[] = [];
  for (const [name, field] of Object.entries(fields)) {
    const whenAbsent = (field as z.ZodType).safeParse(undefined);
    properties[name] = {
      ...plainSchema(field as z.ZodType),
      ...(whenAbsent.success ? defaultOf(whenAbsent.data) : {}),
    };
    if (!whenAbsent.success && !leftOut.has(name)) required.push(name);
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title,
    type: "object",
    properties,
    required,
    additionalProperties: false,
  };
}

const defaultOf = (value: unknown): { readonly default?: string } =>
  typeof value === "string" || typeof value === "number" ? { default: String(value) } : {};

/** A parameter that may be left out is a text when it is there. */
function plainSchema(field: z.ZodType): Property {
  const { $schema: _schema, anyOf, ...schema } = z.toJSONSchema(field, { io: "input" });
  const given = (anyOf ?? []).find((option) => option.type !== "null");
  return { ...given, ...schema };
}
