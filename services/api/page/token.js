const NAME = 'redswarm-token'

/** The token that is kept in this tab, or in this browser where that was asked for. */
export const keptToken = () => sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME) ?? ''

/**
 * Keeps a token until the tab is closed, or until it is forgotten.
 * @param {string} token
 * @param {boolean} isRemembered
 */
export function keepToken(token, isRemembered) {
  forgetToken()
  const storage = isRemembered ? localStorage : sessionStorage
  storage.setItem(NAME, token)
}

/** Forgets it everywhere. */
export function forgetToken() {
  sessionStorage.removeItem(NAME)
  localStorage.removeItem(NAME)
}
