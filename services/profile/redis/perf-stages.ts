import type { FoldedStacks } from './perf.ts'

/**
 * Where Redis's main thread can be, by functions in its stack. The first stage of which all functions are there, in this
 * order from the outermost on, has the sample: what is done within something else comes before that. Some stacks are cut
 * where they could not be unwound further: they are told by what is left of them.
 */
const STAGES: readonly [stage: string, functions: readonly RegExp[]][] = [
  ['AOF: the text of commands', [/^(feedAppendOnlyFile|propagate\w+|alsoPropagate|redisOpArray\w+)$/]],
  ['AOF: to the file', [/^flushAppendOnlyFile$/]],
  ['commands that scripts call', [/^scriptCall$/, /^call$/]],
  ['the way from Lua to a command and back', [/^(scriptCall|parseReply|luaRedisGenericCommand)$/]],
  [
    'the reply of a script',
    [/^(fcallCommandGeneric|luaCallFunction)$/, /^(luaReplyToRedisReply|addReply\w*|_addReply\w*)$/],
  ],
  ['Lua', [/^(luaCallFunction|lua_\w+|luaL_\w+)$/]],
  ['starting and ending scripts', [/^fcall(CommandGeneric|GetCommandFlags)$/]],
  ['other commands', [/^processCommand$/]],
  ['reading requests', [/^(readQueryFromClient|processInputBuffer)$/]],
  ['sending replies', [/^(handleClientsWithPendingWrites\w*|writeToClient|sendReplyToClient|__GI___writev)$/]],
  ['waiting for requests', [/^(epoll_wait|do_epoll_wait|__x64_sys_epoll_wait|aeApiPoll)$/]],
  ['what Redis does by the clock', [/^(serverCron|databasesCron|clientsCron|beforeSleep|processTimeEvents)$/]],
]

/** Samples of no stage. */
const REST = 'everything else'

/** What share of the samples each stage has, the largest first; together they are all. */
export function perfStages(stacks: FoldedStacks): { stage: string; samples: number; share: number }[] {
  const found = new Map<string, number>()
  let all = 0
  for (const [stack, samples] of stacks) {
    const stage = stageOf(stack.split(';'))
    found.set(stage, (found.get(stage) ?? 0) + samples)
    all += samples
  }
  return [...found]
    .map(([stage, samples]) => ({ stage, samples, share: samples / all }))
    .sort((a, b) => b.samples - a.samples)
}

/** The stage of a stack, from the outermost function to the innermost. */
export function stageOf(frames: readonly string[]): string {
  return STAGES.find(([, functions]) => hasInOrder(frames, functions))?.[0] ?? REST
}

function hasInOrder(frames: readonly string[], functions: readonly RegExp[]): boolean {
  let at = 0
  for (const frame of frames) {
    if (functions[at]?.test(frame)) at += 1
    if (at === functions.length) return true
  }
  return false
}

/** Whether perf could name Redis's functions and unwind to them: a stripped build of another packager's may not tell them. */
export function isNamed(stacks: FoldedStacks): boolean {
  const known = perfStages(stacks).filter(({ stage }) => stage !== REST && stage !== 'waiting for requests')
  return known.reduce((sum, { share }) => sum + share, 0) > 0.5
}
