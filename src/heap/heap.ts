import type { HeapError } from "../base/errors.js";
import { arena } from "../central/arena.js";
import { type HeapOptions, resolveOptions } from "../config/options.js";
import { openChains } from "../front/chains.js";
import { openDoor } from "../front/door.js";
import { mendClass } from "../front/sll.js";
import { badImage, checkImage } from "../inspect/open.js";
import { recountTouched, restoreBuffer, snapshotImage } from "../inspect/snapshot.js";
import { type HeapStats, readStats } from "../inspect/stats.js";
import { verifyImage } from "../inspect/verify.js";
import { CLASS_COUNT } from "../layout/sizeClasses.js";
import * as superblock from "../layout/superblock.js";
import { SLAB_BYTES } from "../layout/units.js";
import { type HeapViews, viewImage } from "../layout/views.js";
import { BaseHeap } from "./base.js";
import { checkMade } from "./checks.js";
import {
  bufferOf,
  capacityOfBuffer,
  closeImage,
  formatImage,
  type HeapMemory,
  newBuffer,
  resetImage,
  zeroMetadata,
} from "./create.js";

/**
 * A heap for one worker, in one buffer of fixed length. Nothing here allocates on the JavaScript
 * heap, except views, errors, and what `stats`, `blocks`, `verify` and `snapshot` return.
 */
export class Heap<B extends ArrayBufferLike = ArrayBufferLike> extends BaseHeap<B> {
  private constructor(buffer: B, views: HeapViews, options: HeapOptions) {
    super(buffer, checkMade(views), options, openDoor(views));
  }

  /**
   * Creates a heap in a new `ArrayBuffer`. The capacity is reserved at once, and the operating
   * system commits it where it is touched. Under 1 ms.
   * @throws {HeapError} ERR_INVALID_OPTION; ERR_HEAP_EXHAUSTED if the system has no such buffer.
   */
  static create(options: Partial<HeapOptions> = {}): Heap<ArrayBuffer> {
    const resolved = resolveOptions(options);
    resolved.capacity = Math.ceil(resolved.capacity / SLAB_BYTES) * SLAB_BYTES;
    return Heap.format(newBuffer(resolved.capacity), resolved);
  }

  /**
   * Creates a heap over the whole of a given buffer, whose contents are lost. A
   * `WebAssembly.Memory` must not grow while the heap is in use.
   * @throws {HeapError} ERR_INVALID_ARGUMENT for a buffer whose length is not that of a heap, or
   * may change; ERR_INVALID_OPTION.
   */
  static over<B extends ArrayBufferLike>(
    memory: HeapMemory<B>,
    options: Partial<Omit<HeapOptions, "capacity">> = {},
  ): Heap<B> {
    const buffer = bufferOf(memory);
    const resolved = resolveOptions(options);
    resolved.capacity = capacityOfBuffer(buffer);
    zeroMetadata(buffer, resolved);
    return Heap.format(buffer, resolved);
  }

  /**
   * Opens an existing image after checking all of it. The options are kept in the image. It takes
   * time in proportion to the memory in use, about 1 ms for 10 MiB. In an image that was disposed
   * or drained no block has a link, which a stale view could have overwritten. A snapshot with such
   * a link is mended by `restore`.
   * @throws {HeapError} ERR_BAD_HEAP_IMAGE with the field or the invariant that failed. The field
   * `fingerprint` says that the image was made by a build with another layout.
   */
  static open<B extends ArrayBufferLike>(memory: HeapMemory<B>): Heap<B> {
    const buffer = bufferOf(memory);
    const { views, options } = checkImage(buffer, capacityOfImage(buffer));
    if (views.meta[superblock.CLOSED] !== 0) openChains(views.meta);
    views.meta[superblock.CLOSED] = 0;
    return new Heap(buffer, views, options);
  }

  /**
   * Creates a heap from a snapshot, in a new buffer of the same capacity in bytes. Ptrs that were
   * live in it are live, at the same offsets. It checks all of the image, as `open` does, and takes
   * time in proportion to the capacity and the bytes of the snapshot.
   * @throws {HeapError} ERR_BAD_HEAP_IMAGE for anything but an intact snapshot, as `open` does;
   * ERR_HEAP_EXHAUSTED if the system has no such buffer.
   */
  static restore(snapshot: Uint8Array): Heap<ArrayBuffer> {
    const buffer = restoreBuffer(snapshot, newBuffer);
    const heap = Heap.openMended(buffer);
    recountTouched(heap.views);
    return heap;
  }

  /**
   * Opens a copy that is this heap's own. If a stale view had overwritten links when the snapshot
   * was made, it is not lost: the lists are rebuilt from the headers, and all is checked again.
   */
  private static openMended(buffer: ArrayBuffer): Heap<ArrayBuffer> {
    try {
      return Heap.open(buffer);
    } catch (error) {
      const field = (error as Partial<HeapError>).details?.field;
      if (field !== "cached" && field !== "chains") throw error;
    }
    const views = viewImage(buffer, buffer.byteLength, arena);
    for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) mendClass(views, classIndex);
    return Heap.open(buffer);
  }

  private static format<B extends ArrayBufferLike>(buffer: B, options: HeapOptions): Heap<B> {
    return new Heap(buffer, formatImage(buffer, options), options);
  }

  /**
   * Frees everything at once. All ptrs are dead after it. Touched pages stay touched. Takes time in
   * proportion to the slabs that were ever used, not to the number of blocks.
   * @throws {HeapError} ERR_HEAP_DISPOSED
   */
  reset(): void {
    resetImage(this.openViews(), this.options);
  }

  /**
   * Returns figures of the heap, in bytes and blocks, as a plain object that `JSON.stringify`
   * takes. Takes time in proportion to the metadata.
   * @throws {HeapError} ERR_HEAP_DISPOSED
   */
  stats(): HeapStats {
    return readStats(this.openViews(), this.options);
  }

  /**
   * Checks every invariant by reading all headers, records and lists of the image. Takes time in
   * proportion to the capacity and the cached blocks.
   * @throws {HeapError} ERR_HEAP_CORRUPTED with the invariant, the address (a byte offset), and
   * what was found there; ERR_HEAP_DISPOSED.
   */
  verify(): void {
    verifyImage(this.openViews());
  }

  /**
   * Returns a copy of the written pages of metadata and of the carved bytes of slabs and spans,
   * with their headers. Slabs in the arena are left out. Takes time in proportion to the bytes that
   * it returns.
   * @throws {HeapError} ERR_HEAP_CORRUPTED for a slab that says it uses more than it has;
   * ERR_HEAP_DISPOSED.
   */
  snapshot(): Uint8Array<ArrayBuffer> {
    return snapshotImage(this.openViews());
  }

  /**
   * Drains and closes the heap. Every later call throws, until `Heap.open(buffer)` opens the image
   * again, for this handle too.
   */
  [Symbol.dispose](): void {
    if (this.views.meta[superblock.CLOSED] === 0) closeImage(this.views);
  }
}

/** Returns the capacity that an image of this length has. */
function capacityOfImage(buffer: ArrayBufferLike): number {
  try {
    return capacityOfBuffer(buffer);
  } catch {
    throw badImage("byteLength", buffer.byteLength, "the length of a heap");
  }
}
