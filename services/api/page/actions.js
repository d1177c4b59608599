import { ask } from './api.js'
import { nowS } from './figures.js'
import { shortened } from './keys.js'
import { isInfoHash, linkTo } from './routes.js'

/** @import { Confirmation, Key, Notice } from './types.d.ts' */
/** @import { Store } from './store.js' */

/**
 * What an operator can have done. Whatever takes something away is asked about first, and tells how it is undone.
 * @param {{ store: Store, refresh: () => void, onRefused: () => void }} options
 */
export function makeActions({ store: { state, update }, refresh, onRefused }) {
  /** @param {string} name @param {string} problem */
  const tellAtForm = (name, problem) => update({ formProblem: { ...state.formProblem, [name]: problem } })

  /**
   * Changes something; answers what the API says, or nothing where that failed, which is told.
   * @param {string} method @param {string} path @param {unknown} [body]
   */
  const change = async (method, path, body) => {
    update({ notice: undefined, formProblem: {} })
    const { token } = state
    try {
      const answer = await ask(path, { token, method, body })
      // Whoever has forgotten the token meanwhile is told nothing more.
      if (state.token !== token) return undefined
      refresh()
      return answer
    } catch (error) {
      const { status, message } = /** @type {import('./api.js').ApiProblem} */ (error)
      if (state.token !== token) return undefined
      if (status === 401) onRefused()
      else update({ notice: { text: `Nothing was changed: ${message}.` } })
      return undefined
    }
  }

  /** @param {string} text @param {Notice['undo']} [undo] */
  const tell = (text, undo) => update({ notice: { text, undo } })

  /** @param {string} hex */
  const list = async (hex) => {
    if (!isInfoHash(hex)) return tellAtForm('whitelist', 'An info hash is 40 hex digits.')
    if (!(await change('POST', `api/v1/whitelist/${hex}`))) return
    tell(`${hex.toLowerCase()} is on the whitelist.`, { label: 'Take it off again', run: () => void takeOff(hex) })
  }
  /** @param {string} hex */
  const takeOff = async (hex) => {
    if (!(await change('DELETE', `api/v1/whitelist/${hex}`))) return
    tell(`${hex.toLowerCase()} is off the whitelist.`, { label: 'List it again', run: () => void list(hex) })
  }

  /** @param {string | undefined} key @param {number | null} seconds */
  const putKey = async (key, seconds) =>
    /** @type {Key | undefined} */ (
      await change('POST', 'api/v1/keys', { ...(key !== undefined && { key }), seconds_valid: seconds })
    )
  /** @param {Key} removed */
  const takeKey = async ({ key, valid_until: until }) => {
    if (!(await change('DELETE', `api/v1/key/${key}`))) return
    const leftS = () => (until === null ? null : Math.floor(until - nowS(state)))
    // One that has expired would come back valid.
    const isValid = () => (leftS() ?? 1) > 0
    const putBack = async () => {
      if (!isValid()) return tell(`The key ${shortened(key)} has expired meanwhile.`)
      if (await putKey(key, leftS())) tell(`The key ${shortened(key)} is back, valid as before.`)
    }
    const undo = isValid() ? { label: 'Put it back', run: () => void putBack() } : undefined
    tell(`The key ${shortened(key)} is removed.`, undo)
  }

  return {
    list: (/** @type {string} */ hex) => void list(hex),
    unlist: (/** @type {string} */ hex) =>
      update({ confirmation: whitelistQuestion(hex, state.tracker?.is_listed === true, () => void takeOff(hex)) }),
    removeKey: (/** @type {Key} */ key) => update({ confirmation: keyQuestion(key.key, () => void takeKey(key)) }),
    /** @param {string} key @param {string} days */
    async addKey(key, days) {
      if (key !== '' && !/^[0-9A-Za-z]{32}$/.test(key)) {
        tellAtForm('keys', 'A key is 32 letters and digits, or left empty.')
        return false
      }
      const added = await putKey(key === '' ? undefined : key, days === '' ? null : Number(days) * 86_400)
      if (added) tell(`The key ${added.key} is added: clients have it as /announce/${added.key}.`)
      return added !== undefined
    },
    /** @param {string} key */
    async showAmounts(key) {
      const told = await ask(`api/v2/keys/${key}`, { token: state.token }).catch((error) => error.message)
      update({ amounts: { ...state.amounts, [key]: told } })
    },
    /** Goes to a swarm, or to the torrents whose info hash begins so. @param {string} text */
    search(text) {
      // The hash of a v2 torrent has 1220 before it in a magnet link; trackers have its first 40 digits.
      const hex = (/(?:btmh:1220)?([0-9a-f]{40})/i.exec(text)?.[1] ?? text.trim()).toLowerCase()
      if (!/^[0-9a-f]{1,40}$/.test(hex)) return tellAtForm('search', 'An info hash has hex digits: 0 to 9, a to f.')
      update({ formProblem: {} })
      location.hash = isInfoHash(hex) ? linkTo(`swarm/${hex}`) : linkTo('torrents', { prefix: hex })
    },
  }
}

/** @param {string} hex @param {boolean} isEffective @param {() => void} run @returns {Confirmation} */
const whitelistQuestion = (hex, isEffective, run) => ({
  title: 'Take this torrent off the whitelist?',
  text: isEffective
    ? `${hex}: from the next announce on, its clients are refused. It can be listed again at any time; its peers come back with their next announces.`
    : `${hex}: nothing changes for its clients, since all torrents are served now. It can be listed again at any time.`,
  action: 'Take it off',
  run,
})

/** @param {string} key @param {() => void} run @returns {Confirmation} */
const keyQuestion = (key, run) => ({
  title: 'Remove this key?',
  text: `${shortened(key)}: within a second, clients with it are refused. What was moved with it stays in its account. It can be put back right after; later only by who knows it in full.`,
  action: 'Remove it',
  run,
})
