-- include: people_text
-- Codes of clients in peer ids of Azureus's style, `-qB4650-` and 12 bytes of chance.
local CLIENT_NAMES = {
  ['7T'] = 'aTorrent', AG = 'Ares', AR = 'Ares', AZ = 'Vuze', BC = 'BitComet', BE = 'BitTorrent SDK', BF = 'BitFlu',
  BI = 'BiglyBT', BR = 'BitRocket', BT = 'BitTorrent', BW = 'BitWombat', CD = 'Enhanced CTorrent', CT = 'CTorrent',
  DE = 'Deluge', ES = 'Electric Sheep', FC = 'FileCroc', FD = 'Free Download Manager', FG = 'FlashGet', FL = 'Folx',
  FW = 'FrostWire', GR = 'GetRight', HL = 'Halite', KG = 'KGet', KT = 'KTorrent', LC = 'LeechCraft', LH = 'LH-ABC',
  LP = 'Lphant', LT = 'libtorrent', lt = 'rTorrent', LW = 'LimeWire', MG = 'MediaGet', MO = 'MonoTorrent', MR = 'Miro',
  NX = 'Net Transport', OS = 'OneSwarm', PD = 'Pando', PI = 'PicoTorrent', PT = 'Popcorn Time', qB = 'qBittorrent',
  QD = 'QQDownload', SD = 'Xunlei', SP = 'BitSpirit', ST = 'SymTorrent', SZ = 'Shareaza', TB = 'Torch', TL = 'Tribler',
  TN = 'Torrent.NET', TR = 'Transmission', TX = 'Tixati', UE = 'uTorrent Embedded', UM = 'uTorrent Mac', UT = 'uTorrent',
  UW = 'uTorrent Web', WD = 'WebTorrent Desktop', WW = 'WebTorrent', XL = 'Xunlei', XT = 'XanTorrent', ZO = 'Zona',
}
-- Those whose version is two numbers of two digits.
local IN_PAIRS = { BC = true, WD = true, WW = true }

-- A version of four digits (A is 10), told up to the last that is not 0, and by two at least. A letter at the end tells of
-- a beta and the like.
local function versionText(code, version)
  local major, minor = string.match(version, '^(%d%d)(%d%d)$')
  if IN_PAIRS[code] and major then return tonumber(major) .. '.' .. tonumber(minor) end
  -- Transmission's was 2.94 up to 3.00.
  if code == 'TR' and string.find(version, '^[0-3]%d%d') then
    return string.sub(version, 1, 1) .. '.' .. string.sub(version, 2, 3)
  end
  local numbers = {}
  for i = 1, 4 do numbers[i] = tonumber(string.sub(version, i, i), i < 4 and 36 or 10) or 0 end
  while #numbers > 2 and numbers[#numbers] == 0 do numbers[#numbers] = nil end
  return table.concat(numbers, '.')
end

-- Peer ids of other styles that are met often.
local OTHER_STYLES = {
  { '^M(%d+)%-(%d+)%-(%d+)%-', 'BitTorrent' },
  { '^A2%-(%d+)%-(%d+)%-(%d+)%-', 'aria2' },
}

-- The client that a peer id tells of: its name and version; else the peer id as text, its other bytes as dots.
local function clientText(peerId)
  local code, version = string.match(peerId, '^%-(%w%w)(%w%w%w[^\128-\255])%-')
  if CLIENT_NAMES[code] then return CLIENT_NAMES[code] .. ' ' .. versionText(code, version) end
  for _, style in ipairs(OTHER_STYLES) do
    local a, b, c = string.match(peerId, style[1])
    if a then return style[2] .. ' ' .. table.concat({ a, b, c }, '.') end
  end
  return printable(peerId)
end
