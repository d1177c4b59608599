/** A token of the API: whose it is, and whether it may change things or only read. */
export type ApiToken = { name: string; isAdmin: boolean; token: string }

/** Fewer are a token that was cut off, or one that can be guessed. */
export const TOKEN_CHARS_MIN = 8

/** The name of the one token that has none of its own: `REDSWARM_API_TOKEN`, or the one that is made at the first start. */
export const DEFAULT_TOKEN_NAME = 'default'

const NAME = /^[0-9A-Za-z_.-]{1,32}$/
/** What a header and a URL can carry; a comma ends a token here. */
const TOKEN = /^[!-+\--~]+$/

/**
 * Reads `grafana:read:TOKEN,ops:admin:TOKEN`. What is wrong is told by names and positions: a part of it may be a secret.
 */
export function parseTokens(text: string): { tokens: ApiToken[]; problem?: undefined } | { problem: string } {
  const tokens: ApiToken[] = []
  const parts = text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]))
  for (const [i, part] of parts.entries()) {
    const [name = '', role = '', ...rest] = part.split(':')
    const token = rest.join(':')
    const isForm = NAME.test(name) && (role === 'read' || role === 'admin') && token !== ''
    if (!isForm) return { problem: `must be like grafana:read:TOKEN,ops:admin:TOKEN; part ${i + 1} is not` }
    if (name === DEFAULT_TOKEN_NAME) return { problem: `${name} is the name of REDSWARM_API_TOKEN: take another` }
    if (token.length < TOKEN_CHARS_MIN)
      return { problem: `the token of ${name} must have ${TOKEN_CHARS_MIN} characters at least` }
    if (!TOKEN.test(token)) return { problem: `the token of ${name} must be ASCII letters, digits and marks` }
    const twin = tokens.find((other) => other.name === name || other.token === token)
    if (twin)
      return {
        problem: twin.name === name ? `there are two of ${name}` : `${twin.name} and ${name} have the same token`,
      }
    tokens.push({ name, isAdmin: role === 'admin', token })
  }
  return { tokens }
}
