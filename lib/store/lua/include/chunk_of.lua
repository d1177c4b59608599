-- Which of a list's chunks holds an endpoint. The endpoint's bytes are the coefficients of a polynomial whose value at
-- the swarm's salt, modulo a prime, is the hash: who does not know the salt cannot choose addresses that share a chunk,
-- or one host of an IPv6 network could fill one at will.
-- Then linear hashing: with 2^k <= chunks < 2^(k+1), the first chunks are already split in two by bit k.
local CHUNK_HASH_PRIME = 1048573

local function chunkOf(head, endpoint, chunks)
  if chunks == 1 then return 0 end
  local salt, hash = struct.unpack('>I4', head, 21), nil
  if #endpoint == 6 then
    local high, low, port = struct.unpack('>I2I2I2', endpoint)
    hash = ((high * salt + low) % CHUNK_HASH_PRIME * salt + port) % CHUNK_HASH_PRIME
  else
    local a, b, c, d, e, f = struct.unpack('>I3I3I3I3I3I3', endpoint)
    hash = (a * salt + b) % CHUNK_HASH_PRIME
    hash = (hash * salt + c) % CHUNK_HASH_PRIME
    hash = (hash * salt + d) % CHUNK_HASH_PRIME
    hash = (hash * salt + e) % CHUNK_HASH_PRIME
    hash = (hash * salt + f) % CHUNK_HASH_PRIME
  end
  local _, exponent = math.frexp(chunks)
  local half = 2 ^ (exponent - 1)
  local number = hash % (2 * half)
  if number >= chunks then return number - half end
  return number
end
