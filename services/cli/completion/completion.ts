import { EXIT, print, runToEnd } from '../redis.ts'
import { bashScript } from './bash.ts'
import { fishScript } from './fish.ts'
import type { CommandNode, SHELLS } from './tree.ts'
import { zshScript } from './zsh.ts'

/** A shell that a script is made for. */
export type Shell = (typeof SHELLS)[number]

const SCRIPTS: Record<Shell, (program: CommandNode) => string> = { bash: bashScript, zsh: zshScript, fish: fishScript }

/** Prints the script of a shell; answers the exit code. */
export const printCompletion = (shell: Shell, program: CommandNode): Promise<number> =>
  runToEnd(async () => {
    await print(SCRIPTS[shell](program))
    return EXIT.done
  })
