import { SingleBar } from 'cli-progress'

/** How far a command is. */
export type Progress = { doing: string; done: number; total: number }

/** A bar on standard error where that is a terminal. */
export function makeBar(): { show: (progress: Progress) => void; stop: () => void } {
  const bar = new SingleBar({
    format: '  {bar} {percentage} %  {doing}',
    ...{ barCompleteChar: '█', barIncompleteChar: '░', barsize: 40, fps: 10 },
    ...{ stream: process.stderr, clearOnComplete: true, linewrap: null, gracefulExit: false },
  })
  return {
    show({ doing, done, total }) {
      if (!bar.isActive) bar.start(total, 0, { doing })
      bar.setTotal(total)
      bar.update(done, { doing })
    },
    stop() {
      if (bar.isActive) bar.stop()
    },
  }
}
