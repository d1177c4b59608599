#!/usr/bin/env node
/**
 * The `redswarm` command: sets up what is missing and runs services/main.ts on Node 24, in this process where it is
 * Node 24, else as a child.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import module from 'node:module'
import { isatty } from 'node:tty'
import { fileURLToPath } from 'node:url'
import { findRedis, installDependencies, node24 } from './setup.mjs'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']
/** Sooner than that, the same signal twice is one that came by two ways. */
const REPEAT_MS_MIN = 300
const PARENT_POLL_MS = 500
/** Not a REDSWARM_ name: those are settings, and an unknown one stops the start. */
const PARENT_ENV = '_REDSWARM_PARENT_PID'

/**
 * The tracker with a private Redis is `up`, the default, and a profile is always of one; help and versions need none.
 */
function needsRedis(args) {
  const command = args.find((arg) => !arg.startsWith('-')) ?? 'up'
  const isQuestion = args.some((arg) => ['-h', '--help', '-V', '--version'].includes(arg))
  if (isQuestion || process.env.REDSWARM_REDIS_SERVER) return false
  return command === 'profile' || (command === 'up' && !isRedisUrlSet())
}

/** Whether the environment, or the .env file here, names a Redis. */
function isRedisUrlSet() {
  const dotEnv = existsSync('.env') ? readFileSync('.env', 'utf8') : ''
  const inDotEnv = /^[ \t]*(?:export[ \t]+)?REDSWARM_REDIS_URL[ \t]*=[ \t]*["'`]?[^\s"'`#]/m
  return Boolean(process.env.REDSWARM_REDIS_URL) || inDotEnv.test(dotEnv)
}

/** Makes ready what the arguments need; returns the Node to run on. */
async function setUp(args) {
  await installDependencies()
  const node = node24()
  if (needsRedis(args)) process.env.REDSWARM_REDIS_SERVER = (await findRedis({ install: true })).path
  return node
}

/**
 * Runs this file again on Node 24 and stands in for it. In a session of its own it hears each signal once, from us: a
 * Ctrl-C or a `timeout`, which signal the whole group, would otherwise reach it a second time when we forward them.
 */
function runAsChild(node, args) {
  const env = { ...process.env, [PARENT_ENV]: String(process.pid) }
  const terminal = [0, 1, 2].find(isatty)
  const child = spawn(node, [fileURLToPath(import.meta.url), ...args], { stdio: 'inherit', detached: true, env })
  for (const signal of SIGNALS) process.on(signal, forwarder(child, signal))
  child.on('error', fail)
  child.on('exit', (code, signal) => {
    // Node 20 aborts if it exits after its terminal has closed: end by the signal of that.
    const endBy = terminal === undefined || isatty(terminal) ? signal : 'SIGHUP'
    if (endBy === null) process.exit(code)
    process.removeAllListeners(endBy)
    process.kill(process.pid, endBy)
  })
}

/** `timeout` signals us by our id and by our group at once; the second Ctrl-C of an impatient user comes later. */
function forwarder(child, signal) {
  let sentAtMs = Number.NEGATIVE_INFINITY
  return () => {
    if (performance.now() - sentAtMs > REPEAT_MS_MIN) child.kill(signal)
    sentAtMs = performance.now()
  }
}

/**
 * The process that we end with: as that child, the one we stand in for; under npx, its shell, which forwards no signal
 * and would leave us running.
 */
function parentToEndWith() {
  const { [PARENT_ENV]: parent, npm_lifecycle_event: event } = process.env
  delete process.env[PARENT_ENV]
  return parent ? Number(parent) : event === 'npx' ? process.ppid : undefined
}

/** Ends as by SIGTERM when the parent was killed and can forward nothing any more. */
function endWith(parentPid) {
  const timer = setInterval(() => {
    if (process.ppid === parentPid) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, PARENT_POLL_MS)
  timer.unref()
}

/** Ends with one clear message: what goes wrong here is the machine, not the program. */
function fail(error) {
  process.stderr.write(`redswarm: ${error.message}\n`)
  process.exit(1)
}

const args = process.argv.slice(2)
const parentPid = parentToEndWith()
const node = await setUp(args).catch(fail)
if (parentPid !== undefined) endWith(parentPid)
if (node === process.execPath) {
  // main.ts does so too, but is itself TypeScript: what strips its types need not be loaded then.
  module.enableCompileCache?.(fileURLToPath(new URL('../../node_modules/.cache/redswarm', import.meta.url)))
  await import('../main.ts')
} else runAsChild(node, args)
