// The command's verbs, in the order that decides what a short form means. Used by command.ts and completion.ts.

/** Verbs may be shortened: the first that begins with the word is meant. */
export const VERBS = [
  'link',
  'add',
  'monitor',
  'stats',
  'capture',
  'run',
  'daemon',
  'health',
  'doctor',
  'completion',
  'shim',
  'sandbox',
  'shell',
  'apply',
  'destroy',
  'replay',
  'web',
  'top',
  'help',
] as const
