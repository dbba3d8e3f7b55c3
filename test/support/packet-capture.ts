import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { runProcess } from "../stages/process.ts";

/** Packets written as a capture file, and what tshark makes of them. */

/** Why nothing can be dissected, with the line that enables it; null where it can. */
export const missingTshark = (process.env["PATH"] ?? "")
  .split(delimiter)
  .some((folder) => existsSync(join(folder, "tshark")))
  ? null
  : "no tshark; apt-get install -y --no-install-recommends tshark";

export interface CapturedPacket {
  readonly protocol: "udp" | "tcp";
  readonly from: number;
  readonly to: number;
  readonly payload: Uint8Array;
  /** Position of the payload in its direction's stream; TCP only. */
  readonly position?: number;
}

const UDP = 17;
const TCP = 6;

/** A classic capture file: Ethernet, IPv4, little-endian, microseconds. */
export function captureOf(packets: readonly CapturedPacket[]): Uint8Array {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  const records = packets.flatMap((packet, index) => {
    const frame = frameOf(packet);
    const record = Buffer.alloc(16);
    record.writeUInt32LE(1_764_028_800 + Math.floor(index / 1_000), 0);
    record.writeUInt32LE((index % 1_000) * 1_000, 4);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, frame];
  });
  return Buffer.concat([header, ...records]);
}

function frameOf({ protocol, from, to, payload, position = 0 }: CapturedPacket): Buffer {
  const ethernet = Buffer.alloc(14);
  ethernet.writeUInt16BE(0x0800, 12);
  const transport = Buffer.alloc(protocol === "udp" ? 8 : 20);
  transport.writeUInt16BE(from);
  transport.writeUInt16BE(to, 2);
  if (protocol === "udp") transport.writeUInt16BE(8 + payload.length, 4);
  else {
    transport.writeUInt32BE(1 + position, 4);
    transport.writeUInt8(5 << 4, 12);
    transport.writeUInt8(0x18, 13);
    transport.writeUInt16BE(65_535, 14);
  }
  const ip = Buffer.alloc(20);
  ip.writeUInt8(0x45);
  ip.writeUInt16BE(20 + transport.length + payload.length, 2);
  ip.writeUInt8(64, 8);
  ip.writeUInt8(protocol === "udp" ? UDP : TCP, 9);
  ip.writeUInt32BE(0x7f000001, 12);
  ip.writeUInt32BE(0x7f000001, 16);
  return Buffer.concat([ethernet, ip, transport, payload]);
}

/** The named fields of each packet, as tshark reads them. */
export async function dissect(
  packets: readonly CapturedPacket[],
  decodeAs: string,
  fields: readonly string[],
): Promise<string[][]> {
  const wanted = fields.flatMap((field) => ["-e", field]);
  const output = await tshark(packets, decodeAs, ["-T", "fields", "-E", "separator=|", ...wanted]);
  return output
    .split("\n")
    .filter((line) => line.includes("|"))
    .map((line) => line.split("|"));
}

/** All that tshark says of the packets, in words. */
export const inWords = (packets: readonly CapturedPacket[], decodeAs: string): Promise<string> =>
  tshark(packets, decodeAs, ["-V"]);

async function tshark(
  packets: readonly CapturedPacket[],
  decodeAs: string,
  options: readonly string[],
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "capture-"));
  try {
    const file = join(folder, "packets.pcap");
    writeFileSync(file, captureOf(packets));
    const run = await runProcess("tshark", ["-r", file, "-d", decodeAs, ...options], 60_000);
    if (run.exitCode !== 0) throw new Error(`tshark: ${run.output}`);
    return run.output;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
