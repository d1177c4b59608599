// Loaded before each role that is profiled (`node --import`): one whose profile was killed must not outlive it.
process.on('disconnect', () => process.exit())
process.channel?.unref()
if (!process.connected) process.exit()
