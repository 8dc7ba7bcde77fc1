// A user's hook that lets every frame pass after a look at its first byte: the least that one does.

/** @type {() => import('../../dist/index.js').Judge} */
export default () => (burst) => {
  let multicast = 0
  for (let frame = 0; frame < burst.count; frame++) {
    multicast += /** @type {number} */ (burst.bytes[burst.starts[frame] ?? 0]) & 1
  }
  if (multicast > burst.count) throw new Error('more multicast frames than frames')
}
