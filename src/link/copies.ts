// Copies of a pair's descriptors go to whoever keeps them for the next run of this program: systemd's store, or a holder,
// in the words of sd_notify(3). Called by linked-pairs.ts, since the link thread owns them.

import { setTimeout as sleep } from 'node:timers/promises'
import { errno, systemError } from '../errors.js'
import { sdNotify } from '../native.js'

/** ms between attempts while there is no room in its socket, and how many there are: it may stand still. */
const PAUSE = 5
const ATTEMPTS = 400

/** One message for each, since all of one message have one name. `descriptors` throws when they are no more. */
export async function sendCopies(
  path: string,
  names: readonly string[],
  descriptors: () => readonly number[],
): Promise<void> {
  for (const [at, name] of names.entries()) {
    // FDPOLL=0: a watch on it would be woken by each frame.
    const text = `FDSTORE=1\nFDNAME=${name}\nFDPOLL=0`
    for (let attempt = 1; ; attempt++) {
      const result = sdNotify(path, text, [descriptors()[at] as number])
      if (result >= 0) break
      if (result !== errno.EAGAIN || attempt === ATTEMPTS) throw systemError(result, 'sendmsg', path)
      await sleep(PAUSE)
    }
  }
}
