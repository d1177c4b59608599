import { readFileSync } from 'node:fs'
import { type FlameNode, pruned } from './tree.ts'

const WIDTH_PX = 1200
const ROW_PX = 18
const HEAD_PX = 44
/** Of a letter, about; a name that does not fit is cut. */
const LETTER_PX = 6.6
/** Frames with a smaller share are left out of the picture: they are less than 1.2 pixels wide. */
const SHARE_MIN = 0.001

const PAGE = new URL('./flamegraph.html', import.meta.url)

/** A flamegraph to look into: one HTML file that asks no other host, with search, zoom and keys. */
export function flamegraphPage(tree: FlameNode, title: string): string {
  const put = (page: string, mark: string, text: string) => page.replaceAll(mark, () => text)
  // `<` cannot end the script that the data is in.
  const data = JSON.stringify(compact(tree)).replaceAll('<', '\\u003c')
  return put(put(readFileSync(PAGE, 'utf8'), '__TITLE__', escaped(title)), '__TREE__', data)
}

type Compact = [name: string, file: string, total: number, self: number, children: Compact[]]

const compact = ({ name, file, line, total, self, children }: FlameNode): Compact => [
  name,
  line > 0 ? `${file}:${line}` : file,
  total,
  self,
  children.map(compact),
]

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (mark) => `&${{ '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot' }[mark]};`)

/** The same as a picture; each frame has a title with its samples and share. */
export function flamegraphSvg(tree: FlameNode, title: string): string {
  const root = pruned(tree, Math.max(1, tree.total * SHARE_MIN))
  const height = HEAD_PX + depthOf(root) * ROW_PX + 8
  const boxes: string[] = []
  const draw = (node: FlameNode, fromSamples: number, depth: number): void => {
    boxes.push(box(node, fromSamples / tree.total, tree.total, depth))
    let at = fromSamples
    for (const child of node.children) {
      draw(child, at, depth + 1)
      at += child.total
    }
  }
  draw(root, 0, 0)
  const head = `<title>${escaped(title)}</title><rect width="100%" height="100%" fill="#fff"/><text x="8" y="26" font-size="16">${escaped(title)}</text>`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH_PX} ${height}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="11" role="img">${head}\n${boxes.join('\n')}\n</svg>\n`
}

const depthOf = (node: FlameNode): number =>
  1 + node.children.reduce((most, child) => Math.max(most, depthOf(child)), 0)

function box({ name, file, line, total }: FlameNode, from: number, all: number, depth: number): string {
  const [x, y, width] = [from * WIDTH_PX, HEAD_PX + depth * ROW_PX, (total / all) * WIDTH_PX]
  const place = file === '' || line === 0 ? file : `${file}:${line}`
  const tip = `${name}${place ? ` ${place}` : ''}: ${total} samples, ${((100 * total) / all).toFixed(1)} %`
  const letters = Math.floor((width - 6) / LETTER_PX)
  const label = letters < 3 ? '' : name.length <= letters ? name : `${name.slice(0, letters - 1)}…`
  const text = label && `<text x="${(x + 3).toFixed(1)}" y="${y + 12.5}">${escaped(label)}</text>`
  return `<g><title>${escaped(tip)}</title><rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(width - 0.5, 0.5).toFixed(1)}" height="${ROW_PX - 1}" rx="1.5" fill="${colorOf(file)}"/>${text}</g>`
}

/** Ours, packages, Node, native code and request paths are told apart; the page has the same colors. */
function colorOf(file: string): string {
  if (file.startsWith('lib/') || file.startsWith('services/')) return '#f4a259'
  if (file.startsWith('npm:')) return '#8cc5a2'
  if (file.startsWith('node:')) return '#9fc1e8'
  return file === '' ? '#d5d2cb' : '#f2d16b'
}
