/** UDP payloads of a classic little-endian pcap file (Ethernet, IPv4, 802.1Q tag or not). */
export function udpPayloads(file: Uint8Array): Uint8Array[] {
  return frames(file).map(udpPayload);
}

/** Payloads of UDP and TCP packets of such a file; empty ones where a packet has none. */
export function packetPayloads(file: Uint8Array): Uint8Array[] {
  return frames(file).map(packetPayload);
}

function frames(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const found: Uint8Array[] = [];
  let at = 24;
  while (at + 16 <= file.length) {
    const captured = view.getUint32(at + 8, true);
    found.push(file.subarray(at + 16, at + 16 + captured));
    at += 16 + captured;
  }
  return found;
}

const UDP = 17;

function packetPayload(frame: Uint8Array): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const ip = view.getUint16(12) === 0x8100 ? 18 : 14;
  if (view.getUint8(ip + 9) === UDP) return udpPayload(frame);
  const tcp = ip + (view.getUint8(ip) & 15) * 4;
  return frame.subarray(tcp + (view.getUint8(tcp + 12) >> 4) * 4, ip + view.getUint16(ip + 2));
}

function udpPayload(frame: Uint8Array): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const ip = view.getUint16(12) === 0x8100 ? 18 : 14;
  const udp = ip + ((frame[ip] ?? 0) & 15) * 4;
  // Ethernet pads short frames: the UDP length tells where the payload ends.
  return frame.subarray(udp + 8, udp + view.getUint16(udp + 4));
}

const MOLD_HEADER_BYTES = 20;

/** Messages of a MoldUDP64 packet. */
export function moldMessages(packet: Uint8Array): Uint8Array[] {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const messages: Uint8Array[] = [];
  let at = MOLD_HEADER_BYTES;
  for (let left = view.getUint16(18); left > 0; left -= 1) {
    const length = view.getUint16(at);
    messages.push(packet.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return messages;
}
