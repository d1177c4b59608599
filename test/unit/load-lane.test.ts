import { describe, expect, it } from 'vitest'
import type { Datagram, UdpSocket } from '../../lib/udp/socket.ts'
import { portOf } from '../../lib/wire/endpoint.ts'
import { writeAnnounceReply, writeConnectReply, writeErrorReply } from '../../lib/wire/udp-reply.ts'
import { ACTION, parseUdpRequest, type UdpRequest } from '../../lib/wire/udp-request.ts'
import { makeLatencies } from '../../services/load/histogram.ts'
import { NUMBERS, type RawLoadOptions, readOptions } from '../../services/load/options.ts'
import { makePlan, type Place } from '../../services/load/plan.ts'
import { makeTally } from '../../services/load/tally.ts'
import { readTarget } from '../../services/load/target.ts'
import { makeLane } from '../../services/load/udp-lane.ts'
import { at } from '../support/store.ts'

const SLOTS = 4
const ID = Buffer.alloc(8, 7)
const announced = { intervalS: 1800, leechers: 1, seeders: 0, peers: Buffer.alloc(0) }

/** A lane of announces alone that has its connection id; `sent` answers what it sent since. */
async function connectedLane(url = 'udp://127.0.0.1:6969') {
  const target = await readTarget('udp', url, false)
  const numbers = Object.entries(NUMBERS).map(([name, each]) => [name, String(each.default)])
  const small = { torrents: '3', peers: '6', addresses: '1', outstanding: String(SLOTS) }
  const raw = { ...Object.fromEntries(numbers), ...small, seeders: '0.75', weights: '0:1:0', fill: true }
  const options = readOptions(raw as RawLoadOptions, target)
  const plan = makePlan(options, target, { index: 0, of: 1 })
  const endpoint = at(target.address, target.port)
  const tally = makeTally()
  const place = plan.places[0] as Place
  const lane = makeLane({ target, options, plan, tally, latencies: makeLatencies() }, place, endpoint)
  const sent = (): UdpRequest[] => {
    const requests: UdpRequest[] = []
    const send = (datagrams: readonly Datagram[]): number => {
      for (const { payload } of datagrams) {
        const request = parseUdpRequest(Buffer.from(payload))
        if (request.ok) requests.push(request.value)
      }
      return 0
    }
    lane.flush({ send } as UdpSocket)
    return requests
  }
  const answer = (payload: Buffer): void => lane.take([{ payload, source: endpoint, via: undefined }])
  const nowMs = performance.now()
  lane.askConnect(nowMs)
  for (const { transactionId } of sent()) answer(writeConnectReply(transactionId, ID))
  return { lane, tally, place, sent, answer, nowMs }
}

const actions = (requests: UdpRequest[]): number[] => requests.map(({ action }) => action)
const CLOSE_TO_EXPIRY_MS = 46_000

describe('a lane', () => {
  it('announces each peer with its port, over IPv6 as well', async () => {
    for (const url of ['udp://127.0.0.1:6969', 'udp://[::1]:6969']) {
      const { lane, place, sent, nowMs } = await connectedLane(url)
      lane.askFill(nowMs)
      const ports = sent().map((request) => (request.action === ACTION.announce ? request.port : undefined))
      expect(ports).toEqual(place.own.slice(0, SLOTS).map(({ endpoint }) => portOf(endpoint)))
      expect(ports.every((port) => (port ?? 0) > 0)).toBe(true)
    }
  })

  it('renews its connection id by one connect while it fills and while it loads', async () => {
    const filling = await connectedLane()
    filling.lane.askFill(filling.nowMs + CLOSE_TO_EXPIRY_MS)
    expect(actions(filling.sent())).toEqual([ACTION.connect, ...Array(SLOTS - 1).fill(ACTION.announce)])
    const { lane, sent, answer, nowMs } = await connectedLane()
    const askAll = (): void => {
      for (let room = lane.room(); room > 0; room--) lane.askLoad(nowMs, nowMs + CLOSE_TO_EXPIRY_MS)
    }
    askAll()
    const [renewal, ...rest] = sent()
    expect(actions([renewal as UdpRequest])).toEqual([ACTION.connect])
    expect(actions(rest)).toEqual(Array(SLOTS - 1).fill(ACTION.announce))
    // An answer to an announce makes room for an announce: the renewal is under way still.
    answer(writeAnnounceReply(rest[0]?.transactionId ?? 0, announced))
    askAll()
    expect(actions(sent())).toEqual([ACTION.announce])
  })

  it('announces again what was refused or lost in a fill, four times in all, and nothing in a load', async () => {
    const { lane, tally, sent, answer, nowMs } = await connectedLane()
    lane.askFill(nowMs)
    let [first] = sent()
    for (let tries = 1; tries < 4; tries++) {
      if (tries === 2) lane.sweep(performance.now() + 2000)
      else answer(writeErrorReply(first?.transactionId ?? 0, 'not now'))
      const again = sent()
      expect(again).toHaveLength(tries === 2 ? SLOTS : 1)
      expect(again.find((request) => infoOf(request) === infoOf(first))).toBeDefined()
      first = again.find((request) => infoOf(request) === infoOf(first))
    }
    answer(writeErrorReply(first?.transactionId ?? 0, 'not now'))
    expect(sent()).toEqual([])
    expect([tally.errors, tally.lost, lane.room()]).toEqual([3, SLOTS, 1])
    lane.askLoad(nowMs, nowMs)
    const [loaded] = sent()
    answer(writeErrorReply(loaded?.transactionId ?? 0, 'not now'))
    expect(sent()).toEqual([])
  })
})

const infoOf = (request: UdpRequest | undefined): string =>
  request?.action === ACTION.announce ? `${request.report.toString('hex')} ${request.event}` : ''
