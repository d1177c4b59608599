-- Which of a list's chunks holds an endpoint, by linear hashing: with 2^k <= chunks < 2^(k+1), the first chunks are
-- already split in two by bit k. All bytes of the endpoint count, or one host could fill one chunk at will.
local function chunkOf(endpoint, chunks)
  if chunks == 1 then return 0 end
  local hash
  if #endpoint == 6 then
    local high, low, port = struct.unpack('>I2I2I2', endpoint)
    hash = (high * 40503 + low * 30029 + port * 50021) % 1048573
  else
    local a, b, c, d, e, f = struct.unpack('>I3I3I3I3I3I3', endpoint)
    hash = (a * 40503 + b * 30029 + c * 50021 + d * 61403 + e * 34217 + f * 57751) % 1048573
  end
  local _, exponent = math.frexp(chunks)
  local half = 2 ^ (exponent - 1)
  local number = hash % (2 * half)
  if number >= chunks then return number - half end
  return number
end
