import { GRANULE_SHIFT } from "../../../src/layout/header.js";
import type { SharedViews } from "../../../src/layout/sharedViews.js";
import { slabToPtr } from "../../../src/layout/units.js";

/** What a heap is before a run: its metadata, and the words of its slabs that matter. */
export class Image {
  private readonly words: Int32Array;
  /** The header map and the metadata as they are now. */
  readonly metadata: Int32Array;
  private readonly saved: Int32Array;
  private readonly places: Int32Array;
  private readonly values: Int32Array;

  constructor({ headers, layout, u8 }: SharedViews) {
    const words = new Int32Array(u8.buffer, 0, layout.slabs << 14);
    const start = slabToPtr(layout.firstSlab) >>> 2;
    const places: number[] = [];
    for (let at = start; at < words.length; at += 4) {
      // The links of cached blocks matter also where they are 0.
      const isBlock = headers[(at << 2) >>> GRANULE_SHIFT] !== 0;
      for (let word = at; word < at + 4; word++) {
        if (isBlock || words[word] !== 0) places.push(word);
      }
    }
    this.words = words;
    this.metadata = words.subarray(0, start);
    this.saved = this.metadata.slice();
    this.places = Int32Array.from(places);
    this.values = this.places.map((at) => words[at] as number);
  }

  restore(): void {
    const { places, values, words } = this;
    words.set(this.saved);
    for (let index = 0; index < places.length; index++) {
      words[places[index] as number] = values[index] as number;
    }
  }
}
