const GROUPED = new Intl.NumberFormat('en')
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** A whole number, as people read it. @param {number} value */
export const count = (value) => GROUPED.format(value)

/** So many a second: tenths only where they tell something. @param {number} value */
export const rate = (value) => (value > 0 && value < 10 ? value.toFixed(1) : GROUPED.format(Math.round(value)))

/** An amount of memory or of data. @param {number} value */
export function bytes(value) {
  const unit = value < 1024 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), BYTE_UNITS.length - 1)
  const scaled = value / 1024 ** unit
  const digits = unit === 0 || scaled >= 100 ? 0 : 1
  return `${GROUPED.format(Number(scaled.toFixed(digits)))} ${BYTE_UNITS[unit]}`
}

/** How long something lasts, by its largest unit, or two where the first is small. @param {number} seconds */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds))
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min`
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`
}

/** A day and a time of here. @param {number} seconds since the epoch */
export const dateTime = (seconds) =>
  new Date(seconds * 1000).toLocaleString('sv', { dateStyle: 'short', timeStyle: 'medium' })

/** A time of today. @param {number} ms since the epoch */
export const clock = (ms) => new Date(ms).toLocaleTimeString('sv')

/** One or many of something. @param {number} value @param {string} one @param {string} [many] */
export const counted = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`
