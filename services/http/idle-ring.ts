/** A place in a ring, of something or, of the ring's head, of nothing. Out of a ring, it is a ring of its own. */
export type Link<Of> = { before: Link<Of>; after: Link<Of>; of: Of | undefined }

/** A place that is in no ring yet or, of nothing, an empty ring. */
export function makeLink<Of>(of?: Of): Link<Of> {
  const link = { of } as Link<Of>
  link.before = link
  link.after = link
  return link
}

/** Puts a place last into a ring: nothing here takes longer where there are many. */
export function putLast<Of>(ring: Link<Of>, link: Link<Of>): void {
  link.before = ring.before
  link.after = ring
  ring.before.after = link
  ring.before = link
}

/** Takes a place out of its ring, if it is in one. */
export function takeOut<Of>(link: Link<Of>): void {
  link.before.after = link.after
  link.after.before = link.before
  link.before = link
  link.after = link
}

/** What has been in a ring longest; undefined where nothing is. */
export const oldestIn = <Of>(ring: Link<Of>): Of | undefined => ring.after.of
