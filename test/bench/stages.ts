// Where a response's CPU time goes in a frontend, by stage, of several profiles: `npm run bench:stages -- --help`.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Summary } from '../../services/profile/profile.ts'
import { barChart } from './chart.ts'
import { writePage } from './page.ts'
import { figure, markdownTable } from './table.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
})
if (values.help || positionals.length === 0) {
  console.log(`npm run bench:stages -- NAME=FOLDER... [--write]
µs of the main thread per response in each stage, of the folders that \`redswarm profile udp\` wrote.

  --write   puts the table and a chart into docs/benchmarks.md

  npm run bench:stages -- before=./profile-before after=./profile-udp`)
  process.exit(values.help ? 0 : 2)
}

/** Stages that take less than this of every profile, in µs, are one row. */
const LEAST_US = 0.05
const REST = 'all other'

type Profile = { name: string; stages: Map<string, number>; us: number }

async function readProfile(text: string): Promise<Profile> {
  const [name = '', folder = ''] = text.split('=')
  const json = await readFile(join(folder, 'summary.json'), 'utf8').catch(() => {
    console.error(`${text}: NAME=FOLDER is expected, and a summary.json in the folder, as redswarm profile writes it`)
    process.exit(2)
  })
  const summary = JSON.parse(json) as Summary
  const us = summary.cpuUsPerResponse.mainThread
  const { rows, busy } = summary.stages
  const stages = rows
    .filter(({ stage }) => stage !== 'idle')
    .map((row) => [row.stage, (us * row.samples) / busy] as const)
  return { name, stages: new Map(stages), us }
}

const profiles = await Promise.all(positionals.map(readProfile))
const all = [...new Set(profiles.flatMap(({ stages }) => [...stages.keys()]))]
const most = (stage: string): number => Math.max(...profiles.map(({ stages }) => stages.get(stage) ?? 0))
const told = all.filter((stage) => most(stage) >= LEAST_US).sort((a, b) => most(b) - most(a))
const usOf = ({ stages, us }: Profile, stage: string): number =>
  stage === REST ? us - told.reduce((sum, each) => sum + (stages.get(each) ?? 0), 0) : (stages.get(stage) ?? 0)

const table = markdownTable(
  ['stage', ...profiles.map(({ name }) => name)],
  [
    ...[...told, REST].map((stage) => [stage, ...profiles.map((profile) => figure(usOf(profile, stage)))]),
    ['all', ...profiles.map(({ us }) => figure(us))],
  ],
)
console.log(table)
if (values.write) {
  const svg = await barChart({
    title: 'A response in a UDP frontend, by stage',
    unit: 'CPU µs per response, main thread',
    rows: [...told, REST].flatMap((stage) =>
      profiles.map((profile) => ({ label: stage, series: profile.name, value: usOf(profile, stage) })),
    ),
  })
  const picture = '![CPU per response by stage](pictures/stages-udp.svg)'
  await writePage('stages', `${table}\n\n${picture}`, [{ file: 'stages-udp.svg', svg }])
}
