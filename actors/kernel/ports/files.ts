/** Small files that a restart needs, inside one folder of the cell. */
export interface Files {
  /** The whole file, null when there is none. */
  read(path: string): Promise<Uint8Array | null>;
  /**
   * Replaces the file as a whole, fsynced: after a crash the old or the new content is there, never
   * a mixture. Folders on the way are created. Rejects with the cause when the disk refuses.
   */
  replace(path: string, content: Uint8Array): Promise<void>;
  /** Renames a folder, durably. Rejects with the cause when the disk refuses or `to` exists. */
  move(from: string, to: string): Promise<void>;
}
