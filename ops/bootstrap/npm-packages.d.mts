/** Why `npm ci` is needed in the checkout `root`, or null when node_modules is what the lock file says. */
export function missingPackages(root: string): string | null;
/** Makes node_modules what package-lock.json says. Returns whether anything was installed. */
export function npmPackages(root: string): Promise<boolean>;
