// A line of `ip` or `tc` that a script has given, as a client of the shim brings it. Tables only.

import { about, list, object, oneOf, text, whole } from './shape.js'

export const SHIM_LINE = object(
  {
    tool: about('whose line it is', oneOf('ip', 'tc')),
    words: about('of the whole line, its options in front too', list('an array of texts', text('a text'))),
    next: about('from the answer before, where that had something run', text('a text')),
    code: about('what it ended with', whole(0, 255)),
    said: about('what it has printed, where that was to be told', text('a text')),
  },
  ['tool', 'words'],
)
