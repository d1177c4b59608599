import type { Run } from './terminal.ts'

const [CELL_WIDTH, LINE_HEIGHT, FONT_SIZE] = [7.8, 18, 13]
const FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
const [MARGIN, TITLE_HEIGHT] = [14, 30]
/** A dark terminal, which suits a light page and a dark one. */
const [BACKGROUND, TITLE_BACKGROUND, FOREGROUND] = ['#0d1117', '#21262d', '#e6edf3']
/** What the colours of a terminal look like: red, green, yellow. */
const COLOURS: Record<number, string> = { 1: '#ff7b72', 2: '#56d364', 3: '#e3b341' }

/** The lines of a terminal as a picture of so many columns; what is empty at the end is left out. */
export function svgOf(title: string, lines: readonly Run[][], columns: number): string {
  const filled = lines.slice(0, lines.findLastIndex((runs) => runs.length > 0) + 1)
  const width = Math.ceil(columns * CELL_WIDTH + 2 * MARGIN)
  const height = TITLE_HEIGHT + filled.length * LINE_HEIGHT + 2 * MARGIN
  const texts = filled.flatMap((runs, row) => runs.map((run) => textOf(run, row)))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<rect width="${width}" height="${height}" rx="8" fill="${TITLE_BACKGROUND}"/>
<path d="M0 ${TITLE_HEIGHT}H${width}V${height - 8}a8 8 0 0 1 -8 8H8a8 8 0 0 1 -8 -8z" fill="${BACKGROUND}"/>
<g font-family="${FONT}" font-size="${FONT_SIZE}" fill="${FOREGROUND}">
<text x="${width / 2}" y="${TITLE_HEIGHT - 10}" text-anchor="middle">${escaped(title)}</text>
${texts.join('\n')}
</g>
</svg>
`
}

/** As wide as its cells, whatever the font: columns line up. */
function textOf({ column, text, isBold, isDim, colour }: Run, row: number): string {
  const x = (MARGIN + column * CELL_WIDTH).toFixed(1)
  const y = TITLE_HEIGHT + MARGIN + (row + 1) * LINE_HEIGHT - 5
  const length = (text.length * CELL_WIDTH).toFixed(1)
  const fill = colour === undefined ? '' : ` fill="${COLOURS[colour] ?? FOREGROUND}"`
  const look = `${fill}${isBold ? ' font-weight="bold"' : ''}${isDim ? ' opacity="0.6"' : ''}`
  return `<text x="${x}" y="${y}" textLength="${length}"${look}>${escaped(text)}</text>`
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
