#!lua flags=no-writes
-- Reads peers of one list of a large swarm, for a bounded time. Every peer that is in the list from the first call to the last is
-- read, however many chunks are split and given back meanwhile; some may be read twice. That is Redis's SCAN for linear hashing: hashes are
-- gone through by their bits in reverse, since a chunk that is split or given back stays within one stretch of that order.
--
-- keys: torrents:{09a}, the shard's index (all that is touched is in its slot)
-- args: prefix    of all keys
--       infoHash  40 hex
--       list      0 l4, 1 s4, 2 l6, 3 s6
--       from      where to go on, 0 at first
--       budget    how many peers may be read
-- reply: where to go on, 65536 at the end; then endpoints and values
-- include: swarm_head chunk_field whole_shard
local index, prefix, infoHash = KEYS[1], ARGV[1], ARGV[2]
local list, at, budget = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local call = redis.call
local shard = string.sub(index, -5)
needWholeShard(prefix, shard)
local key = prefix .. 'swarm:' .. shard .. ':' .. infoHash
-- There are up to 65,535 chunks.
local HASH_BITS = 16
local END = 2 ^ HASH_BITS

-- A number of so many bits, in reverse.
local function reversed(number, bits)
  local result = 0
  for _ = 1, bits do
    result = result * 2 + number % 2
    number = math.floor(number / 2)
  end
  return result
end

local head = call('HGET', key, 'head')
local chunks = head and #head == HEAD_BYTES and chunksOf(head, list) or 0
-- It has been emptied meanwhile.
if chunks == 0 then return { END } end

local _, exponent = math.frexp(chunks)
local bits = exponent - 1
local whole, width = 2 ^ bits, 2 ^ (HASH_BITS - bits)
local reply, read = { at }, 0

local function readChunk(number)
  local fields = call('HGETALL', chunkKey(key, chunkField(list, number)))
  for i = 1, #fields do reply[#reply + 1] = fields[i] end
  read = read + #fields / 2 + 2
end

while at < END and read < budget do
  local stretch = math.floor(at / width)
  local number = reversed(stretch, bits)
  readChunk(number)
  if number + whole < chunks then readChunk(number + whole) end
  at = (stretch + 1) * width
end
reply[1] = at
return reply
