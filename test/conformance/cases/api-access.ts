import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, expectThat, rule } from '../case.ts'
import { shownRefusal } from '../client/answer.ts'
import { type Asked, askApi, shownApi } from '../client/api.ts'
import { escaped } from '../client/http.ts'
import type { Scene } from '../scene.ts'
import type { Subject } from '../subject.ts'

const OK = '{"status":"ok"}'
/** A key that is added or removed is known to all frontends after this time. */
const KNOWN_MS = 1000

const ask = async (subject: Subject, method: Asked['method'], path: string, body?: unknown): Promise<string> =>
  shownApi(await askApi(subject, path, { method, body }))

/** Announces to each frontend over each protocol; what all of them tell, or what each does where they differ. */
async function tellAll(scene: Scene, at: Subject, hash: Buffer): Promise<string> {
  const told: string[] = []
  for (const frontend of at.frontends.keys()) {
    const udp = await scene.udp({ at, frontend })
    told.push(await udp.tell({ infoHash: hash }))
    told.push(await scene.http({ at, frontend }).tell({ info_hash: escaped(hash) }))
  }
  const shown = new Set(told.map((each) => (/^(error|failure): /.test(each) ? 'refused' : shownRefusal(each))))
  return [...shown].join(', ')
}

/** A key as Torrust tells it: itself, and until when it is valid, in two ways. */
type Key = { key: string; valid_until: number | null; expiry_time: string | null }

function expectKey(told: string, seconds: number | undefined, key?: string): Key {
  expectThat(told, /^\{"key":"[0-9A-Za-z]{32}","valid_until":(\d+|null),"expiry_time":("[^"]* UTC"|null)\}$/)
  const made = JSON.parse(told) as Key
  const left = made.valid_until === null ? undefined : made.valid_until - Date.now() / 1000
  const isRight = left === undefined ? seconds === undefined : Math.abs(left - Number(seconds)) < 60
  expectThat(isRight ? 'as long as asked' : `valid until ${made.valid_until}`, 'as long as asked')
  const time = made.expiry_time === null ? null : Date.parse(made.expiry_time) / 1000
  expectThat(time === made.valid_until ? 'one time' : told, 'one time')
  if (key !== undefined) expectThat(made.key, key)
  return made
}

/** What the REST API changes: the whitelist and the keys. */
export const apiAccess: Case[] = [
  rule('91i', '/api/v1/whitelist/… lists, unlists and reloads', 'Torrust', async (scene) => {
    const { subject } = await scene.setUp('listed')
    const path = `/api/v1/whitelist/${scene.hash().toString('hex')}`
    for (const times of ['once', 'twice']) {
      expectThat(await ask(subject, 'POST', path), OK, `listed ${times}`)
      expectThat(await tellAll(scene, subject, scene.hash()), 'taken', `listed ${times}`)
    }
    for (const times of ['once', 'twice']) {
      expectThat(await ask(subject, 'DELETE', path), OK, `unlisted ${times}`)
      expectThat(await tellAll(scene, subject, scene.hash()), 'refused', `unlisted ${times}`)
    }
    expectThat(await ask(subject, 'GET', '/api/v1/whitelist/reload'), OK, 'reload')
    for (const method of ['POST', 'DELETE'] as const) {
      expectThat(await ask(subject, method, '/api/v1/whitelist/abc'), 'HTTP 400', `${method} of no info hash`)
    }
  }),
  rule('91j', '/api/v1/keys and /api/v1/key/… make, remove and reload keys', 'Torrust', async (scene) => {
    const { subject } = await scene.setUp('private')
    const tell = async (key: string) =>
      scene
        .http({ at: subject, frontend: subject.frontends.length - 1, key })
        .tell({ info_hash: escaped(scene.hash()) })
    const own = 'OwnKey00'.repeat(4)
    const random = await ask(subject, 'POST', '/api/v1/keys', { key: null, seconds_valid: 3600 })
    const made = [
      expectKey(random, 3600),
      expectKey(await ask(subject, 'POST', '/api/v1/keys', { key: own, seconds_valid: null }), undefined, own),
      expectKey(await ask(subject, 'POST', '/api/v1/key/600'), 600),
    ]
    await sleep(KNOWN_MS)
    for (const { key } of made) expectThat(shownRefusal(await tell(key)), 'taken', key)
    for (const { key } of made) expectThat(await ask(subject, 'DELETE', `/api/v1/key/${key}`), OK, 'removed')
    await sleep(KNOWN_MS)
    for (const { key } of made) expectThat(shownRefusal(await tell(key)), /^failure: /, key)
    expectThat(await ask(subject, 'GET', '/api/v1/keys/reload'), OK, 'reload')
    expectThat(await ask(subject, 'POST', '/api/v1/keys', { key: 'short' }), 'HTTP 400', 'a key that is none')
    expectThat(await ask(subject, 'POST', '/api/v1/keys', { seconds_valid: 'long' }), 'HTTP 422', 'a wrong type')
    expectThat(await ask(subject, 'POST', '/api/v1/key/long'), 'HTTP 400', 'no number of seconds')
  }),
]

/** Of the whitelist, what is not about one API alone. */
export const apiListed: Case = rule(
  '95b',
  'what is listed at one API is served by every frontend at once',
  'Torrust',
  async (scene) => {
    const { subject } = await scene.setUp('listed')
    for (const n of [0, 1, 2, 3]) {
      const path = `/api/v1/whitelist/${scene.hash(n).toString('hex')}`
      expectThat(await ask(subject, 'POST', path), OK)
      expectThat(await tellAll(scene, subject, scene.hash(n)), 'taken')
    }
  },
)
