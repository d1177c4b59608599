import { messageOf } from '../errors.ts'

/** What an operator is to do, by what Redis, a Sentinel or the way to them said; the first that fits. */
const ADVICE: [said: RegExp, advice: string][] = [
  [
    /ECONNRESET|EPIPE|SSL routines|closed/,
    'does it speak TLS (rediss://) or not (redis://)? Does it ask for a certificate (?cert=FILE&key=FILE)?',
  ],
  [
    /certificate|altnames/i,
    'does ?ca=FILE in REDSWARM_REDIS_URL name the authority of its certificate, and is the host of the URL one of the names in it?',
  ],
  [
    /sentinel.*(?:WRONGPASS|NOAUTH)/,
    'Sentinels have a user and a password of their own: ?sentinel_username=… and ?sentinel_password=… in REDSWARM_REDIS_URL',
  ],
  [/\(SELECT\b/, 'does it have that database (`databases` of redis.conf), and may the user SELECT it?'],
  [/WRONGPASS|NOAUTH/, 'are the user and the password in REDSWARM_REDIS_URL (redis://USER:PASSWORD@…) right?'],
  [
    /NOPERM|can't run this command/,
    'its user lacks a right: infra/redis/users.acl has a user for each role, and `redis-cli ACL LOG` tells what was refused',
  ],
  [
    /No such master/,
    'the word after the last / of REDSWARM_REDIS_URL is to be the name that `sentinel monitor` gives the master',
  ],
]

const adviceOn = (problem: string): string | undefined => ADVICE.find(([said]) => said.test(problem))?.[1]

/** What Redis refused, and what to do where there is more to say than it said. */
export function refusalText(error: Error): string {
  const advice = adviceOn(messageOf(error))
  return messageOf(error) + (advice ? `\n  ${advice}` : '')
}

/** What to do where Redis cannot be reached. */
export const adviceOnConnecting = (problem: string): string =>
  adviceOn(problem) ??
  'is it running, and is REDSWARM_REDIS_URL right? Without that setting, `redswarm up` runs a Redis of its own.'
