import type { Bytes, BytesPool } from "../../buffers/internal.js";
import { checkIntegerOption, checkNames } from "../checks.js";
import { FRAME_MAX_BYTES, type FramerOptions } from "./cutter.js";
import { Framer } from "./framer.js";

/** Cuts frames that all have the same length. */
export class FixedFramer<B extends ArrayBufferLike = ArrayBufferLike> extends Framer<Bytes<B>, B> {
  private readonly length: number;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(pool: BytesPool<B>, length: number, options: FramerOptions = {}) {
    super(pool, checkNames(options, ["copyBelow"]).copyBelow);
    checkIntegerOption("length", length, 1, FRAME_MAX_BYTES);
    this.length = length;
  }

  protected override find(_source: Uint8Array, at: number, end: number): number {
    const rest = this.length - this.kept.length;
    return rest <= end - at ? rest : at - end;
  }

  protected override most(): number {
    return this.length;
  }

  protected override expected(): string {
    return `${this.length} bytes`;
  }

  protected override begin(): void {}

  protected override wrap(bytes: Bytes<B>): Bytes<B> {
    return bytes;
  }
}
