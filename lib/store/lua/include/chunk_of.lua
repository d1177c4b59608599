-- Which of a list's chunks holds an endpoint. The endpoint's bytes are the coefficients of a polynomial; its value at the
-- swarm's salt, modulo a prime, to the third power, is the hash: who does not know the salt cannot choose addresses that
-- share a chunk, or one host could fill one at will. (Without the third power the low bits, which choose the chunk, would
-- be those of the port, and addresses in a row would fall into few chunks for one salt of a hundred.)
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
  hash = hash * hash % CHUNK_HASH_PRIME * hash % CHUNK_HASH_PRIME
  local _, exponent = math.frexp(chunks)
  local half = 2 ^ (exponent - 1)
  local number = hash % (2 * half)
  if number >= chunks then return number - half end
  return number
end
