/** Bencoding as read; text has a character a byte. */
export type Bencoded = number | string | Bencoded[] | Map<string, Bencoded>

/** Reads bencoding, a character a byte, as strictly as BEP 3 writes it: what `bencode` lets pass is an error here. */
export function readStrictly(bytes: Uint8Array): Bencoded {
  const text = Buffer.from(bytes).toString('latin1')
  let place = 0
  const take = (pattern: RegExp): string => {
    const match = new RegExp(pattern, 'y')
    match.lastIndex = place
    const found = match.exec(text)
    if (!found) throw new Error(`no ${pattern} at ${place}`)
    place = match.lastIndex
    return found[1] ?? ''
  }
  const readString = (): string => {
    const length = Number(take(/(0|[1-9]\d*):/))
    place += length
    if (place > text.length) throw new Error('a string goes past the end')
    return text.slice(place - length, place)
  }
  const readDictionary = (): Map<string, Bencoded> => {
    const dictionary = new Map<string, Bencoded>()
    for (let last = ''; text[place] !== 'e'; ) {
      const key = readString()
      if (dictionary.size > 0 && key <= last) throw new Error(`key ${key} is not after ${last}`)
      dictionary.set(key, readValue())
      last = key
    }
    place += 1
    return dictionary
  }
  const readValue = (): Bencoded => {
    if (text[place] === 'i') return Number(take(/i(0|-?[1-9]\d*)e/))
    if (text[place] !== 'd' && text[place] !== 'l') return readString()
    if (text[place++] === 'd') return readDictionary()
    const list: Bencoded[] = []
    while (text[place] !== 'e') list.push(readValue())
    place += 1
    return list
  }
  const value = readValue()
  if (place !== text.length) throw new Error('more after the end')
  return value
}
