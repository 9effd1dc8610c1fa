import type { Ptr } from "../base/types.js";
import { type HeapOptions, resolveOptions } from "../config/options.js";
import type { Image } from "../layout/image.js";
import { PAGE_BYTES, TOUCHED_PAGES } from "../layout/metadata.js";
import { formatImage } from "./create.js";
import { bindFree, bindMalloc, bindRealloc } from "./hot.js";
import { drainSll } from "./sll.js";

export class Heap {
  readonly malloc: (size: number) => Ptr;
  readonly free: (ptr: Ptr) => void;
  readonly realloc: (ptr: Ptr, size: number) => Ptr;
  readonly u8: Uint8Array;
  readonly image: Image;

  static create(o: Partial<HeapOptions> = {}): Heap {
    const options = resolveOptions(o);
    return new Heap(new ArrayBuffer(options.capacity), options);
  }

  constructor(buffer: ArrayBufferLike, options: HeapOptions) {
    const image = formatImage(buffer, buffer.byteLength, options);
    this.image = image;
    this.u8 = image.u8;
    this.malloc = bindMalloc(image, image.meta, image.headers);
    this.free = bindFree(image, image.meta, image.headers);
    this.realloc = bindRealloc(image, image.headers);
  }

  get peak(): number { return (this.image.meta[TOUCHED_PAGES] as number) * PAGE_BYTES; }
  drain(): void { drainSll(this.image); }
}

