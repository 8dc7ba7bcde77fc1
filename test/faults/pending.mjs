// Faults that are known, and whose mending is not in the tree yet: by the name of the fault, what is missing. They are
// told in the table and do not count. A line that is taken out here switches its fault on.

/** @type {Record<string, string>} */
export const PENDING = {
  'refused-memory': 'a refused allocation is to be a drop',
  'memory-cgroup': 'a bound for what a process holds',
  'flapping-end': 'events of one end are bounded for each turn',
  dormant: 'the link thread waits for operstate',
  'many-rules': 'a limit for rules, or an index over them',
  'many-captures': 'a limit for captures',
  'deaf-listeners': 'a limit for what a listener may have waiting',
  'unread-log': 'a log pipe that nobody reads',
  'loud-log': 'a log line that says what changed, and no more',
  'metrics-of-many': 'counters in one pass',
  'flap-keeps-namespace': 'a flap that lets go of its namespace',
  'bad-signal': 'a creation that fails late leaves nothing',
  'full-disk': 'an order that could not be saved is answered so',
  'state-of-two': 'one daemon for each state file',
  'null-in-state': 'a sentence',
  'strange-queue': 'a queue of a stranger is refused, or told',
  'no-descriptors': 'EMFILE is told as such, and DELETE works',
  'long-namespace': 'names of namespaces up to 255 bytes',
  'full-output': 'one line, and a status',
  'queue-length': 'a change of the queue that loses nothing uncounted',
  overtaken: 'what is held leaves first when an impairment is replaced',
}
