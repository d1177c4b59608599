-- The packed head of a swarm, 24 bytes: leechers, seeders, completed (u32 each), then how many chunks hold the peers of
-- each list (u16 each; all zero in a small swarm, which keeps its peers in its own hash), then the salt (u32) that
-- chunks are chosen by.
-- A list is numbered role + 2 * family: 0 l4, 1 s4, 2 l6, 3 s6.
local HEAD_BYTES = 24
local NO_CHUNKS, ONE_CHUNK_EACH = string.rep('\0', 8), string.rep('\0\1', 4)

local function countsOf(head)
  return struct.unpack('>I4I4I4', head)
end

local function chunksOf(head, list)
  local high, low = string.byte(head, 13 + 2 * list, 14 + 2 * list)
  return high * 256 + low
end

local function isSmall(head)
  return string.sub(head, 13, 20) == NO_CHUNKS
end

local function headWithCounts(head, leechers, seeders, completed)
  return struct.pack('>I4I4I4', leechers, seeders, completed) .. string.sub(head, 13)
end

local function headWithChunks(head, list, chunks)
  return string.sub(head, 1, 12 + 2 * list) .. struct.pack('>I2', chunks) .. string.sub(head, 15 + 2 * list)
end

local function headWithChunksOfAll(head, chunks)
  return string.sub(head, 1, 12) .. chunks .. string.sub(head, 21)
end
