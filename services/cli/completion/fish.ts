import { type CommandNode, commandsOf, type OptionNode, type Placed, pathText, stepsOf } from './tree.ts'

/** The completion script of fish. */
export function fishScript(program: CommandNode): string {
  const placed = commandsOf(program)
  return `# fish completion of redswarm; made by \`redswarm completion fish\`
function __redswarm_at
  set -l place ''
  for word in (commandline -opc)[2..-1]
    switch "$place $word"
${stepsOf(placed)
  .map(({ from, to }) => `      case '${from}'\n        set place '${to}'`)
  .join('\n')}
    end
  end
  test "$place" = "$argv[1]"
end
complete -c redswarm -f
${placed.flatMap(linesOf).join('\n')}
`
}

function linesOf({ path, node }: Placed): string[] {
  const at = `complete -c redswarm -n ${quoted(`__redswarm_at ${quoted(pathText(path))}`)}`
  return [
    ...node.commands.map(({ name, description }) => `${at} -a ${name} -d ${quoted(description)}`),
    ...node.choices.map((choice) => `${at} -a ${choice}`),
    ...node.options.map((option) => `${at} ${optionText(option)}`),
    ...(node.takesFile ? [`${at} -F`] : []),
  ]
}

function optionText({ names, description, values, isFile }: OptionNode): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`))
  const value = values === undefined ? [] : isFile ? ['-r', '-F'] : ['-x']
  const choices = values && values.length > 0 ? ['-a', quoted(values.join(' '))] : []
  return [...flags, ...value, ...choices, '-d', quoted(description)].join(' ')
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
