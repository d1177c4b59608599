-- The field of a swarm's hash that holds a chunk's packed piece.
local LIST_NAMES = { [0] = 'l4:', 's4:', 'l6:', 's6:' }
local FIRST_FIELDS = { [0] = 'l4:0000', 's4:0000', 'l6:0000', 's6:0000' }

local function chunkField(list, number)
  if number == 0 then return FIRST_FIELDS[list] end
  return LIST_NAMES[list] .. string.format('%04x', number)
end

-- The key of the chunk's own hash; the last one is remembered, since an error of Redis's own names no key.
local lastChunk

local function chunkKey(key, field)
  lastChunk = key .. ':' .. field
  return lastChunk
end
