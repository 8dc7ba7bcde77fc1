// `uveth/frames`: frames of words, words of frames. Needs no root, opens nothing, and loads without the addon.

export type { Layers } from '../wishes/layers.js'
export { buildFrame } from './build.js'
export { type EtherBuilder, ether, type IpBuilder } from './builder.js'
export { readFrame } from './read.js'
export { frameWords } from './words.js'
