/**
 * What must never stand in a log: secrets, and who a person is. Fields are known by their names, secrets
 * in texts by their shape; a line is cut before it can fill a disk.
 */

const censored = "[redacted]";
const deepest = 6;
const longestText = 8_192;
const mostEntries = 64;

/** Fields, whatever their case and their place in a line. */
const secretFields: ReadonlySet<string> = new Set([
  "password",
  "passphrase",
  "secret",
  "seed",
  "token",
  "jwt",
  "credentials",
  "authorization",
  "cookie",
  "privatekey",
  "apikey",
]);
const personalFields: ReadonlySet<string> = new Set([
  "by",
  "requestedby",
  "approvedby",
  "username",
  "fullname",
  "firstname",
  "lastname",
  "person",
  "email",
  "phone",
  "address",
  "taxid",
  "iban",
]);

const shapes: readonly RegExp[] = [
  // Seeds of nkeys: S, the kind, 56 characters of base 32.
  /\bS[NCOAUX][A-Z2-7]{56}\b/g,
  // JSON Web Tokens.
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/g,
  /\b(?:Bearer|Basic) +[\w.~+/=-]{8,}/gi,
  // User and password in an address.
  /(?<=:\/\/)[^\s/:@]+:[^\s/@]+(?=@)/g,
  /\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  // Tokens of clients: 32 bytes as hexadecimal digits.
  /\b[0-9a-f]{64}\b/g,
];

export function redactText(text: string): string {
  let left = text.length > longestText ? `${text.slice(0, longestText)}… cut` : text;
  for (const shape of shapes) left = left.replace(shape, censored);
  return left;
}

const isSensitive = (field: string): boolean => {
  const plain = field.toLowerCase().replaceAll(/[_-]/g, "");
  return secretFields.has(plain) || personalFields.has(plain);
};

/** A copy without what must not be told; what is too deep or too long is said to be cut. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (depth >= deepest) return "… cut";
  if (value instanceof Error) return redactText(value.stack ?? value.message);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) {
    const some = value.slice(0, mostEntries).map((one) => redact(one, depth + 1));
    return value.length > mostEntries ? [...some, "… cut"] : some;
  }
  const entries = Object.entries(value).slice(0, mostEntries);
  return Object.fromEntries(
    entries.map(([field, held]) => [
      field,
      isSensitive(field) && held !== "" && held !== null ? censored : redact(held, depth + 1),
    ]),
  );
}
