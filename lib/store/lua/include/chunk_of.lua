-- Which of a list's chunks holds an endpoint. The endpoint's bytes are the coefficients of a polynomial; its value at the
-- swarm's salt, modulo a prime, to the third power, is the hash: who does not know the salt cannot choose addresses that
-- share a chunk, or one host could fill one at will. (Without the third power the low bits, which choose the chunk, would
-- be those of the port, and addresses in a row would fall into few chunks for one salt of a hundred.)
-- Then linear hashing: with 2^k <= chunks < 2^(k+1), the first chunks are already split in two by bit k.
local CHUNK_HASH_PRIME = 1048573
local unpackBytes, frexp = struct.unpack, math.frexp

local function chunkOf(head, endpoint, chunks)
  if chunks == 1 then return 0 end
  local salt, prime, hash = unpackBytes('>I4', head, 21), CHUNK_HASH_PRIME, nil
  if #endpoint == 6 then
    local high, low, port = unpackBytes('>I2I2I2', endpoint)
    hash = ((high * salt + low) % prime * salt + port) % prime
  else
    local a, b, c, d, e, f = unpackBytes('>I3I3I3I3I3I3', endpoint)
    hash = (a * salt + b) % prime
    hash = (hash * salt + c) % prime
    hash = (hash * salt + d) % prime
    hash = (hash * salt + e) % prime
    hash = (hash * salt + f) % prime
  end
  hash = hash * hash % prime * hash % prime
  local _, exponent = frexp(chunks)
  local whole = 2 ^ exponent
  local number = hash % whole
  if number >= chunks then return number - whole / 2 end
  return number
end
