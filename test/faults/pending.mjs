// Faults that are known, and whose mending is not in the tree yet: by the name of the fault, what is missing. They are
// told in the table and do not count. A line that is taken out here switches its fault on.

/** @type {Record<string, string>} */
export const PENDING = {
  'refused-memory': 'a refused allocation is to be a drop',
  'memory-cgroup': 'a bound for what a process holds',
  'strange-queue': 'a queue of a stranger is refused, or told',
  'no-descriptors': 'EMFILE is told as such, and DELETE works',
  'queue-length': 'a change of the queue that loses nothing uncounted',
  overtaken: 'what is held leaves first when an impairment is replaced',
}
