import { type CommandNode, commandsOf, optionWords, type Placed, pathText, plainWords, stepsOf } from './tree.ts'

/**
 * The completion script of bash, of version 3.2 on. A loop over the line finds the command that is meant, by its path;
 * where nothing of ours fits, readline completes files.
 */
export function bashScript(program: CommandNode): string {
  const placed = commandsOf(program)
  return `# bash completion of redswarm; made by \`redswarm completion bash\`
_redswarm() {
  local current="\${COMP_WORDS[COMP_CWORD]}" place="" words="" options="" i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$place \${COMP_WORDS[i]}" in
${stepsOf(placed)
  .map(({ from, to }) => `      "${from}") place="${to}" ;;`)
  .join('\n')}
    esac
  done
  case "$place \${COMP_WORDS[COMP_CWORD-1]}" in
${placed.flatMap(valueCases).join('\n')}
  esac
  case "$place" in
${placed.map(wordCase).join('\n')}
  esac
  [[ "$current" == -* ]] && words="$options"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _redswarm redswarm
`
}

/** After an option that takes a value comes one of its values, or a file, or what nobody knows. */
const valueCases = ({ path, node }: Placed): string[] =>
  node.options
    .filter(({ values }) => values !== undefined)
    .map(({ names, values = [] }) => {
      const after = names.map((name) => `"${pathText(path)} ${name}"`).join(' | ')
      const reply = values.length > 0 ? `COMPREPLY=($(compgen -W "${values.join(' ')}" -- "$current")); ` : ''
      return `    ${after}) ${reply}return ;;`
    })

/** Options come where one is begun, and where a command has nothing else. */
function wordCase({ path, node }: Placed): string {
  const options = optionWords(node).join(' ')
  const words = plainWords(node).join(' ') || (node.takesFile ? '' : options)
  return `    "${pathText(path)}") words="${words}" options="${options}" ;;`
}
