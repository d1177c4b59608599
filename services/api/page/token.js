const NAME = 'redswarm-token'

/** The tab's or the browser's; nothing in a browser that lets no site keep anything. @param {'sessionStorage' | 'localStorage'} name */
function storageOf(name) {
  try {
    return window[name]
  } catch {
    return undefined
  }
}

/** The token that is kept in this tab, or in this browser where that was asked for. */
export const keptToken = () =>
  storageOf('sessionStorage')?.getItem(NAME) ?? storageOf('localStorage')?.getItem(NAME) ?? ''

/**
 * Keeps a token until the tab is closed, or until it is forgotten.
 * @param {string} token
 * @param {boolean} isRemembered
 */
export function keepToken(token, isRemembered) {
  forgetToken()
  storageOf(isRemembered ? 'localStorage' : 'sessionStorage')?.setItem(NAME, token)
}

/** Forgets it everywhere. */
export function forgetToken() {
  storageOf('sessionStorage')?.removeItem(NAME)
  storageOf('localStorage')?.removeItem(NAME)
}
