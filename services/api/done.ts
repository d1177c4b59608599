import Type from 'typebox'

/** What Torrust answers where there is nothing to tell. */
export const Done = Type.Object({ status: Type.Literal('ok') })

/** It as a value. */
export const DONE = { status: 'ok' } as const
