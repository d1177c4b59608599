// The server sends npm's module under this name.
export * from 'preact'
