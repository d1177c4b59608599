import { print } from './redis.ts'

/** Items of a list that go out together. */
const ITEMS_AT_ONCE = 1000

/** Prints lines, however many, no faster than they are read. */
export async function printLines(lines: Iterable<string>): Promise<void> {
  let [text, count] = ['', 0]
  for (const line of lines) {
    text += `${line}\n`
    count += 1
    if (count % ITEMS_AT_ONCE !== 0) continue
    if (!(await print(text))) return
    text = ''
  }
  if (text !== '') await print(text)
}

/** Prints items, each of them JSON already, as an array with an item a line. */
export async function printJsonArray(items: Iterable<string>): Promise<void> {
  function* lines(): Generator<string> {
    let before: string | undefined
    for (const item of items) {
      yield before === undefined ? '[' : `  ${before},`
      before = item
    }
    if (before === undefined) yield '[]'
    else yield* [`  ${before}`, ']']
  }
  await printLines(lines())
}
