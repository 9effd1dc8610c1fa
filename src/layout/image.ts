import {
  CAPACITY_BYTES,
  COUNTER_COUNT,
  COUNTERS,
  END_SLAB,
  endMagazineOf,
  FIRST_SLAB,
  metadataOffset,
} from "./metadata.js";

/** The views through which the cold paths see a heap image. All are of fixed length. */
export interface Image {
  /** The header map: one byte for each granule of the heap. */
  readonly headers: Uint8Array;
  /** All metadata, see metadata.ts. */
  readonly meta: Int32Array;
  readonly counters: Float64Array;
  /** The whole heap. */
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
}

/** Views a buffer as a heap image. Its length must be a valid capacity. */
export function viewImage(buffer: ArrayBufferLike, capacityBytes: number, fastCap: number): Image {
  const start = metadataOffset(capacityBytes);
  const end = start + 4 * endMagazineOf(capacityBytes, fastCap);
  return {
    headers: new Uint8Array(buffer, 0, start),
    meta: new Int32Array(buffer, start, (end - start) >> 2),
    counters: new Float64Array(buffer, start + 4 * COUNTERS, COUNTER_COUNT),
    u8: new Uint8Array(buffer, 0, capacityBytes),
    i32: new Int32Array(buffer, 0, capacityBytes >> 2),
  };
}

export function capacityOf(image: Image): number {
  return image.meta[CAPACITY_BYTES] as number;
}

export function firstSlab(image: Image): number {
  return image.meta[FIRST_SLAB] as number;
}

export function endSlab(image: Image): number {
  return image.meta[END_SLAB] as number;
}
