// Numbers in bytes. A leaf: whoever reads or writes a format of ours uses it.

/** A DataView of exactly these bytes: where there are many, a Buffer's methods cost 70-150 ns more for each frame. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}
