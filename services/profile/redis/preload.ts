// Imported before the role that a profile starts: its store runs the scripts that count their commands.
import { countCommands } from './instrument.ts'

countCommands(process.env.REDSWARM_KEY_PREFIX ?? '')
