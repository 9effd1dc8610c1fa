import { allocTest } from "./allocTest.js";
import { cacheScratch } from "./cacheScratch.js";
import { cacheThrash } from "./cacheThrash.js";
import { comprehensive } from "./comprehensive.js";
import { glibcSimple } from "./glibcSimple.js";
import { glibcThread } from "./glibcThread.js";
import { larson } from "./larson.js";
import { midLargeMt } from "./midLargeMt.js";
import { mstress } from "./mstress.js";
import { randomMixed } from "./randomMixed.js";
import { rptest } from "./rptest.js";
import { sh6bench } from "./sh6bench.js";
import { sh8bench } from "./sh8bench.js";
import { tinyHot } from "./tinyHot.js";
import type { Workload } from "./workload.js";
import { xmallocTest } from "./xmallocTest.js";

/** The synthetic workloads: HAKMEM's own, then the field's. */
export const WORKLOADS: readonly Workload[] = [
  randomMixed,
  tinyHot,
  comprehensive,
  midLargeMt,
  larson,
  mstress,
  rptest,
  xmallocTest,
  sh6bench,
  sh8bench,
  allocTest,
  cacheScratch,
  cacheThrash,
  glibcSimple,
  glibcThread,
];
