-- A torrent without peers is kept for its completed downloads until a time that ends in a half: so its score in the index
-- says that it was found empty, and when it is to be removed. All other times when a swarm is due are whole seconds.
local function removalTime(now, keptS) return now + keptS + 0.5 end

local function isRemovalTime(due) return due and tonumber(due) % 1 > 0 end
