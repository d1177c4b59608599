/** Where a UDP tracker is: an IP address, without brackets. */
export type Place = { host: string; port: number }

/** Where an HTTP tracker is. */
export type HttpPlace = Place & { announcePath: string; scrapePath: string }

/** One address of a tracker's in each protocol and family that it offers. */
export type Frontend = { udp4?: Place; udp6?: Place; http4?: HttpPlace; http6?: HttpPlace }

/** A tracker that cases are run on. */
export type Subject = {
  /** Two where the tracker has two that serve the same swarms. */
  frontends: readonly Frontend[]
  /** The REST API, where there is one in Torrust's shape. */
  api?: { url: string; token: string }
  /** Trackers of the same kind in states of their own, each started for one case; absent: it cannot be had. */
  setups: { [Name in keyof Setups]?: () => Promise<Setups[Name]> }
}

/** A tracker of a case's own. */
export type Setup = {
  subject: Subject
  stop: () => Promise<void>
  /** Starts it again where it has crashed, and says whether it had; absent: it does not crash without its users' notice. */
  revive?: () => Promise<boolean>
}

/** What cases ask for beyond a tracker that runs. */
export type Setups = {
  /** Connection ids are good for 4 s and, at the longest, 6. */
  shortConnectionIds: Setup
  /** Peers are forgotten within some seconds after 4 s of silence. */
  shortPeerLifetime: Setup
  /** Only listed torrents are served; none is listed yet. */
  listed: Setup & { list: (infoHash: Buffer) => Promise<void> }
  /** Only who has a key in the tracker's URL is served; none has one yet. A key is valid for ever, or until then. */
  private: Setup & { addKey: (key: string, validUntilS?: number) => Promise<void> }
  /** A reverse proxy at 127.0.0.1 is trusted, and those at 10.0.0.0/8. */
  trustedProxies: Setup
  /** It listens for IPv4 on a socket of IPv6. */
  mappedIpv4: Setup
  /** The tracker's first frontend can be killed and started again, at the same addresses. */
  restart: Setup & { kill: () => Promise<void>; start: () => Promise<void> }
  /** So can the store that the frontends share; what was answered is on its disk. */
  ownStore: Setup & { killStore: () => Promise<void>; startStore: () => Promise<void> }
  /** Nobody else asks it anything. */
  quiet: Setup
}

/** Builds the place of an HTTP tracker that has the usual paths. */
export const httpPlace = (host: string, port: number): HttpPlace => ({
  host,
  port,
  announcePath: '/announce',
  scrapePath: '/scrape',
})
