/**
 * A tree of topics, or of topic filters, one level of the text per node:
 *
 *     home ─┬─ kitchen ── temperature     home/kitchen/temperature
 *           ├─ + ── temperature           home/+/temperature: any one level
 *           └─ #                          home/#: home, and all below it
 *
 * `match` finds the filters that a topic matches, and `search` the topics that a filter matches.
 * Levels that begin with "$" are matched by no wildcard at the first level.
 */

/** The most levels: a topic of so many meets at most 2^11 nodes, whatever filters there are. */
export const MOST_LEVELS = 10;
/** The most characters of it. */
export const MOST_CHARACTERS = 1024;

/** Returns whether a topic or a filter is one that the broker keeps. @param {string} path */
export function isKept(path) {
  return path.length <= MOST_CHARACTERS && path.split("/", MOST_LEVELS + 1).length <= MOST_LEVELS;
}

/** @template V */
class Node {
  constructor() {
    /** @type {V | undefined} */
    this.value = undefined;
    /** @type {Map<string, Node<V>> | undefined} */
    this.children = undefined;
  }
}

/** @template V */
export class TopicTree {
  constructor() {
    /** @type {Node<V>} */
    this.root = new Node();
    this.size = 0;
  }

  /** @param {string} path @returns {V | undefined} */
  get(path) {
    /** @type {Node<V> | undefined} */
    let node = this.root;
    for (const level of path.split("/")) node = node?.children?.get(level);
    return node?.value;
  }

  /** @param {string} path @param {V} value */
  set(path, value) {
    let node = this.root;
    for (const level of path.split("/")) {
      node.children ??= new Map();
      let child = node.children.get(level);
      if (child === undefined) {
        child = new Node();
        node.children.set(level, child);
      }
      node = child;
    }
    if (node.value === undefined) this.size++;
    node.value = value;
  }

  /** Removes a path, and the nodes that lead nowhere then. @param {string} path */
  delete(path) {
    const levels = path.split("/");
    const nodes = [this.root];
    for (const level of levels) {
      const next = nodes[nodes.length - 1]?.children?.get(level);
      if (next === undefined) return;
      nodes.push(next);
    }
    const last = /** @type {Node<V>} */ (nodes[levels.length]);
    if (last.value === undefined) return;
    last.value = undefined;
    this.size--;
    for (let depth = levels.length; depth > 0; depth--) {
      const node = /** @type {Node<V>} */ (nodes[depth]);
      if (node.value !== undefined || node.children !== undefined) return;
      const parent = /** @type {Node<V>} */ (nodes[depth - 1]);
      parent.children?.delete(/** @type {string} */ (levels[depth - 1]));
      if (parent.children?.size === 0) parent.children = undefined;
    }
  }

  /** Yields all values. */
  values() {
    return valuesOf(this.root);
  }

  /** Returns the values of the filters that a topic matches. @param {string} topic */
  match(topic) {
    /** @type {V[]} */
    const values = [];
    matchFrom(this.root, topic.split("/"), 0, values);
    return values;
  }

  /**
   * Yields the values of the topics that a filter matches. The tree may change meanwhile.
   * @param {string} filter
   */
  search(filter) {
    return searchFrom(this.root, filter.split("/"), 0);
  }
}

/**
 * A topic goes to at most two children of each node, and to no node that no filter has made.
 * @template V
 * @param {Node<V>} node
 * @param {readonly string[]} levels
 * @param {number} depth
 * @param {V[]} values
 */
function matchFrom(node, levels, depth, values) {
  const { children } = node;
  const level = levels[depth];
  if (level === undefined && node.value !== undefined) values.push(node.value);
  if (children === undefined) return;
  if (depth > 0 || !level?.startsWith("$")) {
    const all = children.get("#");
    if (all?.value !== undefined) values.push(all.value);
    const any = level === undefined ? undefined : children.get("+");
    if (any !== undefined) matchFrom(any, levels, depth + 1, values);
  }
  const same = level === undefined ? undefined : children.get(level);
  if (same !== undefined) matchFrom(same, levels, depth + 1, values);
}

/**
 * @template V
 * @param {Node<V>} node
 * @param {readonly string[]} levels
 * @param {number} depth
 * @returns {Generator<V, void, void>}
 */
function* searchFrom(node, levels, depth) {
  const level = levels[depth];
  if (level === undefined) {
    if (node.value !== undefined) yield node.value;
  } else if (level === "#" && depth > 0) {
    yield* valuesOf(node);
  } else if (level === "#" || level === "+") {
    for (const [name, child] of node.children ?? []) {
      if (depth === 0 && name.startsWith("$")) continue;
      if (level === "#") yield* valuesOf(child);
      else yield* searchFrom(child, levels, depth + 1);
    }
  } else {
    const child = node.children?.get(level);
    if (child !== undefined) yield* searchFrom(child, levels, depth + 1);
  }
}

/**
 * @template V
 * @param {Node<V>} node
 * @returns {Generator<V, void, void>}
 */
function* valuesOf(node) {
  if (node.value !== undefined) yield node.value;
  for (const child of node.children?.values() ?? []) yield* valuesOf(child);
}
