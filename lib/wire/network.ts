import { addressText, type Endpoint, toEndpoint } from './endpoint.ts'

/** Addresses that begin alike: 4 or 16 bytes of an address whose other bits are 0, and how many bits count. */
export type Network = { address: Buffer; bits: number }

const NETWORK = /^([0-9a-fA-F:.]+)(?:\/(\d{1,3}))?$/
const MAPPED_BITS = 96

/**
 * Reads an address or a network (`192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`); undefined where the text is neither, or a
 * network of all addresses. Bits of the address beyond those that count are 0 in what is read. An IPv4-mapped network
 * (`::ffff:192.0.2.0/120`) is the IPv4 one.
 */
export function parseNetwork(text: string): Network | undefined {
  const [, addressPart = '', bitsPart] = NETWORK.exec(text.trim()) ?? []
  const endpoint = toEndpoint(addressPart, 0)
  if (!endpoint) return undefined
  const address = Buffer.from(endpoint.subarray(0, -2))
  const isMapped = address.length === 4 && addressPart.includes(':')
  const all = address.length * 8
  const bits = bitsPart === undefined ? all : Number(bitsPart) - (isMapped ? MAPPED_BITS : 0)
  if (bits < 1 || bits > all) return undefined
  for (let i = 0; i < address.length; i++) {
    const kept = Math.min(8, Math.max(0, bits - 8 * i))
    address[i] = (address[i] as number) & (0xff << (8 - kept))
  }
  return { address, bits }
}

/** Reads addresses and networks with commas between; undefined where one is neither. */
export function parseNetworks(text: string): Network[] | undefined {
  const networks: Network[] = []
  for (const part of text.split(',')) {
    if (part.trim() === '') continue
    const network = parseNetwork(part)
    if (!network) return undefined
    networks.push(network)
  }
  return networks
}

/** A network as text, each spelled one way; one address without its number of bits. */
export function networkText({ address, bits }: Network): string {
  const text = addressText(Buffer.concat([address, Buffer.alloc(2)]) as Buffer as Endpoint)
  return bits === address.length * 8 ? text : `${text}/${bits}`
}
