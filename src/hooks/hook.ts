// The interface of everything that judges frames: rules, impairments, users' hooks. datapath/inspector.ts
// calls each hook of a direction, in order, once for every burst. Ours read headers by burst.packet(), bytes at
// burst.made() and change them at burst.changing(): only what is asked for is made, and only what is changed travels alone.

import type { Burst } from '../frame/burst.js'

export interface Hook {
  /**
   * Gives verdicts: passes over frames that do not pass any more, and changes what it likes about the
   * others. Called for each burst of one direction; `burst` is filled again for the next.
   */
  judge(burst: Burst): void
}
