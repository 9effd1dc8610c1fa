/** Returns what kind of view or buffer of any realm this is, such as "Uint8Array". */
export function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}
