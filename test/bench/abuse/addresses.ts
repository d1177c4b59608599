/** Where an abuser is that has one address. */
export const ABUSER = '127.0.4.1'
/** Where honest clients are whom somebody wants to silence. */
export const VICTIM = '127.0.5.1'
