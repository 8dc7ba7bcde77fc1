// Arrays of numbers whose places have names: counters, shared words, records. The compiler refuses a name of one
// array in another; at run time a place is a number, and words are a typed array. Used by everything that shares
// memory between threads, or keeps fractions where storing them allocates nothing. A leaf.

declare const array: unique symbol

/** A place in the arrays that K names. */
export type Place<K extends string> = number & { readonly [array]: K }

/** Any typed array is such words to whoever makes it. */
export type Words<K extends string> = { [P in Place<K>]: number } & { readonly [array]?: K }

/** The place that stands `offset` behind a base: where several records stand in one array. */
export function behind<K extends string>(base: number, offset: Place<K>): Place<K> {
  return (base + offset) as Place<K>
}

type PlaceIn<W> = keyof W & number

/** Atomics, for words of an Int32Array. */
export const { add, load, notify, store, wait, waitAsync } = Atomics as unknown as {
  add<W>(words: W, place: PlaceIn<W>, value: number): number
  load<W>(words: W, place: PlaceIn<W>): number
  notify<W>(words: W, place: PlaceIn<W>): number
  store<W>(words: W, place: PlaceIn<W>, value: number): number
  wait<W>(words: W, place: PlaceIn<W>, value: number, ms?: number): 'ok' | 'not-equal' | 'timed-out'
  waitAsync<W>(words: W, place: PlaceIn<W>, value: number, ms?: number): { value: string | Promise<string> }
}
