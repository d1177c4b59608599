import type { Admission } from './admission.ts'

/** The passkey of a user of a private tracker: as Torrust's keys, 32 letters and digits. */
export const PASSKEY_CHARS = 32

const PASSKEY = new RegExp(`^[0-9A-Za-z]{${PASSKEY_CHARS}}$`)

/** Whether a text can be a passkey. */
export const isPasskey = (text: string): boolean => PASSKEY.test(text)

/** What is known of a passkey. */
export type PasskeyState = 'valid' | 'unknown' | 'expired'

/** Says why a client may not use a private tracker; nothing where it may. */
export type AccessCheck = (passkey: string) => string | undefined

/** Admits announces of those who may use a private tracker. */
export const passkeyAdmission =
  (access: AccessCheck): Admission =>
  ({ passkey }) => {
    const reason = access(passkey)
    return reason === undefined ? undefined : { cause: 'private', reason }
  }

/** The access to a private tracker: for those who have a passkey. */
export const privateAccess =
  (stateOf: (passkey: string) => PasskeyState): AccessCheck =>
  (passkey) => {
    if (passkey === '') return 'this tracker is private: its URL must have your passkey, as in /announce/PASSKEY'
    if (!isPasskey(passkey)) return `the passkey in the tracker's URL must be ${PASSKEY_CHARS} letters and digits`
    const state = stateOf(passkey)
    if (state === 'valid') return undefined
    return state === 'expired' ? 'your passkey has expired' : 'unknown passkey'
  }
