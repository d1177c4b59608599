import { print } from '../redis.ts'
import { bashScript } from './bash.ts'
import { fishScript } from './fish.ts'
import type { CommandNode } from './tree.ts'
import { zshScript } from './zsh.ts'

const SCRIPTS: Record<string, (program: CommandNode) => string> = { bash: bashScript, zsh: zshScript, fish: fishScript }

/** Prints the script of a shell; answers the exit code. */
export async function printCompletion(shell: string, program: CommandNode): Promise<number> {
  const script = SCRIPTS[shell]
  if (!script) throw new Error(`no such shell: ${shell}`)
  await print(script(program))
  return 0
}
