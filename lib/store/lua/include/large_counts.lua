-- include: swarm_head chunk_field
-- What the chunks of a large swarm hold together, by their sizes: leechers, seeders, how many chunks are not empty, and
-- the fields of those that are no hash.
local function largeCounts(key, head)
  local sums, filled, broken = { [0] = 0, 0 }, 0, {}
  for list = 0, 3 do
    for number = 0, chunksOf(head, list) - 1 do
      local field = chunkField(list, number)
      local size = redis.pcall('HLEN', chunkKey(key, field))
      if type(size) == 'table' then
        broken[#broken + 1] = field
      elseif size > 0 then
        sums[list % 2] = sums[list % 2] + size
        filled = filled + 1
      end
    end
  end
  return sums[0], sums[1], filled, broken
end

-- Chunks whose sizes are asked for in one script: 10 ms, and some 350,000 peers. A larger swarm's counts are not compared.
local CHUNKS_COUNTED_MAX = 10000

local function chunksOfAll(head)
  return chunksOf(head, 0) + chunksOf(head, 1) + chunksOf(head, 2) + chunksOf(head, 3)
end
