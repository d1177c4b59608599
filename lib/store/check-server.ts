import { OperatorError } from '../errors.ts'
import type { RedisClient } from './client.ts'
import { isCluster, nodesOf } from './nodes.ts'

const VERSIONS_LEAST = { redis: '7.0', valkey: '7.2' } as const
/** The version of the layout in docs/redis-keys.md. */
const SCHEMA = '2'

/** Throws an OperatorError where the server is too old for the scripts, is one of a Cluster that is not said to be one, or would evict peers. */
export async function checkServer(redis: RedisClient): Promise<void> {
  const answers = await Promise.allSettled(
    nodesOf(redis)
      .all()
      .map((node) => node.info()),
  )
  const infos = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  const [first] = answers
  // Where one master of a Cluster is away, the others serve.
  if (infos.length === 0 && first?.status === 'rejected') throw first.reason
  for (const info of infos) checkInfo(info, { isCluster: isCluster(redis) })
}

/** The same, of the text that INFO answers. */
export function checkInfo(text: string, said = { isCluster: false }): void {
  const info = fieldsOf(text)
  const kind = info.has('valkey_version') ? 'valkey' : 'redis'
  const version = info.get(`${kind}_version`) ?? '0'
  const least = VERSIONS_LEAST[kind]
  if (isOlder(version, least)) {
    throw new OperatorError(`${kind} ${version} is too old: ${least} or later is needed`)
  }
  const isNode = (info.get('redis_mode') ?? info.get('server_mode')) === 'cluster'
  if (isNode && !said.isCluster) {
    throw new OperatorError(
      'this Redis is a node of a Cluster: set REDSWARM_REDIS_URL to redis+cluster://host:port,host:port, of some of its nodes',
    )
  }
  // Asked of INFO, since a managed Redis refuses CONFIG.
  const policy = info.get('maxmemory_policy') ?? 'noeviction'
  if (policy !== 'noeviction') {
    throw new OperatorError(
      `this Redis would evict swarms when its memory is full (maxmemory-policy ${policy})\n` +
        '  run `redis-cli CONFIG SET maxmemory-policy noeviction`, and write it into redis.conf',
    )
  }
}

/** Claims the keys for this version of the layout; throws an OperatorError where another version wrote them. */
export async function claimSchema(redis: RedisClient, schemaKey: string): Promise<void> {
  // Asked first: a Redis that is full takes no write, and a sweeper that starts on it is what makes room.
  if ((await redis.get(schemaKey)) === null) await redis.set(schemaKey, SCHEMA, 'NX')
  await checkSchema(redis, schemaKey)
}

/** Throws an OperatorError where another version of the layout wrote the keys, with what to do; claims nothing. */
export async function checkSchema(redis: RedisClient, schemaKey: string): Promise<void> {
  const found = await redis.get(schemaKey)
  if (found === SCHEMA || found === null) return
  const isNewer = Number(found) > Number(SCHEMA)
  throw new OperatorError(
    `the data in this Redis has layout ${found}, and this redswarm keeps layout ${SCHEMA}\n${isNewer ? NEWER : OLDER}` +
      'docs/operations.md has more (Upgrading)',
  )
}

const NEWER =
  '  a newer redswarm wrote it: run that one, or set REDSWARM_KEY_PREFIX or another Redis to start afresh beside it; '
const OLDER =
  '  an older redswarm wrote it. To go on with it: `redswarm export FILE` with the older one, which may serve meanwhile, then\n' +
  '  `redswarm import FILE` with this one into another Redis, or with another REDSWARM_KEY_PREFIX; '

/** The fields of an INFO reply. */
export function fieldsOf(info: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const line of info.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return fields
}

/** Whether a version comes before another, by number, part by part. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map((part) => Number.parseInt(part, 10) || 0))
  for (const [i, part] of (b as number[]).entries()) {
    const own = a?.[i] ?? 0
    if (own !== part) return own < part
  }
  return false
}
