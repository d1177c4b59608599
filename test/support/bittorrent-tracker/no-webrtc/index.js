// bittorrent-tracker imports these for ws:// trackers, which we never ask it for. The real package brings
// node-datachannel, whose binary is fetched from outside the registry at install time.
export const RTCPeerConnection = undefined
export const RTCSessionDescription = undefined
export const RTCIceCandidate = undefined
