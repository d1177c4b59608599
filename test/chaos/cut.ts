import { execFileSync } from 'node:child_process'

/** What is done to packets of TCP between a server at this address and port and all its clients. */
export type Cut = { address: string; port: number; way: 'both' | 'to' | 'from'; how: 'drop' | 'reset' }

/**
 * Cuts the way to a server, in the network of this program; answers what undoes it. What is dropped vanishes on the way: no sender is
 * told. Each port has a table of its own: what undoes one cut leaves the others.
 */
export function cutWay({ address, port, way, how }: Cut): () => void {
  // The resets come this way too.
  const verdict = how === 'drop' ? 'drop' : 'tcp flags & rst == 0 reject with tcp reset'
  const rules = [
    ...(way === 'from' ? [] : [`ip daddr ${address} tcp dport ${port} ${verdict}`]),
    ...(way === 'to' ? [] : [`ip saddr ${address} tcp sport ${port} ${verdict}`]),
  ]
  const table = `chaos_${port}`
  const chain = `chain input { type filter hook input priority 0; ${rules.join('; ')}; };`
  nft(`table ip ${table} { ${chain} }`)
  return () => nft(`delete table ip ${table}`)
}

const nft = (text: string): unknown => execFileSync('nft', [text], { stdio: ['ignore', 'ignore', 'inherit'] })
