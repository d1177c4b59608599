// What frontends cost and how they bear load: `npm run bench:frontend -- --help`.
import { tableOf } from '../../lib/observe/table.ts'
import { exitOnSignals } from '../support/at-exit.ts'
import { httpTable, measureHttp } from './frontend/http.ts'
import type { Table } from './frontend/measure.ts'
import { type FrontendOptions, HELP, type Part, readFrontendOptions } from './frontend/options.ts'
import { measureOverload, overloadTable } from './frontend/overload.ts'
import { measureProcesses, processesTable } from './frontend/processes.ts'
import { measureStart, startTable } from './frontend/start.ts'
import { describeMachine } from './peers/machine.ts'

type Told = { result: unknown; table: Table }

const tell = (text: string): void => console.error(text)

async function measurePart(part: Part, options: FrontendOptions): Promise<Told> {
  switch (part) {
    case 'http': {
      const result = await measureHttp(options, tell)
      return { result, table: httpTable(result) }
    }
    case 'overload': {
      const result = await measureOverload(options, tell)
      return { result, table: overloadTable(result) }
    }
    case 'processes': {
      const result = await measureProcesses(options, tell)
      return { result, table: processesTable(result) }
    }
    case 'start': {
      const result = await measureStart(options, tell)
      return { result, table: startTable(result) }
    }
    default: {
      const missed: never = part
      throw new Error(`unhandled part ${String(missed)}`)
    }
  }
}

async function main(options: FrontendOptions): Promise<void> {
  const machine = await describeMachine()
  const { seconds, torrents, peers, numwant } = options.shape
  if (!options.json) {
    console.log(`${machine.cpu}, ${machine.cores} cores; Node ${machine.node.slice(1)}, Redis ${machine.redis}`)
    console.log(`${options.rounds} rounds of ${seconds} s; ${torrents} torrents, ${peers} peers, numwant ${numwant}`)
  }
  const results: Partial<Record<Part, unknown>> = {}
  for (const part of options.only) {
    const { result, table } = await measurePart(part, options)
    results[part] = result
    // What is measured is told, though a later part may fail.
    if (!options.json) console.log(['', table.title, ...tableOf(table.head, table.rows)].join('\n'))
  }
  if (options.json) console.log(JSON.stringify({ machine, options, ...results }))
}

exitOnSignals()
try {
  const options = readFrontendOptions(process.argv.slice(2))
  if (options) await main(options)
  else console.log(HELP)
} catch (error) {
  console.error(`bench:frontend: ${(error as Error).message}`)
  process.exitCode = 2
}
