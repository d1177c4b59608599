import type { Case } from '../case.ts'
import { api } from './api.ts'
import { httpAnnounce } from './http-announce.ts'
import { httpReplies } from './http-replies.ts'
import { lifetime } from './lifetime.ts'
import { swarmState } from './state.ts'
import { traps } from './traps.ts'
import { udpAnnounce } from './udp-announce.ts'
import { udpFraming } from './udp-framing.ts'
import { udpScrape } from './udp-scrape.ts'

/** All cases, by theme. */
export const THEMES: readonly { name: string; cases: readonly Case[] }[] = [
  { name: 'UDP: datagrams and connection ids', cases: udpFraming },
  { name: 'UDP: announces', cases: udpAnnounce },
  { name: 'UDP: scrapes', cases: udpScrape },
  { name: 'HTTP: announces', cases: httpAnnounce },
  { name: 'HTTP: answers, scrapes, and the server', cases: httpReplies },
  { name: 'Swarms, each case in 16 ways', cases: swarmState },
  { name: 'Time and crashes', cases: lifetime },
  { name: 'Listed torrents and the REST API', cases: api },
  { name: 'Traps', cases: traps },
]

/** All of them in a row. */
export const CASES: readonly Case[] = THEMES.flatMap(({ cases }) => cases)
