import type { AnnounceRequest } from '../wire/announce.ts'

/** The rule by which an announce is not admitted. */
export type AdmissionCause =
  /** The tracker is private, and this is nobody's passkey. */
  | 'private'
  /** The torrent is on the list of those that are not served. */
  | 'denied'
  /** The client's program is not served, by its peer id. */
  | 'client'
  /** Nobody could connect to the address or port. */
  | 'address'

/** Why an announce is not admitted, and what its client is told. */
export type NotAdmitted = { cause: AdmissionCause; reason: string }

/** Says why an announce is not admitted; nothing where it is. Asked of every announce. */
export type Admission = (request: AnnounceRequest) => NotAdmitted | undefined

/** The first of some checks that does not admit an announce tells why. */
export const firstOf = (admissions: readonly Admission[]): Admission => {
  return (request) => {
    for (const admission of admissions) {
      const refused = admission(request)
      if (refused) return refused
    }
    return undefined
  }
}
