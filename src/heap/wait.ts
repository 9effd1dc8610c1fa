import { describe } from "../base/describe.js";
import { HeapError } from "../base/errors.js";
import { sync } from "../base/sync.js";
import { closed } from "../front/misuse.js";
import { mallocSlow } from "../front/slow.js";
import * as sharedSuperblock from "../layout/sharedSuperblock.js";
import type { SharedViews } from "../layout/sharedViews.js";
import * as superblock from "../layout/superblock.js";
import * as workerSlot from "../layout/workerSlot.js";
import { checkObject } from "./checks.js";

/*
 * Waiting for memory. A worker that waits draws a ticket and sets its bit. A worker that gives a
 * slab back or sends blocks home counts an event and wakes those that wait. The worker with the
 * lowest ticket tries first. The others try too, after PATIENCE_MS, even without an event. So a
 * stalled worker does not stop the others, and they find memory that came back without an event.
 */
const PATIENCE_MS = 20;

function isFirst(views: SharedViews): boolean {
  const { layout, words, worker } = views;
  const ticket = sync.load(words, workerSlot.at(worker) + workerSlot.TICKET);
  for (let other = 0; other < layout.workers; other++) {
    const theirs = sync.load(words, workerSlot.at(other) + workerSlot.TICKET);
    if (theirs !== 0 && ((theirs - ticket) | 0) < 0) return false;
  }
  return true;
}

function drawTicket(views: SharedViews): void {
  const { words, worker } = views;
  const ticket = sync.add(words, sharedSuperblock.TICKETS, 1) + 1;
  sync.store(words, workerSlot.at(worker) + workerSlot.TICKET, ticket === 0 ? 1 : ticket);
  sync.or(words, sharedSuperblock.WAITING + (worker >> 5), 1 << (worker & 31));
}

function dropTicket(views: SharedViews): void {
  const { words, worker } = views;
  sync.and(words, sharedSuperblock.WAITING + (worker >> 5), ~(1 << (worker & 31)));
  sync.store(words, workerSlot.at(worker) + workerSlot.TICKET, 0);
  sync.add(words, sharedSuperblock.EVENTS, 1);
  sync.notify(words, sharedSuperblock.EVENTS);
}

/** Returns the error for a wait that lasted too long. */
function timedOut(size: number, ms: number): HeapError {
  const message = `no room for ${size} bytes within ${ms} ms`;
  return new HeapError("ERR_HEAP_EXHAUSTED", message, { requestBytes: size, timeoutMs: ms });
}

export function checkTimeout(ms: unknown): number {
  if (ms === undefined) return Infinity;
  if (typeof ms === "number" && ms >= 0) return ms;
  const message = `timeout is ${describe(ms)}; it takes milliseconds from 0`;
  throw new HeapError("ERR_INVALID_ARGUMENT", message, { got: ms });
}

/** Allocates, and blocks the agent until it can. @throws ERR_HEAP_EXHAUSTED after `ms`. */
export function mallocBlocking(views: SharedViews, size: number, ms: number): number {
  let ptr = mallocSlow(views, size);
  if (ptr !== 0) return ptr;
  const end = Date.now() + ms;
  let tried = Date.now();
  let answer = "";
  drawTicket(views);
  try {
    for (;;) {
      const seen = sync.load(views.words, sharedSuperblock.EVENTS);
      const now = Date.now();
      const isPatient = answer === "timed-out" || now - tried >= PATIENCE_MS || now >= end;
      if (isPatient || isFirst(views)) {
        ptr = mallocSlow(views, size);
        if (ptr !== 0) return ptr;
        tried = now;
      }
      const left = end - Date.now();
      if (left <= 0) throw timedOut(size, ms);
      answer = block(views, seen, Math.min(left, PATIENCE_MS), size);
    }
  } finally {
    dropTicket(views);
  }
}

/** Blocks the agent until there is an event. */
function block(views: SharedViews, seen: number, ms: number, size: number): string {
  try {
    return sync.wait(views.words, sharedSuperblock.EVENTS, seen, ms);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const message = `no room for ${size} bytes, and this agent may not block; mallocAsync waits`;
    throw new HeapError("ERR_HEAP_EXHAUSTED", message, { requestBytes: size });
  }
}

interface Waiter {
  readonly size: number;
  readonly resolve: (ptr: number) => void;
  readonly reject: (reason: unknown) => void;
}

/** What aborts a wait: an `AbortSignal`. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** @throws {HeapError} ERR_INVALID_ARGUMENT */
export function checkSignal(signal: Signal | null): void {
  const { addEventListener, removeEventListener } = signal ?? {};
  const isSignal = typeof addEventListener === "function";
  if (isSignal && typeof removeEventListener === "function") return;
  const message = `signal is ${describe(signal)}; it takes an AbortSignal`;
  throw new HeapError("ERR_INVALID_ARGUMENT", message, { got: signal });
}

declare function setTimeout(run: () => void, ms: number): unknown;

/** The calls of one worker that wait, served in their order. The first has the worker's ticket. */
export class WaitQueue {
  private readonly waiters: Waiter[] = [];
  private isRunning = false;

  private readonly views: SharedViews;

  constructor(views: SharedViews) {
    this.views = views;
  }

  async malloc(size: number, options: { signal?: Signal }): Promise<number> {
    const { views } = this;
    checkObject("options", options);
    const { signal } = options;
    if (signal !== undefined) checkSignal(signal);
    if (signal?.aborted) throw signal.reason;
    if (this.waiters.length === 0) {
      const ptr = mallocSlow(views, size);
      if (ptr !== 0) return ptr;
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const place = this.waiters.indexOf(waiter);
        if (place >= 0) this.waiters.splice(place, 1);
        reject(signal?.reason);
      };
      const stop = (): void => signal?.removeEventListener("abort", leave);
      const waiter: Waiter = {
        size,
        resolve(ptr) {
          stop();
          resolve(ptr);
        },
        reject(reason) {
          stop();
          reject(reason);
        },
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.waiters.push(waiter);
      if (!this.isRunning) void this.serve();
    });
  }

  private async serve(): Promise<void> {
    const { views, waiters } = this;
    this.isRunning = true;
    let tried = Date.now();
    drawTicket(views);
    while (waiters.length > 0 && views.gate[superblock.CLOSED] === 0) {
      const seen = sync.load(views.words, sharedSuperblock.EVENTS);
      if (isFirst(views) || Date.now() - tried >= PATIENCE_MS) {
        tried = Date.now();
        if (this.serveFirst()) {
          dropTicket(views);
          drawTicket(views);
          continue;
        }
      }
      await pause(views, seen);
    }
    this.isRunning = false;
    if (views.gate[superblock.CLOSED] === 0) dropTicket(views);
    for (const waiter of waiters.splice(0)) waiter.reject(closed(views));
  }

  /** Tries to serve the first waiter, with a block or an error. Returns whether it did. */
  private serveFirst(): boolean {
    const waiter = this.waiters[0];
    if (waiter === undefined) return false;
    try {
      const ptr = mallocSlow(this.views, waiter.size);
      if (ptr === 0) return false;
      this.waiters.shift();
      waiter.resolve(ptr);
    } catch (error) {
      this.waiters.shift();
      waiter.reject(error);
    }
    return true;
  }
}

/** Waits for an event, or PATIENCE_MS, in the agent's event loop. */
async function pause(views: SharedViews, seen: number): Promise<void> {
  const timer = new Promise<void>((resolve) => {
    setTimeout(resolve, PATIENCE_MS);
  });
  try {
    const wait = sync.waitAsync(views.words, sharedSuperblock.EVENTS, seen, PATIENCE_MS);
    if (wait.async) await Promise.race([wait.value, timer]);
    else if (wait.value === "timed-out") await timer;
  } catch {
    await timer;
  }
}
