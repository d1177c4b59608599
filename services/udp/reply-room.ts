import { makeKeptViews } from '../../lib/udp/kept-views.ts'
import { BATCH_MAX, PAYLOAD_BYTES_MAX } from '../../lib/udp/socket.ts'
import type { ReplyRoom } from '../../lib/wire/udp-reply.ts'

/** An announce reply with 50 peers of IPv4, and what is shorter. At most 2 MB of views. */
const KEPT_VIEW_BYTES_MAX = 321

/** Room for the replies to one batch: that of the first is given again once `BATCH_MAX` were given. */
export function makeReplyRoom(): ReplyRoom {
  const viewOf = makeKeptViews(Buffer.alloc(BATCH_MAX * PAYLOAD_BYTES_MAX), PAYLOAD_BYTES_MAX, KEPT_VIEW_BYTES_MAX)
  let place = 0
  return (bytes) => {
    // Longer than any that is sent: whatever it holds, it must not be written over others.
    if (bytes > PAYLOAD_BYTES_MAX) return Buffer.allocUnsafe(bytes)
    place = (place + 1) % BATCH_MAX
    return viewOf(place, bytes)
  }
}
