// `redswarm load` without the rest of `redswarm`: it starts in a third of the time.
import { Command } from 'commander'
import { addLoadCommand } from '../../services/load/command.ts'

const program = new Command('redswarm')
addLoadCommand(program)
await program.parseAsync()
