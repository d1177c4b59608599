declare module 'bencode' {
  /** Text, numbers, bytes, lists and dictionaries to bencoding. */
  export function encode(value: unknown): Uint8Array
  /** Bencoding to values; text comes as bytes. */
  export function decode(bytes: Uint8Array): unknown
  const bencode: { encode: typeof encode; decode: typeof decode }
  export default bencode
}
