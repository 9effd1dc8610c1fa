/** Returns a file of the built package: beside the bundle, or in `dist` if the sources run. */
export function asset(name: string): URL {
  const folder = import.meta.url.endsWith(".ts") ? "../../dist/" : "./";
  return new URL(folder + name, import.meta.url);
}
