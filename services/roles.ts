/** The roles that a process can have. */
export const ROLES = ['udp', 'http', 'api', 'sweeper'] as const

/** One of them. */
export type Role = (typeof ROLES)[number]

/** The roles that several processes can have on the same ports. */
export const SHARED_ROLES = ['udp', 'http'] as const

/** One of them. */
export type SharedRole = (typeof SHARED_ROLES)[number]
