import { type Property, settingsSchema } from './schema.ts'

const settings: [string, Property][] = Object.entries(settingsSchema.properties)

/** `docs/configuration.md`: every setting, its default, what is allowed and what it does; and the section on bounds. */
export function configurationPage(bounds: string): string {
  const rows = settings.map(([name, property]) => {
    return `| \`${name}\` | ${defaultOf(property)} | ${allowedBy(property)} | ${property.description} |`
  })
  return `# Configuration

Settings are environment variables, or lines of a \`.env\` file in the working folder (the environment wins). An empty value is
as none. They are read once, at the start. A bad or unknown \`REDSWARM_\` setting stops the start, and all problems are told at
once. What Kubernetes puts into the environment for a Service named \`redswarm-…\` is passed over. Secrets are never logged.

This page is made from \`lib/config/schema.ts\` and \`services/bounds.ts\` by \`npm run docs\`.

| setting | default | allowed | what it does |
|---|---|---|---|
${rows.join('\n')}

Checked together: a peer lives longer than the longest announce interval, its spread of 10 % and a sweep; the minimum interval is not
longer than the interval, and that not longer than the longest; the default number of peers is not more than the most.

${bounds}`
}

/** \`.env.example\`: every setting, commented out, at its default. */
export function envExample(): string {
  const lines = settings.flatMap(([name, property]) => [
    ...wrap(property.description).map((line) => `# ${line}`),
    `#${name}=${property.default ?? ''}`,
    '',
  ])
  return `# Copy to .env and uncomment what you change. Made from lib/config/schema.ts by \`npm run docs\`.\n\n${lines.join('\n')}`
}

const defaultOf = ({ default: value }: Property): string =>
  value === undefined ? 'unset' : value === '' ? 'empty' : `\`${value}\``

function allowedBy({ type, enum: choices, minimum, maximum, minLength, maxLength }: Property): string {
  if (choices) return choices.map((choice) => `\`${choice}\``).join(', ')
  if (type === 'boolean') return '`true`, `false`'
  if (type === 'integer') return `${minimum} to ${maximum}`
  const bounds = [minLength && `at least ${minLength}`, maxLength && `at most ${maxLength}`].filter(Boolean).join(', ')
  return bounds ? `text, ${bounds} characters` : 'text'
}

const LINE_CHARACTERS = 110

function wrap(text: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.replaceAll('`', '').split(' ')) {
    if (line && line.length + word.length >= LINE_CHARACTERS) {
      lines.push(line)
      line = ''
    }
    line += line ? ` ${word}` : word
  }
  return line ? [...lines, line] : lines
}
