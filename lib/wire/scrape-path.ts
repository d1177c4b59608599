/** `/announce`, `/announce.php`, `/announce/PASSKEY`: the word that a scrape has another in the place of. */
const ANNOUNCE = /\/announce(?=[^/]*(?:\/[^/]*)?$)/

/**
 * Where a scrape is asked for: by custom where an announce is, with `scrape` in the place of `announce` (BEP 48).
 * Undefined where a path has no such word, so that its tracker knows no scrape.
 */
export const scrapePathOf = (path: string): string | undefined =>
  ANNOUNCE.test(path) ? path.replace(ANNOUNCE, '/scrape') : undefined
