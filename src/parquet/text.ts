const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Text from UTF-8, byte for byte: a byte order mark stays, and bytes that are no UTF-8 throw. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}
