/**
 * Draws, and puts the focus on the heading above where what had it has gone: it would be at the page's start else.
 * @param {HTMLElement} root
 * @param {() => void} draw
 */
export function drawKeepingFocus(root, draw) {
  const had = document.activeElement
  const section = had?.closest('section')
  draw()
  if (!had || had === document.body || had.isConnected) return
  const heading = section?.isConnected ? section.querySelector('h2') : root.querySelector('h1')
  if (heading instanceof HTMLElement) heading.focus()
}

/**
 * Where the place has changed, the focus goes to its heading, so that it is read out; on another page of the same list it
 * stays on the link that was followed, where that is still there.
 * @param {'h1' | undefined} heading
 */
export function moveFocus(heading) {
  requestAnimationFrame(() => {
    const isLost = document.activeElement === null || document.activeElement === document.body
    const to = heading ?? (isLost ? '#list' : undefined)
    const element = to === undefined ? null : document.querySelector(to)
    if (element instanceof HTMLElement) element.focus()
    if (heading !== undefined) scrollTo(0, 0)
  })
}
