export interface StressPlan {
  readonly seconds: number;
  readonly kills: number;
  readonly workers: number;
  readonly seed: number;
  /** Is given the figures now and then. */
  readonly onProgress?: (figures: Figures) => void;
}

export interface Figures {
  rounds: number;
  kills: number;
  operations: number;
  /** Live blocks of dead workers that their recovery listed, and freed or left to be freed. */
  recovered: number;
  /** Blocks of the dead that were in other hands, or outlived a detach. */
  orphans: number;
  /** Blocks and slabs that recoveries brought back from caches and mail. */
  reclaimedBlocks: number;
  reclaimedSlabs: number;
  /** Recoveries that had to rely on the exit event, because the engine could not tell. */
  untold: number;
  /** Recoverers that were killed, and those of them that died inside `recover`. */
  recovererKills: number;
  diedInside: number;
  /** Recoveries that a dead recoverer had begun, and that were done with its own. */
  takenOver: number;
  /** Recoveries that were complete when their recoverer died before it told of them. */
  unheard: number;
  live: number;
  lost: number;
}

export function noFigures(): Figures {
  return {
    rounds: 0,
    kills: 0,
    operations: 0,
    recovered: 0,
    orphans: 0,
    reclaimedBlocks: 0,
    reclaimedSlabs: 0,
    untold: 0,
    recovererKills: 0,
    diedInside: 0,
    takenOver: 0,
    unheard: 0,
    live: 0,
    lost: 0,
  };
}
