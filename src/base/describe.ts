const MAX_TEXT = 40;

/**
 * Returns any value in words for an error message: briefly, and without ever throwing. It may run a
 * getter named `constructor` of an object; what that throws is ignored.
 */
export function describe(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value);
    case "bigint":
      return `${value}n`;
    case "function":
      return "a function";
    case "object":
      return value === null ? "null" : describeObject(value);
    default:
      return Object.is(value, -0) ? "-0" : String(value);
  }
}

/** Names the object's class, unless it has none or its name is no name. */
function describeObject(value: object): string {
  try {
    if (Array.isArray(value)) return "an array";
    const name: unknown = value.constructor.name;
    if (typeof name === "string" && name !== "Object" && /^\w{1,40}$/.test(name)) {
      return `an object of class ${name}`;
    }
  } catch {
    // A revoked proxy, or a getter that throws.
  }
  return "an object";
}
