import type { Block, Part } from "./block.js";

/**
 * The bytes of several blocks in order, as a balanced tree (AVL) whose leaves are the parts. Trees
 * never change, and share what they have in common: each node counts who holds it, and holds its
 * children or its block. So a chain of any length is joined, cut and searched in O(log n).
 *
 *                    Fork                  left and right differ in height by 1 at most
 *                  /      \
 *               Fork      Leaf
 *              /    \
 *           Leaf    Leaf                   a leaf is a part of a block
 *
 * A function that takes a chain over says so; its caller does not hold the chain afterwards. What a
 * function returns is held by its caller.
 */
export type Chain<B extends ArrayBufferLike = ArrayBufferLike> = Leaf<B> | Fork<B>;

export class Leaf<B extends ArrayBufferLike = ArrayBufferLike> {
  readonly height: 0;
  readonly length: number;
  readonly block: Block<B>;
  readonly start: number;
  holders: number;

  /** Holds the block. */
  constructor(block: Block<B>, start: number, length: number) {
    this.height = 0;
    this.length = length;
    this.block = block;
    this.start = start;
    this.holders = 1;
    block.holders++;
  }
}

export class Fork<B extends ArrayBufferLike = ArrayBufferLike> {
  readonly height: number;
  readonly length: number;
  readonly left: Chain<B>;
  readonly right: Chain<B>;
  holders: number;
  /** The parts as a list, once it was asked for. */
  list: readonly Part<B>[] | undefined;

  /** Takes both over. */
  constructor(left: Chain<B>, right: Chain<B>) {
    this.height = Math.max(left.height, right.height) + 1;
    this.length = left.length + right.length;
    this.left = left;
    this.right = right;
    this.holders = 1;
    this.list = undefined;
  }
}

export function holdChain<C extends Chain>(chain: C): C {
  chain.holders++;
  return chain;
}

/**
 * Counts one holder less. If a block throws, for example because the program has freed it by its
 * ptr, the others are still left, and the first error is thrown.
 */
export function leaveChain(chain: Chain): void {
  const failures: unknown[] = [];
  leaveNode(chain, failures);
  if (failures.length > 0) throw failures[0];
}

function leaveNode(chain: Chain, failures: unknown[]): void {
  chain.holders--;
  if (chain.holders > 0) return;
  if (chain instanceof Fork) {
    leaveNode(chain.left, failures);
    leaveNode(chain.right, failures);
    return;
  }
  try {
    chain.block.leave();
  } catch (error) {
    failures.push(error);
  }
}

/** Takes a leaf over, and returns it: its block is held instead. */
export function takeLeaf<B extends ArrayBufferLike>(leaf: Leaf<B>): Leaf<B> {
  leaf.block.holders++;
  leaveChain(leaf);
  return leaf;
}

/** Joins two chains, which it takes over, in time of the difference of their heights. */
function join<B extends ArrayBufferLike>(left: Chain<B>, right: Chain<B>): Chain<B> {
  if (left instanceof Fork && left.height > right.height + 1) {
    const [first, second] = open(left);
    const rest = join(second, right);
    if (rest.height <= first.height + 1) return new Fork(first, rest);
    const [middle, last] = open(rest as Fork<B>);
    if (middle.height <= last.height) return new Fork(new Fork(first, middle), last);
    const [low, high] = open(middle as Fork<B>);
    return new Fork(new Fork(first, low), new Fork(high, last));
  }
  if (right instanceof Fork && right.height > left.height + 1) {
    const [first, second] = open(right);
    const rest = join(left, first);
    if (rest.height <= second.height + 1) return new Fork(rest, second);
    const [head, middle] = open(rest as Fork<B>);
    if (middle.height <= head.height) return new Fork(head, new Fork(middle, second));
    const [low, high] = open(middle as Fork<B>);
    return new Fork(new Fork(head, low), new Fork(high, second));
  }
  return new Fork(left, right);
}

/** Takes a node over, and returns its children. */
function open<B extends ArrayBufferLike>(fork: Fork<B>): readonly [Chain<B>, Chain<B>] {
  const { left, right } = fork;
  left.holders++;
  right.holders++;
  leaveChain(fork);
  return [left, right];
}

/** Joins the chains of a list that is not empty, and takes them over. */
export function joinAll<B extends ArrayBufferLike>(
  chains: readonly Chain<B>[],
  from: number = 0,
  end: number = chains.length,
): Chain<B> {
  if (end - from === 1) return chains[from] as Chain<B>;
  const middle = (from + end) >>> 1;
  return join(joinAll(chains, from, middle), joinAll(chains, middle, end));
}

/** Returns the bytes between two positions, of which the second one is larger. */
export function cutChain<B extends ArrayBufferLike>(
  chain: Chain<B>,
  start: number,
  end: number,
): Chain<B> {
  if (start === 0 && end === chain.length) return holdChain(chain);
  if (chain instanceof Leaf) return new Leaf(chain.block, chain.start + start, end - start);
  const { left, right } = chain;
  const middle = left.length;
  if (end <= middle) return cutChain(left, start, end);
  if (start >= middle) return cutChain(right, start - middle, end - middle);
  return join(cutChain(left, start, middle), cutChain(right, 0, end - middle));
}

/** Returns the index in the heap of a position, which must lie in the chain. */
export function findIndex(chain: Chain, position: number): number {
  let node = chain;
  let left = position;
  while (node instanceof Fork) {
    const inLeft = left < node.left.length;
    if (!inLeft) left -= node.left.length;
    node = inLeft ? node.left : node.right;
  }
  return node.start + left;
}

/** Returns the parts in order. */
export function listParts<B extends ArrayBufferLike>(chain: Chain<B>): readonly Part<B>[] {
  if (chain instanceof Fork && chain.list !== undefined) return chain.list;
  const parts: Part<B>[] = [];
  visitParts(chain, 0, chain.length, (block, start, length, at) => {
    parts.push({ block, start, length, at });
    return true;
  });
  if (chain instanceof Fork) chain.list = parts;
  return parts;
}

/** Called with bytes of a block and their position. It returns false to stop. */
export type Visit<B extends ArrayBufferLike> = (
  block: Block<B>,
  start: number,
  length: number,
  at: number,
) => boolean;

/** Visits the parts between two positions. Returns false if one visit did. */
export function visitParts<B extends ArrayBufferLike>(
  chain: Chain<B>,
  start: number,
  end: number,
  visit: Visit<B>,
  before: number = 0,
): boolean {
  if (chain instanceof Leaf) {
    return visit(chain.block, chain.start + start, end - start, before + start);
  }
  const { left, right } = chain;
  const middle = left.length;
  if (start < middle && !visitParts(left, start, Math.min(end, middle), visit, before)) {
    return false;
  }
  return (
    end <= middle ||
    visitParts(right, Math.max(0, start - middle), end - middle, visit, before + middle)
  );
}
