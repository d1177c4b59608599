/**
 * Goes through something that is made one after the other, with the next already under way while one is used. A failure
 * comes when its turn does.
 */
export async function* ahead<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]()
  let next = iterator.next()
  try {
    for (;;) {
      const step = await next
      if (step.done) return
      next = iterator.next()
      // Else it would be unhandled until its turn comes.
      next.catch(() => {})
      yield step.value
    }
  } finally {
    await next.catch(() => {})
    await iterator.return?.()
  }
}
