/** Where a load is, in one line that is written over each second. */
export type LiveLine = { show: (text: string) => void; end: () => void }

/** A line on a terminal; nothing where the stream is none. */
export function makeLiveLine(stream: NodeJS.WriteStream): LiveLine {
  if (!stream.isTTY) return { show() {}, end() {} }
  const CLEAR = '\r\u001b[K'
  return {
    // A line longer than the terminal would wrap, and leave a copy of itself each second.
    show: (text) => void stream.write(CLEAR + text.slice(0, Math.max(0, (stream.columns ?? 80) - 1))),
    end: () => void stream.write(CLEAR),
  }
}
