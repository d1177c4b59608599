import { styleText } from 'node:util'

/** How a text looks on a terminal: as it is, where there is none. */
export type Paint = (style: 'red' | 'green' | 'yellow' | 'dim' | 'bold', text: string) => string

/** For standard output: colours only where that is a terminal, and not with NO_COLOR. */
export const paint: Paint = (style, text) => styleText(style, text, { stream: process.stdout })
