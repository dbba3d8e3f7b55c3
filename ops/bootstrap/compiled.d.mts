/** Where Node keeps what it has compiled; for NODE_COMPILE_CACHE. */
export declare const compiledFolder: string;
