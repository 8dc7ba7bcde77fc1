// MAC addresses as text and bytes. A leaf.

const TEXT = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i

/** `02:00:5e:10:00:01` to 6 bytes; undefined if it is no MAC address. */
export function parseMac(text: string): Uint8Array | undefined {
  return TEXT.test(text) ? Uint8Array.from(text.split(':'), (byte) => Number.parseInt(byte, 16)) : undefined
}

export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':')
}

/** May an interface have it? Not multicast and not all zero, the kernel's is_valid_ether_addr(). */
export function isUnicast(mac: Uint8Array): boolean {
  return (mac[0] & 1) === 0 && mac.some((byte) => byte !== 0)
}
