/** A probe that takes longer finds the other side still silent: what comes in meanwhile is refused at once. */
const PROBE_MS_MAX = 250

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
 * A batcher that waits for no timer: an idle one sends at the end of a turn of the event loop, a busy one fills calls by itself, in
 * the order of arrival. Beside a call in flight only a full one goes out: calls that are half empty cost both sides more.
 *
 * `write` puts an item into a call's bytes at once, so that callers may reuse what an item points to; `send` runs one
 * call and answers its items in order, or rejects: then `refuse` makes each item's reply. Past `itemsMax` waiting or in
 * flight, items are refused without being kept.
 *
 * Where `isSilence` says of a rejection that the other side did not answer at all, all that waits is refused with it,
 * and until a call is answered again one call at a time goes out, as a probe: nobody waits for a dead store in a queue.
 */
export function makeBatcher<Item, Reply>({
  write,
  send,
  refuse,
  isSilence,
  overflow,
  itemBytesMax,
  callItemsMax,
  callsInFlightMax,
  itemsMax,
}: {
  write: (into: Buffer, at: number, item: Item) => number
  send: (bytes: Buffer, count: number) => Promise<Reply[]>
  refuse: (error: unknown) => Reply
  isSilence: (error: unknown) => boolean
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
  const breaker = makeBreaker(() => refuseWaiting())

  const openCall = (): Call<Reply> => {
    const last = waiting.at(-1)
    if (last && last.count < callItemsMax) return last
    const call = free.pop() ?? { bytes: Buffer.allocUnsafeSlow(callBytes), used: 0, count: 0, parts: [] }
    waiting.push(call)
    return call
  }

  const answer = (call: Call<Reply>, replyOf: (i: number) => Reply): void => {
    answerParts(call.parts, replyOf)
    size -= call.count
    // One more than can be in flight is kept for the next to fill; what a burst made beyond goes to the collector.
    if (free.length <= callsInFlightMax) free.push(Object.assign(call, { used: 0, count: 0, parts: [] }))
  }

  const refuseWaiting = (): void => {
    for (const call of waiting.splice(0)) answer(call, () => refuse(breaker.reason()))
  }

  const finish = (call: Call<Reply>, replyOf: (i: number) => Reply, silence: Silence | undefined): void => {
    inFlight -= 1
    breaker.ended(silence, inFlight)
    answer(call, replyOf)
    if (silence) refuseWaiting()
    pump()
  }

  const isDue = ({ count }: Call<Reply>): boolean => {
    if (inFlight === 0) return true
    return count === callItemsMax && !breaker.isOpen() && inFlight < callsInFlightMax
  }

  const pump = (): void => {
    for (let call = waiting[0]; call && isDue(call); call = waiting[0]) {
      waiting.shift()
      inFlight += 1
      breaker.sent()
      Promise.try(send, call.bytes.subarray(0, call.used), call.count).then(
        (replies) => finish(call, (i) => replies[i] ?? refuse(new Error('an item was not answered')), undefined),
        (error: unknown) => finish(call, () => refuse(error), isSilence(error) ? { error } : undefined),
      )
    }
  }

  let isPumpingSoon = false
  /** What comes in one turn of the event loop, from many sockets or batch by batch, goes out together. */
  const pumpSoon = (): void => {
    if (isPumpingSoon) return
    isPumpingSoon = true
    setImmediate(() => {
      isPumpingSoon = false
      pump()
    })
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
    pumpSoon()
  }

  return {
    size: () => size,
    add(items) {
      if (items.length === 0) return Promise.resolve([])
      if (size + items.length > itemsMax) return Promise.resolve(items.map(overflow))
      if (breaker.isSilent()) return Promise.resolve(items.map(() => refuse(breaker.reason())))
      return new Promise((resolve) => enqueue(items, { replies: new Array(items.length), open: items.length, resolve }))
    },
  }
}

/** Puts replies into their groups' places; a group that has all of its is answered. */
function answerParts<Reply>(parts: readonly Part<Reply>[], replyOf: (i: number) => Reply): void {
  let i = 0
  for (const { group, from, count } of parts) {
    for (let k = 0; k < count; k++) group.replies[from + k] = replyOf(i++)
    group.open -= count
    if (group.open === 0) group.resolve(group.replies)
  }
}

/** Why a call was not answered at all. */
type Silence = { error: unknown }

/**
 * What is known of whether the other side answers. It is open from a silence until an answer; then each call is a
 * probe, and it is silent once that has lasted `PROBE_MS_MAX`, when `onSilent` is called.
 */
function makeBreaker(onSilent: () => void) {
  let silence: Silence | undefined
  let isSilent = false
  let timer: NodeJS.Timeout | undefined
  return {
    isOpen: () => silence !== undefined,
    isSilent: () => isSilent,
    /** The error of the last silence. */
    reason: () => silence?.error,
    sent(): void {
      if (!silence) return
      timer = setTimeout(() => {
        isSilent = true
        onSilent()
      }, PROBE_MS_MAX)
    },
    ended(now: Silence | undefined, inFlight: number): void {
      clearTimeout(timer)
      silence = now
      // A call that went out beside the one that failed is as old as that.
      isSilent = now !== undefined && inFlight > 0
    },
  }
}
