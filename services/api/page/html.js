import htm from './htm.js'
import { h } from './preact.js'

/** Makes what is drawn of a template; what is put into it is text, never HTML. */
export const html = htm.bind(h)
