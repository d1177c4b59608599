/** How a step went. */
export type Step = { name: string; seconds: number; ok: boolean; says: string }

/** Takes steps one by one, tells each as it ends, and remembers how it went. */
export type Report = {
  steps: readonly Step[]
  /** Runs a step; what it answers is told. A failure is told too, and the next step goes on. */
  step: (name: string, work: () => Promise<string>) => Promise<boolean>
  notRun: (name: string, why: string) => void
}

/** A report whose steps are printed by `print` as they end. */
export function makeReport(print: (line: string) => void): Report & { left: { name: string; why: string }[] } {
  const startMs = performance.now()
  const steps: Step[] = []
  const left: { name: string; why: string }[] = []
  const at = () => `[${((performance.now() - startMs) / 1000).toFixed(1).padStart(6)} s]`
  return {
    steps,
    left,
    async step(name, work) {
      const fromMs = performance.now()
      const result = await work().then(
        (says) => ({ ok: true, says }),
        (error: unknown) => ({ ok: false, says: error instanceof Error ? error.message : String(error) }),
      )
      const seconds = Number(((performance.now() - fromMs) / 1000).toFixed(1))
      steps.push({ name, seconds, ...result })
      print(`${at()} ${result.ok ? 'ok  ' : 'FAIL'} ${name}: ${result.says}`)
      return result.ok
    },
    notRun(name, why) {
      left.push({ name, why })
      print(`${at()} ---- ${name}: not run, ${why}`)
    },
  }
}

/** All steps as a table. */
export function tableOf(steps: readonly Step[]): string {
  const width = Math.max(...steps.map(({ name }) => name.length))
  return steps
    .map(({ name, seconds, ok, says }) => {
      const [first = ''] = says.split('\n')
      return `${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(width)}  ${seconds.toFixed(1).padStart(5)} s  ${first}`
    })
    .join('\n')
}
