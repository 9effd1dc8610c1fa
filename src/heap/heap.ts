import { NULL, type Ptr } from "../base/types.js";
import { HeapError, show } from "../base/errors.js";
import { giveSpan, resizeSpan, spanBytes, takeSpan } from "../central/spans.js";
import { GRANULE_SHIFT, LIVE, LIVE_TO_CACHED, CLASS_MASK } from "../layout/header.js";
import { type Image, viewImage } from "../layout/image.js";
import {
  CAPACITY_BYTES, CLASS_CAP, CLASS_REFILL, classRecord, DRAIN_INTERVAL, emptyTop, END_SLAB, FIRST_SLAB,
  firstSlabOf, FRONT_CACHE_MASK, PAGE_BYTES, SLAB_SHIFT, TOUCHED_PAGES, WILDERNESS,
} from "../layout/metadata.js";
import {
  BLOCK_BYTES, CLASS_COUNT, LIVE_HEADER_OF_GRANULES, POOL_MAX_BYTES, SPAN_CLASS,
} from "../layout/sizeClasses.js";
import { refill } from "./refill.js";
import { spill } from "./sll.js";

const ENV = (k: string, d: number) => Number((globalThis as any).process?.env[k] ?? d);

export class Heap {
  private readonly headers: Uint8Array;
  private readonly meta: Int32Array;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly image: Image;

  static create(o: { capacity?: number } = {}): Heap {
    return new Heap(new ArrayBuffer(o.capacity ?? 256 * 1024 * 1024));
  }

  constructor(buffer: ArrayBufferLike) {
    const image = viewImage(buffer, buffer.byteLength);
    this.headers = image.headers;
    this.meta = image.meta;
    this.u8 = image.u8;
    this.i32 = image.i32;
    this.image = image;
    const meta = image.meta;
    meta[CAPACITY_BYTES] = buffer.byteLength;
    meta[FIRST_SLAB] = firstSlabOf(buffer.byteLength);
    meta[END_SLAB] = buffer.byteLength >>> SLAB_SHIFT;
    meta[WILDERNESS] = meta[FIRST_SLAB] as number;
    meta[DRAIN_INTERVAL] = ENV("DRAIN", 1024);
    for (let c = 0; c < 64; c++) meta[LIVE | c] = 255;
    for (let c = 1; c <= CLASS_COUNT; c++) {
      const size = BLOCK_BYTES[c] as number;
      const cap = Math.max(2, Math.min(ENV("CAP", 128), (ENV("CAPKB", 64) * 1024 / size) | 0));
      meta[classRecord(c) + CLASS_CAP] = cap;
      const r = Math.max(1, Math.min(cap, size <= 256 ? ENV("HOT", 32) : ENV("MID", 16), ENV("REFB", 16384) / size | 0));
      meta[classRecord(c) + CLASS_REFILL] = r;
      meta[LIVE | c] = emptyTop(c, cap);
    }
  }

  malloc(size: number): Ptr {
    if (typeof size === "number" && size <= POOL_MAX_BYTES && size >>> 0 === size) {
      const header = LIVE_HEADER_OF_GRANULES[(size + 15) >>> GRANULE_SHIFT] as number;
      const meta = this.meta;
      const top = meta[header] as number;
      const ptr = meta[top] as number;
      if (ptr !== 0) {
        meta[header] = top - 1;
        this.headers[ptr >>> GRANULE_SHIFT] = header;
        return ptr as Ptr;
      }
    }
    return mallocSlow(this, size);
  }

  free(ptr: Ptr): void {
    if (typeof ptr === "number" && (ptr & -16) === ptr) {
      const headers = this.headers;
      const header = headers[ptr >>> GRANULE_SHIFT] as number;
      if (header > LIVE) {
        const meta = this.meta;
        const top = (meta[header] as number) + 1;
        if ((top & FRONT_CACHE_MASK) !== 0) {
          headers[ptr >>> GRANULE_SHIFT] = header - LIVE_TO_CACHED;
          meta[header] = top;
          meta[top] = ptr;
          return;
        }
      }
    }
    freeSlow(this, ptr);
  }

  usableSize(ptr: Ptr): number {
    const header = this.headers[ptr >>> GRANULE_SHIFT] as number;
    const c = header & CLASS_MASK;
    return c === SPAN_CLASS ? spanBytes(this.meta, ptr) : (BLOCK_BYTES[c] as number);
  }

  realloc(ptr: Ptr, size: number): Ptr {
    if (ptr === 0) return this.malloc(size);
    const old = this.usableSize(ptr);
    if (old > POOL_MAX_BYTES && size > POOL_MAX_BYTES && resizeSpan(this.image, ptr, size)) return ptr;
    if (size <= old && size >= old >> 1) return ptr;
    const to = this.malloc(size);
    copyBlock(this.i32, this.u8, to, ptr, Math.min(old, size));
    this.free(ptr);
    return to;
  }
  get peak(): number { return (this.meta[TOUCHED_PAGES] as number) * PAGE_BYTES; }
}

function copyBlock(i32: Int32Array, u8: Uint8Array, to: number, from: number, bytes: number): void {
  if (bytes > 512) { u8.copyWithin(to, from, from + bytes); return; }
  let t = to >> 2;
  let f = from >> 2;
  for (const end = f + ((bytes + 3) >> 2); f < end; f += 4, t += 4) {
    i32[t] = i32[f] as number;
    i32[t + 1] = i32[f + 1] as number;
    i32[t + 2] = i32[f + 2] as number;
    i32[t + 3] = i32[f + 3] as number;
  }
}

function mallocSlow(heap: Heap, size: number): Ptr {
  if (size <= POOL_MAX_BYTES) {
    if (refill(heap.image, LIVE_HEADER_OF_GRANULES[(size + 15) >>> GRANULE_SHIFT] as number) > 0) return heap.malloc(size);
    throw new HeapError("ERR_HEAP_EXHAUSTED", "full");
  }
  return takeSpan(heap.image, (size + 15) & -16) as Ptr;
}

function freeSlow(heap: Heap, ptr: Ptr): void {
  if (ptr === 0) return;
  const header = heap.image.headers[ptr >>> GRANULE_SHIFT] as number;
  if (header <= LIVE) throw new HeapError("ERR_INVALID_POINTER", show(ptr));
  if ((header & CLASS_MASK) === SPAN_CLASS) { giveSpan(heap.image, ptr); return; }
  spill(heap.image, header);
  heap.free(ptr);
}
void NULL;
