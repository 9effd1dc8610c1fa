/** What the smoke arguments of a workload give. */
export interface SmokeHashes {
  /** FNV-1a of the script, in hexadecimal. If it changes, older figures are not comparable. */
  readonly script: string;
  /** The hash of what the check reads back, which is the same for every subject. */
  readonly read: number;
}

/** The hashes of every workload, by its name and in the order of the command. */
export const SMOKE_HASHES: Readonly<Record<string, SmokeHashes>> = {
  "random-mixed": { script: "449c882f", read: 799489796 },
  "tiny-hot": { script: "7c32ce99", read: 3405193701 },
  comprehensive: { script: "446b28ca", read: 436511481 },
  "mid-large-mt": { script: "ce778c43", read: 1010937352 },
  larson: { script: "f51d0b88", read: 3192345257 },
  mstress: { script: "4dbff6b5", read: 1005311317 },
  rptest: { script: "05823ddc", read: 2511124946 },
  "xmalloc-test": { script: "94eaac19", read: 201002069 },
  sh6bench: { script: "5f96b173", read: 1285594721 },
  sh8bench: { script: "1b57f86f", read: 766477716 },
  "alloc-test": { script: "8c750186", read: 2503470225 },
  "cache-scratch": { script: "7e19cf2a", read: 1309142481 },
  "cache-thrash": { script: "fa2a16aa", read: 2382375469 },
  "glibc-simple": { script: "d54716ce", read: 1782710894 },
  "glibc-thread": { script: "2189a31e", read: 2142653197 },
};
