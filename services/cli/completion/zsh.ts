import { type CommandNode, commandsOf, type OptionNode, type Placed, pathText, stepsOf } from './tree.ts'

/** The completion script of zsh, as a file `_redswarm` of its `fpath`, or sourced after compinit. */
export function zshScript(program: CommandNode): string {
  const placed = commandsOf(program)
  return `#compdef redswarm
# zsh completion of redswarm; made by \`redswarm completion zsh\`
_redswarm() {
  local place="" i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    case "$place \${words[i]}" in
${stepsOf(placed)
  .map(({ from, to }) => `      "${from}") place="${to}" ;;`)
  .join('\n')}
    esac
  done
  case "$place \${words[CURRENT-1]}" in
${placed.flatMap(valueCases).join('\n')}
  esac
  case "$place" in
${placed.map(wordCase).join('\n')}
  esac
  _describe redswarm found
}
if [ "\${funcstack[1]}" = "_redswarm" ]; then _redswarm "$@"; else compdef _redswarm redswarm; fi
`
}

const valueCases = ({ path, node }: Placed): string[] =>
  node.options
    .filter(({ values }) => values !== undefined)
    .map((option) => {
      const after = option.names.map((name) => `"${pathText(path)} ${name}"`).join(' | ')
      return `    ${after}) ${replyOf(option)}return ;;`
    })

function replyOf({ values = [], isFile }: OptionNode): string {
  if (isFile) return '_files; '
  return values.length > 0 ? `compadd -- ${values.join(' ')}; ` : ''
}

function wordCase({ path, node }: Placed): string {
  const found = [
    ...node.commands.map(({ name, description }) => [name, description] as const),
    ...node.choices.map((choice) => [choice, ''] as const),
    ...node.options.flatMap(({ names, description }) => names.map((name) => [name, description] as const)),
  ]
  const words = found.map(([name, description]) => quoted(`${name.replaceAll(':', '\\:')}:${description}`)).join(' ')
  return `    "${pathText(path)}") found=(${words})${node.takesFile ? '; _files' : ''} ;;`
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`
