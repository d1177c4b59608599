/** A number of an option; says what is wrong with it and ends the program otherwise. */
export function numberOf(
  option: string,
  text: string | undefined,
  { min, isWhole = true }: { min: number; isWhole?: boolean },
): number {
  const value = Number(text)
  if (text !== '' && value >= min && Number.isFinite(value) && (Number.isInteger(value) || !isWhole)) return value
  console.error(`--${option} ${text}: must be a ${isWhole ? 'whole ' : ''}number from ${min} on`)
  process.exit(2)
}
