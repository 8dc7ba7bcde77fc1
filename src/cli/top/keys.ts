// What was typed, as names of keys. Pure. Called by screen.ts.

const NAMED: Record<string, string> = {
  '\r': 'enter',
  '\n': 'enter',
  '\x7f': 'backspace',
  '\b': 'backspace',
  '\x03': 'ctrl-c',
  '\x0c': 'ctrl-l',
  '\x15': 'ctrl-u',
  '\x1a': 'ctrl-z',
  '\x1b': 'esc',
}

/** Behind ESC [ or ESC O: what xterm, the console of Linux, screen and rxvt send. */
const SEQUENCES: Record<string, string> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  M: 'enter',
  '1~': 'home',
  '4~': 'end',
  '5~': 'page up',
  '6~': 'page down',
  '7~': 'home',
  '8~': 'end',
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: keys begin with them
const KEY = /\x1b[[O]([0-9;]*)([A-Za-z~])|\x1b\x1b|\x1b[[O]?[0-9;]*$|./gsu
// biome-ignore lint/suspicious/noControlCharactersInRegex: the beginning of a sequence
const BEGINNING = /^\x1b(?:[[O][0-9;]*)?$/

/** The keys of a piece of input, and the beginning of one whose rest is still to come, or which is ESC alone. */
export function keysOf(text: string): { keys: string[]; rest: string } {
  const keys: string[] = []
  let rest = ''
  for (const [all, numbers = '', last] of text.matchAll(KEY)) {
    if (last !== undefined) {
      const key = SEQUENCES[last === '~' ? `${numbers.split(';')[0]}~` : last]
      if (key !== undefined) keys.push(key)
    } else if (all === '\x1b\x1b') keys.push('esc')
    else if (BEGINNING.test(all)) rest = all
    else keys.push(NAMED[all] ?? all)
  }
  return { keys, rest }
}
