/** Items that arrive while a call is in flight go out together in the next call. */
export type Batcher<Item, Reply> = {
  /** Answers in order once all are answered; never rejects. */
  add: (items: readonly Item[]) => Promise<Reply[]>
  /** Items that wait or are in flight. */
  size: () => number
}

/** One caller's items: they may go out in several calls. */
type Group<Reply> = { replies: Reply[]; open: number; resolve: (replies: Reply[]) => void }
/** Items of one group that stand together in one call. */
type Part<Reply> = { group: Group<Reply>; from: number; count: number }
type Call<Reply> = { bytes: Buffer; used: number; count: number; parts: Part<Reply>[] }

/**
 * A batcher without timers: an idle one sends at once, a busy one fills calls by itself, in the order of arrival.
 *
 * `write` puts an item into a call's bytes at once, so that callers may reuse what an item points to; `send` runs one
 * call and answers its items in order, or rejects: then `refuse` makes each item's reply. Past `itemsMax` waiting or in
 * flight, items are refused without being kept.
 */
export function makeBatcher<Item, Reply>({
  write,
  send,
  refuse,
  overflow,
  itemBytesMax,
  callItemsMax,
  callsInFlightMax,
  itemsMax,
}: {
  write: (into: Buffer, at: number, item: Item) => number
  send: (bytes: Buffer, count: number) => Promise<Reply[]>
  refuse: (error: unknown) => Reply
  overflow: () => Reply
  itemBytesMax: number
  callItemsMax: number
  callsInFlightMax: number
  itemsMax: number
}): Batcher<Item, Reply> {
  const callBytes = itemBytesMax * callItemsMax
  const waiting: Call<Reply>[] = []
  const free: Call<Reply>[] = []
  let inFlight = 0
  let size = 0

  const openCall = (): Call<Reply> => {
    const last = waiting.at(-1)
    if (last && last.count < callItemsMax) return last
    const call = free.pop() ?? { bytes: Buffer.allocUnsafeSlow(callBytes), used: 0, count: 0, parts: [] }
    waiting.push(call)
    return call
  }

  const finish = (call: Call<Reply>, replyOf: (i: number) => Reply): void => {
    let i = 0
    for (const { group, from, count } of call.parts) {
      for (let k = 0; k < count; k++) group.replies[from + k] = replyOf(i++)
      group.open -= count
      if (group.open === 0) group.resolve(group.replies)
    }
    size -= call.count
    inFlight -= 1
    // One more than can be in flight is kept for the next to fill; what a burst made beyond goes to the collector.
    if (free.length <= callsInFlightMax) free.push(Object.assign(call, { used: 0, count: 0, parts: [] }))
    pump()
  }

  const pump = (): void => {
    while (inFlight < callsInFlightMax) {
      const call = waiting.shift()
      if (!call) return
      inFlight += 1
      Promise.try(send, call.bytes.subarray(0, call.used), call.count).then(
        (replies) => finish(call, (i) => replies[i] ?? refuse(new Error('an item was not answered'))),
        (error: unknown) => finish(call, () => refuse(error)),
      )
    }
  }

  const enqueue = (items: readonly Item[], group: Group<Reply>): void => {
    for (let from = 0; from < items.length; ) {
      const call = openCall()
      const count = Math.min(items.length - from, callItemsMax - call.count)
      for (let k = 0; k < count; k++) call.used = write(call.bytes, call.used, items[from + k] as Item)
      call.count += count
      call.parts.push({ group, from, count })
      from += count
    }
    size += items.length
    pump()
  }

  return {
    size: () => size,
    add(items) {
      if (items.length === 0) return Promise.resolve([])
      if (size + items.length > itemsMax) return Promise.resolve(items.map(overflow))
      return new Promise((resolve) => enqueue(items, { replies: new Array(items.length), open: items.length, resolve }))
    },
  }
}
