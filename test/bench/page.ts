import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const DOCS = join(import.meta.dirname, '../../docs')
const PAGE = join(DOCS, 'benchmarks.md')

/** Puts the text of a run between the markers of its name in docs/benchmarks.md, and its pictures beside it. */
export async function writePage(
  name: string,
  text: string,
  pictures: readonly { file: string; svg: string }[],
): Promise<void> {
  const page = withText(await readFile(PAGE, 'utf8'), name, text)
  await mkdir(join(DOCS, 'pictures'), { recursive: true })
  for (const { file, svg } of pictures) await writeFile(join(DOCS, 'pictures', file), svg)
  await writeFile(PAGE, page)
}

/** A page with this text between the markers of a name. Throws where it has no such place. */
export function withText(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`]
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`the page has no ${begin} … ${end}`)
  return `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`
}
