/** A bencoded value (BEP 3). Byte strings are text, a character a byte. */
export type Bencoded = number | string | Bencoded[] | { [key: string]: Bencoded }

/** What was read, and what of it is not as BEP 3 has it, though it could be read. */
export type Decoded = { value: Bencoded; faults: string[] }

/** Reads bencoding to the end. Throws where it is none. */
export function decode(body: Buffer): Decoded {
  const reader = new Reader(body.toString('latin1'))
  const value = reader.value()
  reader.end()
  return { value, faults: reader.faults }
}

class Reader {
  readonly faults: string[] = []
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(): Bencoded {
    switch (this.#text[this.#at]) {
      case 'i':
        this.#at += 1
        return this.#number('e')
      case 'l':
        return this.#list()
      case 'd':
        return this.#dictionary()
      default:
        return this.#bytes()
    }
  }

  end(): void {
    if (this.#at < this.#text.length) this.faults.push('bytes after the end')
  }

  #number(end: string): number {
    const to = this.#text.indexOf(end, this.#at)
    const digits = this.#text.slice(this.#at, to)
    if (to < 0 || !/^-?\d+$/.test(digits)) throw new Error('no bencoding')
    if (/^-?0\d|^-0/.test(digits)) this.faults.push(`the number ${digits}`)
    this.#at = to + 1
    return Number(digits)
  }

  #bytes(): string {
    const length = this.#number(':')
    const bytes = this.#text.slice(this.#at, this.#at + length)
    if (length < 0 || bytes.length < length) throw new Error('no bencoding')
    this.#at += length
    return bytes
  }

  #list(): Bencoded[] {
    const list: Bencoded[] = []
    this.#at += 1
    while (!this.#isEnd()) list.push(this.value())
    return list
  }

  #dictionary(): { [key: string]: Bencoded } {
    const dictionary: { [key: string]: Bencoded } = {}
    let last = ''
    this.#at += 1
    while (!this.#isEnd()) {
      const key = this.#bytes()
      // A character is a byte, so that this is the order of the bytes.
      if (key <= last && last !== '') this.faults.push('keys out of order')
      last = key
      dictionary[key] = this.value()
    }
    return dictionary
  }

  #isEnd(): boolean {
    if (this.#text[this.#at] !== 'e') return false
    this.#at += 1
    return true
  }
}
