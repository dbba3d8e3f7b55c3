/** An archive in the format "newc" of cpio, which the kernel unpacks as its first root. */
export function initramfs(
  files: readonly { readonly path: string; readonly content: Uint8Array }[],
): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [index, { path, content }] of files.entries()) {
    parts.push(...entry(path, 0o100755, index + 1, content));
  }
  parts.push(...entry("TRAILER!!!", 0, 0, new Uint8Array(0)));
  return Buffer.concat(parts);
}

const padding = (length: number): Uint8Array => new Uint8Array((4 - (length % 4)) % 4);

function entry(path: string, mode: number, inode: number, content: Uint8Array): Uint8Array[] {
  const name = Buffer.from(`${path}\0`);
  // Inode, mode, user, group, links, time, size, device (2), special device (2), name, check.
  const numbers = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(
    `070701${numbers.map((number) => number.toString(16).padStart(8, "0")).join("")}`,
  );
  const headed = header.length + name.length;
  return [header, name, padding(headed), content, padding(content.length)];
}
