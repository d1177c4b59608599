import { describe } from 'vitest'
import { lookersSee } from './away-looks.ts'

describe('where a master of a Cluster hangs, those who look', lookersSee('SIGSTOP', 'slow'))
