/**
 * The one way in to the buffers for what lies in folders below: the bundle takes them from there.
 */
export * from "../buffers/index.js";
