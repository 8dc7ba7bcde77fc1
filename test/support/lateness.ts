// How late this machine wakes who sleeps, at this moment: the time that others' lateness is compared with. Asked by tests
// of delays and rates. An emulated machine is a millisecond late where another one is 60 µs.

const SLEEP = 2
const word = new Int32Array(new SharedArrayBuffer(4))

/** ms, the median of some sleeps. This thread does nothing else meanwhile. */
export function ownLateness(): number {
  const lates = Array.from({ length: 21 }, () => {
    const since = performance.now()
    Atomics.wait(word, 0, 0, SLEEP)
    return performance.now() - since - SLEEP
  })
  return lates.sort((one, other) => one - other)[10] ?? Number.NaN
}
