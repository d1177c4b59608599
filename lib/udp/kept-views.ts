/**
 * Views of places in a buffer, one place every `placeBytes`; those shorter than `keptBytesMax` are made once and kept, since a
 * new view costs 40 ns, and the collector some more. At most 100 bytes for each place and length.
 */
export function makeKeptViews(
  buffer: Buffer,
  placeBytes: number,
  keptBytesMax: number,
): (place: number, bytes: number) => Buffer {
  const kept: Buffer[] = new Array((buffer.length / placeBytes) * keptBytesMax)
  const make = (place: number, bytes: number): Buffer => buffer.subarray(place * placeBytes, place * placeBytes + bytes)
  return (place, bytes) => {
    if (bytes >= keptBytesMax) return make(place, bytes)
    const view = kept[place * keptBytesMax + bytes] ?? make(place, bytes)
    kept[place * keptBytesMax + bytes] = view
    return view
  }
}
