import { expect, test } from "vitest";
import { MAX_WORKERS } from "../../../src/layout/slotState.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";

test("slots follow each other", () => {
  for (let worker = 0; worker < MAX_WORKERS; worker++) {
    expect(workerSlot.at(worker)).toBe(workerSlot.START + worker * workerSlot.INTS);
  }
});

test("a worker's life words come round, each attachment having the next one", () => {
  for (const worker of [0, 1, MAX_WORKERS - 1]) {
    const from = workerSlot.at(worker) + workerSlot.LIVES;
    for (const generation of [0, 1, 7, 8, 9, 15, 16, 4095, 0xffffff]) {
      for (const status of [0, 1, 0xff]) {
        const state = (generation << 8) | status;
        expect(workerSlot.lifeAt(worker, state)).toBe(from + (generation % workerSlot.LIVES_INTS));
      }
    }
  }
});
