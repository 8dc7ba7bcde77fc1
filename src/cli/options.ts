// The options of each verb that has any of its own, as util.parseArgs wants them: for the verbs, and for the
// completion, which offers what stands here. Loads nothing.

export const RUN = {
  'netns-a': { type: 'string' },
  'netns-b': { type: 'string' },
  'addr-a': { type: 'string', multiple: true },
  'addr-b': { type: 'string', multiple: true },
  'address-a': { type: 'string' },
  'address-b': { type: 'string' },
  mtu: { type: 'string' },
  'impair-a': { type: 'string' },
  'impair-b': { type: 'string' },
  'rule-a': { type: 'string', multiple: true },
  'rule-b': { type: 'string', multiple: true },
  capture: { type: 'string' },
  both: { type: 'boolean' },
  memory: { type: 'string' },
  down: { type: 'boolean' },
  quiet: { type: 'boolean' },
  json: { type: 'boolean' },
  log: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

export const SHELL = {
  profile: { type: 'string' },
  profiles: { type: 'boolean' },
  seed: { type: 'string' },
  capture: { type: 'string' },
  both: { type: 'boolean' },
  'host-loopback': { type: 'boolean' },
  via: { type: 'string' },
  quiet: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

export const APPLY = {
  'dry-run': { type: 'boolean' },
  schema: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

export const DESTROY = {
  'dry-run': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

export const CAPTURE = {
  write: { type: 'string', short: 'w' },
  end: { type: 'string' },
  both: { type: 'boolean' },
  snaplen: { type: 'string' },
  filesize: { type: 'string' },
  seconds: { type: 'string' },
  files: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

export const REPLAY = {
  from: { type: 'string' },
  'peer-from': { type: 'string' },
  speed: { type: 'string' },
  loop: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

export const TOP = {
  delay: { type: 'string', short: 'd' },
  iterations: { type: 'string', short: 'n' },
  batch: { type: 'boolean', short: 'b' },
  sort: { type: 'string', short: 'o' },
  reverse: { type: 'boolean', short: 'r' },
  filter: { type: 'string' },
  json: { type: 'boolean', short: 'j' },
  help: { type: 'boolean', short: 'h' },
} as const

export const DAEMON = {
  socket: { type: 'string' },
  state: { type: 'string' },
  holder: { type: 'boolean' },
  workers: { type: 'string' },
  memory: { type: 'string' },
  netlink: { type: 'string' },
  'idle-exit': { type: 'string' },
  log: { type: 'string' },
  metrics: { type: 'string' },
  docker: { type: 'boolean' },
  'docker-socket': { type: 'string' },
  limit: { type: 'string', multiple: true },
  stop: { type: 'boolean' },
  replace: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

export const WEB = {
  port: { type: 'string' },
  host: { type: 'string' },
  socket: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Of health and doctor. */
export const LOOK = {
  json: { type: 'boolean', short: 'j' },
  socket: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const
