import * as C from "./control.js";

/**
 * The heap and the words of the control buffer as they were when a thread died. Its death is an
 * exception, which `catch` and `finally` of the sources may answer on its way out. What they do is
 * undone, because the dead do nothing.
 */
export class AtDeath {
  private readonly buffer: SharedArrayBuffer;
  private readonly control: Int32Array;
  private bytes = new Uint8Array();
  private words = new Int32Array();

  constructor(buffer: SharedArrayBuffer, control: Int32Array) {
    this.buffer = buffer;
    this.control = control;
  }

  keep(): void {
    const { buffer, control } = this;
    const length = control[C.SLABS] << 16;
    if (this.bytes.length !== length) this.bytes = new Uint8Array(length);
    this.bytes.set(new Uint8Array(buffer, 0, length));
    this.words = control.slice(C.WORKER_OF, C.OPS);
  }

  /** Puts everything back, before another thread has had the turn. */
  restore(): void {
    new Uint8Array(this.buffer).set(this.bytes);
    this.control.set(this.words, C.WORKER_OF);
  }
}
