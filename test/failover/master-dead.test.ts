import { describe } from 'vitest'
import { lookersSee } from './away-looks.ts'

describe('where a master of a Cluster is dead, those who look', lookersSee('SIGKILL', 'failing_over'))
